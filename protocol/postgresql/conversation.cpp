#include "protocol/postgresql/conversation.hpp"

#include <utility>

#include "protocol/postgresql/session_state.hpp"

namespace sluice::protocol::postgresql {

ClientConversation::ClientConversation(const ClientLogin& login,
                                       std::shared_ptr<const SessionDefaults> defaults)
    : defaults_(std::move(defaults)),
      startup_(startup_settings(login.parameters, *defaults_)),
      wanted_(startup_),
      replication_(login.replication),
      guarded_(!defaults_->fixed.empty() || defaults_->read_only_fixed) {
  if (guarded_) {
    if (auto refusal = fixed_refusal(*defaults_, login.parameters)) {
      login_refusal_ = std::make_unique<Failure>(std::move(*refusal));
    }
  }
}

ClientConversation::Scratch& ClientConversation::scratch() {
  if (!scratch_) {
    scratch_ = std::make_unique<Scratch>();
  }
  return *scratch_;
}

void ClientConversation::welcome(const Parameters& reported, const CancelRequest& key,
                                 Outbox& to_client) {
  if (replication_) {
    farewell(fail(FailureKind::unsupported_feature,
                  "replication connections are not supported; connect to the server itself"),
             to_client);
    finished_ = true;
    return;
  }
  if (login_refusal_) {
    farewell(*login_refusal_, to_client);
    finished_ = true;
    return;
  }
  Buffer bytes;
  for (const auto& [name, value] : reported) {
    if (name == "standard_conforming_strings") {
      backslash_escapes_ = value == "off";
    }
    put_parameter_status(bytes, name, value);
  }
  put_backend_key_data(bytes, key.process_id, key.key);
  put_ready_for_query(bytes, 'I');
  to_client.own(bytes);
  welcomed_ = true;
}

void ClientConversation::attach(Link& link, Exchange& out) {
  link_ = static_cast<BackendLink*>(&link);
  link_->forwarding = false;
  stale_ = used_ = replied_ = batch_failed_ = settle_ = sequence_ok_ = false;
  attach_failure_.reset();
  bring_settings(out);
}

std::optional<Failure> ClientConversation::attach_failure() const {
  return attach_failure_ ? std::optional<Failure>(*attach_failure_) : std::nullopt;
}

bool ClientConversation::outstanding() const {
  return link_ != nullptr &&
         (!link_->expected.empty() || (forwarding_ && reader_.left() != 0) || mid_reply());
}

bool ClientConversation::in_transaction() const {
  return link_ != nullptr && !link_->unclean && (link_->status != 'I' || batch_open_);
}

bool ClientConversation::awaits_client() const {
  return link_ != nullptr &&
         (batch_open_ || link_->copy_in || (forwarding_ && reader_.left() != 0));
}

bool ClientConversation::at_rest() const {
  return reader_.left() == 0 && !reader_.holding() && !skipping_ && !drop_head_ && !outstanding();
}

bool ClientConversation::may_release() const {
  if (link_ == nullptr || outstanding()) {
    return false;
  }
  if (link_->unclean || link_->broken || finished_) {
    return !batch_open_ || finished_;
  }
  return link_->status == 'I' && !batch_open_ && !link_->copy_in && !link_->ignoring &&
         !link_->fatal && !pins_.any() && !defaults_->session_mode;
}

Cleanup ClientConversation::detach() {
  if (link_ == nullptr) {
    return Cleanup::none;
  }
  lose_answers();
  BackendLink& link = *std::exchange(link_, nullptr);
  backslash_escapes_ = link.backslash_escapes();
  bool lost = link.unclean || link.broken || link.fatal || link.ending || stale_ || link.copy_in ||
              link.ignoring || batch_open_ || !link.expected.empty() ||
              (forwarding_ && reader_.left() != 0) || link.reader.left() != 0;
  bool changed =
      pins_.any() || (defaults_->session_mode && used_) || (link.baseline && link.baseline->rerun);
  // What is left of a request that will not be answered belongs to nobody.
  forwarding_ = batch_open_ = settle_ = sequence_ok_ = batch_failed_ = false;
  skip_to_sync_ = fail_at_sync_ = false;
  reset_ = Reset::none;
  if (inspection_) {
    inspection_->forget_cut();
    inspection_->forget_portals();
  }
  pins_.clear();
  scratch_.reset();
  portal_.reset();
  reapply_.reset();
  if (lost) {
    link.expected.clear();
    return Cleanup::close;
  }
  if (changed) {
    return Cleanup::reset;
  }
  return link.status == 'I' ? Cleanup::none : Cleanup::rollback;
}

Ending ClientConversation::refuse(const Failure& failure, Exchange& out) {
  answer_admitted(Answer::End::failed, failure.sqlstate());
  admitted_ = false;
  Buffer bytes;
  put_error_response(bytes, failure, ErrorLevel::error);
  if (head_type_ == frontend::kQuery || head_type_ == frontend::kFunctionCall) {
    put_ready_for_query(bytes, 'I');
    drop_head_ = true;
    ++out.facts.queries;
  } else {
    skipping_ = true;
  }
  out.to_client.own(bytes);
  return Ending::carry_on;
}

// An error and a ReadyForQuery can stand for a lost backend only where nothing of the reply was
// seen and nothing but this one request was lost; everything else is told by closing.
Ending ClientConversation::backend_lost(const Failure& failure, Exchange& out) {
  if (link_ == nullptr) {
    return finished_ ? Ending::close : Ending::carry_on;
  }
  lose_answers();
  BackendLink& link = *link_;
  bool idle = link.expected.empty() && !batch_open_;
  bool told = link.fatal || finished_ || !welcomed_;
  bool cut = mid_reply();
  bool fragment = forwarding_ && reader_.left() != 0;  // the request's end is still to come
  bool lost_state = link.status != 'I' || pins_.any() || defaults_->session_mode || link.copy_in;
  std::size_t requests = 0;
  for (std::size_t i = 0; i < link.expected.size(); ++i) {
    Reply kind = link.expected.at(i).kind;
    bool ends = kind == Reply::query || kind == Reply::sync || kind == Reply::function_call;
    requests += ends ? 1 : 0;
  }
  bool extended = requests == 0 || link.expected.back().kind == Reply::sync;
  requests += batch_open_ ? 1 : 0;
  bool answerable = requests <= 1 && !replied_ && !cut;
  if (told || cut || lost_state || (!idle && !answerable)) {
    if (!told && !cut) {
      farewell(failure, out.to_client);
    }
    finished_ = true;
    detach();
    answer_admitted(Answer::End::lost);
    return Ending::close;
  }
  bool open = batch_open_;
  link.expected.clear();
  detach();
  if (idle && !fragment) {
    return Ending::carry_on;
  }
  Buffer bytes;
  put_error_response(bytes, failure, ErrorLevel::error);
  if (open) {
    skipping_ = true;
  } else {
    put_ready_for_query(bytes, 'I');
    ++out.facts.queries;
  }
  static_cast<void>(extended);
  out.to_client.own(bytes);
  return Ending::carry_on;
}

void ClientConversation::farewell(const Failure& failure, Outbox& to_client) {
  if (mid_reply() || finished_) {
    return;  // nothing can be said in the middle of a message, nor after the last word
  }
  Buffer bytes;
  put_error_response(bytes, failure, ErrorLevel::fatal);
  to_client.own(bytes);
}

}  // namespace sluice::protocol::postgresql
