#include "proxy/middleware/connection_limit.hpp"

#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;

using Counts = std::unordered_map<std::string, std::size_t>;

// One bound of the options: the sessions of each value of one member of Identity.
struct Bound {
  std::size_t most = 0;  // 0 = none
  std::string_view option;
  std::string Identity::*of = nullptr;  // null: all sessions are counted together
  Counts counts{};

  bool concerns(const Identity& identity) const {
    return most != 0 && (of != &Identity::address || !identity.address.empty());
  }
  std::string key(const Identity& identity) const {
    return of == nullptr ? std::string() : identity.*of;
  }
};

constexpr std::size_t kBounds = 4;
// Where a session is counted, for each bound; null: it is not.
using Places = std::array<Counts::value_type*, kBounds>;

class ConnectionLimit final : public Middleware {
 public:
  explicit ConnectionLimit(const config::ConnectionLimit& options)
      : bounds_{Bound{options.total, "total"}, Bound{options.per_user, "per_user", &Identity::user},
                Bound{options.per_address, "per_address", &Identity::address},
                Bound{options.per_database, "per_database", &Identity::database}} {}

  std::string_view name() const override { return "connection_limit"; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& /*place*/) override;

  // Counts it for all bounds or for none. `places` are to be given back, whatever is returned.
  std::optional<protocol::Failure> take(const Identity& identity, Places& places) {
    const std::lock_guard lock(mutex_);
    for (const Bound& bound : bounds_) {
      const auto found =
          bound.concerns(identity) ? bound.counts.find(bound.key(identity)) : bound.counts.end();
      if (found != bound.counts.end() && found->second >= bound.most) {
        return full(bound, identity);
      }
    }
    for (std::size_t index = 0; index < kBounds; ++index) {
      Bound& bound = bounds_[index];
      if (bound.concerns(identity)) {
        auto& count = *bound.counts.try_emplace(bound.key(identity), 0).first;
        ++count.second;
        places[index] = &count;
      }
    }
    return std::nullopt;
  }

  void give_back(Places& places) {
    const std::lock_guard lock(mutex_);
    for (std::size_t index = 0; index < kBounds; ++index) {
      auto* count = std::exchange(places[index], nullptr);
      if (count != nullptr && --count->second == 0) {
        bounds_[index].counts.erase(bounds_[index].counts.find(count->first));
      }
    }
  }

 private:
  static protocol::Failure full(const Bound& bound, const Identity& identity) {
    const std::string whose =
        bound.of == nullptr ? "" : " for '" + bound.key(identity).substr(0, 200) + "'";
    return protocol::fail(FailureKind::connection_limit,
                          "too many sessions" + whose + ": connection_limit." +
                              std::string(bound.option) + " is " + std::to_string(bound.most) +
                              "; close sessions that are not needed, or raise it");
  }

  std::mutex mutex_;
  std::array<Bound, kBounds> bounds_;
};

class ConnectionPart final : public Part {
 public:
  explicit ConnectionPart(ConnectionLimit& limit) : limit_(limit) {}
  ~ConnectionPart() override { limit_.give_back(places_); }
  ConnectionPart(const ConnectionPart&) = delete;
  ConnectionPart& operator=(const ConnectionPart&) = delete;

  void on_login(Login& login, Verdict& verdict) override {
    if (auto failure = limit_.take(login.identity, places_)) {
      verdict.refuse(RefusalReason::connections, std::move(*failure));
    }
  }
  void on_close(const Now& /*now*/) noexcept override { limit_.give_back(places_); }

 private:
  ConnectionLimit& limit_;
  Places places_{};
};

std::unique_ptr<Part> ConnectionLimit::begin(const Place& /*place*/) {
  return std::make_unique<ConnectionPart>(*this);
}

}  // namespace

Made make(const config::ConnectionLimit& options) {
  if (options.total == 0 && options.per_user == 0 && options.per_address == 0 &&
      options.per_database == 0) {
    return protocol::fail(FailureKind::internal,
                          "connection_limit: needs one of total, per_user, per_address and "
                          "per_database");
  }
  return std::unique_ptr<Middleware>(std::make_unique<ConnectionLimit>(options));
}

}  // namespace sluice::proxy::middleware
