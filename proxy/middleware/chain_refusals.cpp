// What a chain makes of refusals, and of middleware that fails: counted, worded as the route wants
// them, and logged.

#include <string>
#include <utility>

#include "metrics/labels.hpp"
#include "metrics/log.hpp"
#include "protocol/sql/trace_comment.hpp"
#include "proxy/middleware/chain.hpp"

namespace sluice::proxy::middleware {

protocol::Failure Chain::own_failure(const Entry& entry, std::string_view what) {
  return protocol::fail(protocol::FailureKind::middleware_failed,
                        "the middleware " + std::string(entry.middleware->name()) +
                            " failed, so that this is refused; see the log of sluice",
                        std::string(what));
}

// Counts and words a refusal, and logs it: that of a login (`request` is null) is logged by who
// asked.
void Chain::refused(const Entry& entry, Verdict& verdict, const protocol::Request* request) {
  if (!verdict.failure) {
    verdict.refuse(RefusalReason::failed, own_failure(entry, "refused without a failure"));
  }
  protocol::Failure& failure = *verdict.failure;
  instruments(entry).verdicts(metrics::MiddlewareVerdict::refused).add();
  instruments(entry).refusals(verdict.reason).add();
  word(failure);
  const std::string_view reason = metrics::label_of(verdict.reason);
  if (request != nullptr) {
    if (metrics::log::enabled(metrics::log::level_of(failure_row(failure.kind).severity))) {
      const auto trace = protocol::sql::traceparent_of(request->text);
      metrics::log::failed("request_refused", failure,
                           about(identity_, trace ? std::string_view(*trace) : ""),
                           {{"middleware", entry.middleware->name()}, {"why", reason}});
    }
    return;
  }
  failure.detail = std::string(entry.middleware->name()) + ": " + std::string(reason) +
                   (failure.detail.empty() ? "" : "; " + failure.detail);
}

// The client hears what the route says; the log keeps what the middleware has said.
void Chain::word(protocol::Failure& failure) const {
  if (on_refuse_ == nullptr) {
    return;
  }
  if (!on_refuse_->message.empty()) {
    failure.detail = failure.text + (failure.detail.empty() ? "" : "; " + failure.detail);
    failure.text = on_refuse_->message;
  }
  if (!on_refuse_->sqlstate.empty()) {
    failure.sqlstate_override = on_refuse_->sqlstate;
  }
  if (on_refuse_->mysql_errno != 0) {
    failure.mysql_errno_override = on_refuse_->mysql_errno;
  }
}

void Chain::failed(const Entry& entry, std::string_view phase, std::string_view what) const {
  metrics::log::write(
      metrics::log::Level::error, "middleware_failed", about(identity_),
      {{"middleware", entry.middleware->name()}, {"phase", phase}, {"error", what}});
}

}  // namespace sluice::proxy::middleware
