#pragma once

// Who asks, by HTTP Basic. A password that was right is remembered for a while under a keyed hash,
// so that the heavy work of verifying is done once and not for each request; guessing is slowed
// down, by caller and user, and in all. Thread-safe; blocks while it verifies.

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"
#include "protocol/bytes.hpp"
#include "proxy/admin/message.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::proxy::admin {

struct Identity {
  op::Actor actor;
  op::Right right = op::Right::none;
};

enum class Unknown : std::uint8_t {
  no_credentials,  // or not those of HTTP Basic
  wrong,
  too_many,  // tried too often: not even looked at
};

class Authenticator {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Of one caller's address and user: so many failures, then one more each second. Of all together:
  // verifications at once, and each second.
  static constexpr double kFailures = 5;
  static constexpr double kVerifications = 20;
  static constexpr auto kRemembered = std::chrono::seconds(60);
  static constexpr std::size_t kMaxEntries = 1024;

  explicit Authenticator(op::Operator& house);

  std::variant<Identity, Unknown> identify(const Request& request, TimePoint now);

 private:
  using ConfigPtr = std::shared_ptr<const config::Config>;

  // A bucket that a try takes one from, and that a second puts `rate` into.
  struct Bucket {
    double level = 0;
    TimePoint filled{};
    double at(double capacity, double rate, TimePoint now) const;
    bool take(double capacity, double rate, TimePoint now);
  };

  bool remembered(const std::string& key, const ConfigPtr& config, TimePoint now);
  void remember(const std::string& key, const ConfigPtr& config, TimePoint now);
  bool may_try(const std::string& who, TimePoint now);
  void forgive(const std::string& who);
  std::string keyed(std::string_view user, std::string_view password) const;

  op::Operator& house_;
  const protocol::Buffer key_;  // of this process
  std::mutex mutex_;            // of what follows; not held while a password is verified
  ConfigPtr config_;            // under which `known_` was learned
  std::map<std::string, TimePoint> known_;  // keyed hash -> until when
  std::map<std::string, Bucket> failures_;  // by address and user
  Bucket verifications_;
};

}  // namespace sluice::proxy::admin
