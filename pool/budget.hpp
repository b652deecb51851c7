#pragma once

// A cap over several pools, such as max_db_connections.

#include <cstddef>

namespace sluice::pool {

// Thread-safe; must be shared by pools alone, which keep it alive.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  std::size_t limit() const { return limit_; }

 private:
  std::size_t limit_;
};

}  // namespace sluice::pool
