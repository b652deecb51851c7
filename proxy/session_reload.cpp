// What a reload means for a session that is there.

#include <utility>

#include "proxy/credentials.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {

using protocol::Failure;
using protocol::FailureKind;

void Session::leave(const Failure& why) {
  if (!last_word_) {
    last_word_ = std::make_unique<Failure>(why);
  }
  drain();
}

void Session::leave_if_gone(const Credentials& credentials) {
  for (const BackendPool* pool : {pool(), lender()}) {
    if (pool != nullptr && pool->removed()) {
      leave(protocol::fail(FailureKind::shutting_down, removed_text(pool->name())));
      return;
    }
  }
  if (!login_->user.empty()) {
    note_removed_user(credentials, login_->user);
    if (draining_) {
      drain();
    }
  }
}

void Session::note_removed_user(const Credentials& credentials, const std::string& user) {
  if (credentials.knows(user)) {
    return;
  }
  draining_ = true;
  if (!last_word_) {
    last_word_ = std::make_unique<Failure>(protocol::fail(
        FailureKind::shutting_down, "user \"" + user + "\" was removed from the configuration"));
  }
}

Duration Session::sweep_interval() const {
  return policy_ != nullptr ? policy_->sweep_interval() : Duration::zero();
}

}  // namespace sluice::proxy
