#include "metrics/labels.hpp"

#include <array>

namespace sluice::metrics {
namespace {

// One word for each value, in the order of the enum; too few of them does not compile.
template <typename E, typename... Words>
constexpr auto words(Words... words_in_order) {
  static_assert(sizeof...(Words) == kValuesOf<E>);
  return std::array<std::string_view, sizeof...(Words)>{words_in_order...};
}

template <typename E, std::size_t N>
std::string_view pick(const std::array<std::string_view, N>& all, E value) {
  return all.at(static_cast<std::size_t>(value));
}

constexpr auto kAcquire = words<Acquire>("reused", "opened", "waited", "timeout", "failed");
constexpr auto kConnectPhase = words<ConnectPhase>("tcp", "tls", "auth", "total");
constexpr auto kOutcome = words<Outcome>("ok", "failed");
constexpr auto kQueryResult = words<QueryResult>("ok", "error");
constexpr auto kCacheResult = words<CacheResult>("hit", "miss", "evicted");
constexpr auto kTending = words<Tending>("validating", "resetting");
constexpr auto kClientState = words<ClientState>("login", "idle", "active", "waiting", "pinned");
constexpr auto kSide = words<Side>("client", "backend");
constexpr auto kDirection = words<Direction>("received", "sent");
constexpr auto kCancelResult =
    words<CancelResult>("forwarded", "nothing_running", "unknown", "failed");
constexpr auto kLoginMethod =
    words<LoginMethod>("trust", "password", "md5", "scram-sha-256", "mysql_native_password",
                       "mysql_clear_password", "caching_sha2_password", "other");
constexpr auto kMiddlewareVerdict =
    words<MiddlewareVerdict>("allowed", "refused", "delayed", "rewritten");
constexpr auto kRefusalReason =
    words<RefusalReason>("none", "token_missing", "token_oversized", "token_malformed",
                         "token_algorithm", "token_unknown", "token_signature", "token_expired",
                         "token_not_yet_valid", "token_issuer", "token_audience", "token_claim",
                         "write", "rule", "unseen", "rate", "connections", "address", "failed");
constexpr auto kCloseReason =
    words<pool::CloseReason>("idle", "lifetime", "validation", "error", "overflow", "reload",
                             "drain", "admin", "evicted", "reset_failed");

}  // namespace

std::string_view label_of(Acquire value) {
  return pick(kAcquire, value);
}
std::string_view label_of(ConnectPhase value) {
  return pick(kConnectPhase, value);
}
std::string_view label_of(Outcome value) {
  return pick(kOutcome, value);
}
std::string_view label_of(QueryResult value) {
  return pick(kQueryResult, value);
}
std::string_view label_of(CacheResult value) {
  return pick(kCacheResult, value);
}
std::string_view label_of(Tending value) {
  return pick(kTending, value);
}
std::string_view label_of(ClientState value) {
  return pick(kClientState, value);
}
std::string_view label_of(Side value) {
  return pick(kSide, value);
}
std::string_view label_of(Direction value) {
  return pick(kDirection, value);
}
std::string_view label_of(CancelResult value) {
  return pick(kCancelResult, value);
}
std::string_view label_of(LoginMethod value) {
  return pick(kLoginMethod, value);
}
std::string_view label_of(MiddlewareVerdict value) {
  return pick(kMiddlewareVerdict, value);
}
std::string_view label_of(RefusalReason value) {
  return pick(kRefusalReason, value);
}
std::string_view label_of(pool::CloseReason value) {
  return pick(kCloseReason, value);
}

LoginMethod login_method(std::string_view name) {
  for (std::size_t at = 0; at < kLoginMethod.size(); ++at) {
    if (kLoginMethod[at] == name) {
      return static_cast<LoginMethod>(at);
    }
  }
  return LoginMethod::other;
}

}  // namespace sluice::metrics
