// What an operator sees of a session.

#include <utility>

#include "proxy/operator/views.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

op::SessionView Session::view() const {
  const TimePoint now = worker_.loop.now();
  op::SessionView view;
  view.id = id_;
  view.protocol = listener_.dialect->protocol();
  view.listener = listener_.config->name;
  view.user = login_->user;
  view.database = login_->database;
  view.client = peer_;
  view.worker = worker_.index;
  view.state = presence_.state();
  view.tls = login_->tls;
  view.age = now - connected_at_;
  view.connected_at = std::chrono::system_clock::now() -
                      std::chrono::duration_cast<op::WallTime::duration>(view.age);
  view.state_age = now - (moved_at_ == TimePoint{} ? connected_at_ : moved_at_);
  view.route = route_name();
  if (checkout_ != nullptr) {
    view.wait = now - checkout_->asked_at();
  } else if (pausing_) {
    view.wait = now - asked_at_;
  }
  if (conversation_ == nullptr || pool_ == nullptr) {
    return view;  // it logs in, or is on the console
  }
  view.pool = pool_->name();
  view.application_name = shown_name();
  view.isolation_level = isolation();
  if (backend_ != nullptr) {
    view.backend = backend_->id();
    view.pins = conversation_->pins();
    view.in_transaction = conversation_->in_transaction();
  }
  return view;
}

}  // namespace sluice::proxy
