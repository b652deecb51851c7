// What lines of the log say of a session that has middleware. See docs/logs.md.

#include "protocol/sql/trace_comment.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

metrics::log::About about(const Identity& identity, std::string_view traceparent) {
  metrics::log::About about;
  about.add("session", identity.session)
      .add("client", identity.address)
      .add("listener", identity.listener)
      .add("user", identity.user)
      .add("database", identity.database)
      .add("route", identity.route)
      .add("pool", identity.pool);
  if (!traceparent.empty()) {
    about.add("traceparent", traceparent);
  } else if (protocol::sql::valid_traceparent(identity.traceparent)) {
    about.add("traceparent", identity.traceparent);
  }
  return about;
}

}  // namespace sluice::proxy::middleware
