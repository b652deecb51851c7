#pragma once

// Who may use the console and the HTTP API: a clear-text password against whatever is stored.
// Thread-safe.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "protocol/bytes.hpp"

namespace sluice::proxy::op {

class Doorman {
 public:
  Doorman();

  // What the user may do; empty: user or password are wrong. CPU-heavy, the same for every form of
  // a secret and for a user who does not exist; cheap for who was right before under the same
  // configuration, since pages ask again and again.
  std::optional<config::AdminRight> authenticate(
      const std::shared_ptr<const config::Config>& config, const std::string& user,
      const std::string& password);

 private:
  static constexpr std::size_t kRemembered = 64;

  bool remembered(const std::shared_ptr<const config::Config>& config, const std::string& user,
                  const protocol::Buffer& proof);
  void remember(const std::shared_ptr<const config::Config>& config, const std::string& user,
                protocol::Buffer proof);

  const protocol::Buffer key_;  // of the proofs
  std::mutex mutex_;
  std::shared_ptr<const config::Config> config_;  // that the proofs were made under
  std::map<std::string, protocol::Buffer> proofs_;
};

}  // namespace sluice::proxy::op
