#pragma once

// The steps of from_pgbouncer(), on one draft.

#include <string>
#include <vector>

#include "config/convert/draft.hpp"
#include "config/convert/ini.hpp"

namespace sluice::config::convert::pgbouncer {

// Reads and takes settings of [pgbouncer].
class Settings {
 public:
  explicit Settings(SourceMap& source) : source_(source) {}

  std::string text(std::string_view key, std::string_view otherwise = {}) {
    return source_.take_or(key, otherwise);
  }
  bool given(std::string_view key) const;
  // Whole and positive, or a note that it is not, and `otherwise`.
  long long number(std::string_view key, long long otherwise, Draft& draft);
  // Seconds, maybe with a fraction, as milliseconds.
  long long milliseconds(std::string_view key, long long otherwise, Draft& draft);
  SourceMap& source() { return source_; }

 private:
  SourceMap& source_;
};

// [databases] and [users], and what of [pgbouncer] is about pools and routes.
SourceError add_pools(Ini& ini, Settings& settings, Draft& draft);

// "host" of a database: a list of hosts, or a folder of sockets.
bool is_local(std::string_view host);

}  // namespace sluice::config::convert::pgbouncer
