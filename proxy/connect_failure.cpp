#include "proxy/connect_failure.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;

// "Not now", as the servers put it. PostgreSQL: too_many_connections, admin_shutdown,
// crash_shutdown, cannot_connect_now. MySQL: ER_CON_COUNT_ERROR, ER_OUT_OF_RESOURCES,
// ER_SERVER_SHUTDOWN, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED,
// ER_SERVER_OFFLINE_MODE.
constexpr std::array<std::string_view, 4> kLaterStates{"53300", "57P01", "57P02", "57P03"};
constexpr std::array<std::uint16_t, 6> kLaterNumbers{1040, 1041, 1053, 1203, 1226, 3032};
// Of those, what says that the server is not there rather than that it is full.
constexpr std::array<std::string_view, 3> kStoppedStates{"57P01", "57P02", "57P03"};
constexpr std::array<std::uint16_t, 2> kStoppedNumbers{1053, 3032};

template <typename States, typename Numbers>
bool among(const Failure& failure, const States& states, const Numbers& numbers) {
  return std::find(states.begin(), states.end(), failure.sqlstate_override) != states.end() ||
         std::find(numbers.begin(), numbers.end(), failure.mysql_errno_override) != numbers.end();
}

bool refused(const Failure& failure) {
  return failure.kind == FailureKind::backend_login_failed ||
         failure.kind == FailureKind::unknown_database;
}

}  // namespace

bool is_permanent(const Failure& failure) {
  if (failure.kind == FailureKind::backend_tls_failed ||
      failure.kind == FailureKind::backend_unclean) {
    return true;
  }
  return refused(failure) && !among(failure, kLaterStates, kLaterNumbers);
}

bool tries_next_address(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::backend_unreachable:
    case FailureKind::backend_lost:
    case FailureKind::backend_protocol:
      return true;
    default:
      return refused(failure) && among(failure, kStoppedStates, kStoppedNumbers);
  }
}

}  // namespace sluice::proxy
