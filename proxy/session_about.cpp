// What lines of the log say of a session. See docs/logs.md.

#include "metrics/log.hpp"
#include "protocol/sql/trace_comment.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {

metrics::log::About Session::about() const {
  metrics::log::About about;
  about.add("session", id_)
      .add("client", peer_)
      .add("listener", listener_.config->name)
      .add("user", login_->user)
      .add("database", login_->database)
      .add("route", route_name());
  if (lender_ != nullptr) {
    about.add("pool", lender_->name());
  }
  if (backend_ != nullptr) {
    about.add("backend", backend_->address());
  }
  if (chain_ != nullptr && protocol::sql::valid_traceparent(chain_->identity().traceparent)) {
    about.add("traceparent", chain_->identity().traceparent);
  }
  return about;
}

}  // namespace sluice::proxy
