#pragma once

// One client, from its first byte to its last. run() reads like the path of a query: TLS and login,
// route, then request by request: acquire a backend, forward, release. What the backend sends
// back is written by the backend's own reader, through deliver().

#include <memory>
#include <string>

#include "metrics/instruments.hpp"
#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"
#include "proxy/checkout.hpp"
#include "proxy/listener.hpp"
#include "proxy/stream.hpp"
#include "proxy/turn.hpp"

namespace sluice::proxy {

class Worker;

class Session final : public Holder, public std::enable_shared_from_this<Session> {
 public:
  // Takes the connected, non-blocking descriptor. `peer` is the client's address, for the log.
  Session(Worker& worker, const Listener& listener, int fd, std::string peer);
  ~Session() override;

  Task<void> run();

  // On the session's worker. A cancel request with the right key has come for this session.
  void cancel(bool query_only);
  // Close as soon as no transaction is open; at once when idle.
  void drain();
  // Close now, whatever runs.
  void kill(const protocol::Failure& why);

  const std::string& user() const { return login_->user; }
  Worker& worker() { return worker_; }
  std::uint32_t id() const { return id_; }

  bool deliver(Backend& backend, Chunk& chunk) override;
  Task<void> finish_delivery(Backend& backend, Chunk& chunk) override;
  Task<void> backend_gone(Backend& backend, protocol::Failure failure) override;

 private:
  // session_login.cpp
  Task<bool> log_in();
  Task<protocol::Status> authenticate();
  protocol::Status choose_route();
  Task<protocol::Status> welcome();
  Task<protocol::Result<protocol::Parameters>> reported_parameters();
  Task<void> refuse_login(protocol::Failure failure);
  Task<void> change_user(protocol::Buffer packet);
  protocol::AcceptOptions accept_options() const;

  // session.cpp: requests
  Task<void> serve();
  Task<bool> forward(Chunk& chunk);
  Task<bool> flush(protocol::Exchange& exchange);
  bool flush_now(protocol::Exchange& exchange);
  Task<bool> obtain_backend(protocol::Exchange& exchange);
  void hold(BackendPtr backend, protocol::Exchange& exchange);
  Task<bool> carry_out_special(protocol::Exchange& exchange);

  // session_backend.cpp: release, ends
  void after_delivery();
  void release_if_done();
  void let_go();
  void count(protocol::Facts& facts);
  void show_state();
  Task<void> say_goodbye();
  bool may_close_now() const;

  Worker& worker_;
  const Listener& listener_;
  Stream client_;
  Turn client_turn_;  // who writes to the client: this session's coroutine or the backend's reader
  const protocol::Exchange* turn_holder_ = nullptr;  // whose write is half done, if any
  Signal progress_;  // the conversation has moved on; what waited for a reply may go on
  metrics::ClientPresence presence_;
  const std::string peer_;
  const std::uint32_t id_;
  protocol::Buffer cancel_key_;  // until the session is entered under it

  // Sessions with equal logins share theirs, without what only the login itself needs.
  std::shared_ptr<const protocol::ClientLogin> login_;
  std::string route_;
  BackendPoolPtr pool_;
  std::unique_ptr<protocol::Conversation> conversation_;
  BackendPtr backend_;
  Checkout* checkout_ = nullptr;  // while waiting for one
  Turn backend_turn_;             // the same for the backend: who writes to it
  bool delivering_ = false;       // the backend's reader is inside finish_delivery()
  bool closing_ = false;
  bool draining_ = false;
  bool serving_ = false;
  protocol::PinSet counted_pins_;
  TimePoint asked_at_{};
  std::uint64_t lease_ = 0;  // counts the backends held, so that a late cancel finds another one
};

}  // namespace sluice::proxy
