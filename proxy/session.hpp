#pragma once

// One client, from its first byte to its last. run() reads like the path of a query: TLS and login,
// middleware and route, then request by request: acquire a backend, forward, release. What the
// backend sends back is written by the backend's own reader, through deliver().

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/instruments.hpp"
#include "metrics/log.hpp"
#include "protocol/console.hpp"
#include "protocol/conversation.hpp"
#include "proxy/backend.hpp"
#include "proxy/checkout.hpp"
#include "proxy/console/run.hpp"
#include "proxy/deadlines.hpp"
#include "proxy/listener.hpp"
#include "proxy/middleware/chain.hpp"
#include "proxy/policy.hpp"
#include "proxy/stream.hpp"
#include "proxy/turn.hpp"

namespace sluice::proxy {

namespace op {
struct SessionView;
}

class Credentials;
class Worker;

class Session final : public Holder,
                      private PeerWatch,
                      public std::enable_shared_from_this<Session> {
 public:
  // Takes the connected, non-blocking descriptor. `peer` is who has connected: the client, or a
  // load balancer that is about to say who the client is.
  Session(Worker& worker, ListenerPtr listener, int fd, std::string peer);
  ~Session() override;

  Task<void> run();

  // On the session's worker. A cancel request with the right key has come for this session.
  void cancel(bool query_only);
  // It was accepted above max_client_connections: only the console is open to it.
  void be_in_reserve() { in_reserve_ = true; }
  // Close as soon as no transaction is open; at once when idle or logging in.
  void drain();
  // As drain(), with a word of its own for the client.
  void leave(const protocol::Failure& why);
  // Leaves if a reload has taken away what it stands on: its user, the pool of its route or that of
  // its backend.
  void leave_if_gone(const Credentials& credentials);
  // How often its limits are to be looked at; zero: it has none.
  Duration sweep_interval() const;
  // Close now, whatever runs, telling the client why where the protocol allows it. What runs is
  // cancelled on the server; an open transaction is rolled back.
  void kill(protocol::Failure why);
  // An operator wants its client to connect again: closed as by drain(), with this said.
  void send_away(protocol::Failure why);
  // What limits and middleware ask for at this moment. Called by the worker's sweep.
  void apply_limits();

  const std::string& user() const { return login_->user; }
  Worker& worker() { return worker_; }
  std::uint32_t id() const { return id_; }
  // What every line of the log says of it.
  metrics::log::About about() const;
  std::uint32_t session_id() const override { return id_; }
  // Of its route; null before the login has ended.
  const BackendPool* pool() const { return pool_.get(); }
  // Of the backend that it holds, to which a rule may have brought it; null: it holds none.
  const BackendPool* lender() const { return backend_ != nullptr ? lender_.get() : nullptr; }
  metrics::ClientState state() const { return presence_.state(); }
  // On the session's worker.
  op::SessionView view() const;

  bool deliver(Backend& backend, Chunk& chunk) override;
  Task<void> finish_delivery(Backend& backend, Chunk& chunk) override;
  Task<void> backend_gone(Backend& backend, protocol::Failure failure) override;

 private:
  // session_login.cpp
  Task<bool> log_in();
  using Attributes = protocol::Parameters;  // of the login, for sluice alone
  Task<protocol::Status> learn_address(TimePoint deadline);
  Task<protocol::Status> authenticate(TimePoint deadline, protocol::Buffer& unsent,
                                      Attributes& attributes);
  void note_failed_login(const protocol::Failure& failure);
  void logged_in_as(protocol::ClientLogin login, Credentials& credentials, Attributes& attributes);
  Task<protocol::Status> welcome(const protocol::Buffer& unsent);
  Task<protocol::Result<protocol::Parameters>> reported_parameters();
  Task<void> refuse_login(protocol::Failure failure, protocol::Buffer unsent);
  Task<void> change_user(protocol::Buffer packet);
  protocol::AcceptOptions accept_options() const;

  // session_route.cpp
  protocol::Status choose_route(const Attributes& attributes);
  protocol::Status enter_chains(Candidate& login, middleware::Login& left);
  protocol::Status take_route(const Candidate& login, middleware::Login* left);
  protocol::Status begin_conversation(const middleware::Login* left);
  std::shared_ptr<const protocol::SessionDefaults> defaults(const middleware::Login* left);
  middleware::Identity identity(const Attributes& attributes) const;
  BackendPoolPtr pool_of(const config::Pool& pool) const;
  BackendPoolPtr pool_of_request();
  void note_isolation();
  std::string_view isolation() const;
  std::string_view shown_name() const;
  std::string_view route_name() const;
  void close_chain();

  // session_console.cpp
  bool asks_for_console() const;
  protocol::Status enter_console();
  Task<bool> carry_out_command(protocol::ConsoleCommand command, protocol::Exchange& exchange);
  void answer_command(const protocol::Result<console::Answer>& outcome,
                      protocol::Exchange& exchange);

  // session.cpp: requests
  Task<void> serve();
  Task<bool> forward(Chunk& chunk);
  Task<bool> flush(protocol::Exchange& exchange);
  bool flush_now(protocol::Exchange& exchange);
  Task<bool> obtain_backend(protocol::Exchange& exchange);
  void hold(BackendPtr backend, protocol::Exchange& exchange);
  Task<bool> carry_out_special(protocol::Exchange& exchange);
  Task<bool> pause();
  Task<void> cancels_are_over();

  // session_backend.cpp: delivery, release
  bool pass_on(Chunk& chunk);
  void after_delivery();
  void release_if_done();
  void let_go();
  void count(protocol::Facts& facts);
  void count_client_bytes(metrics::Direction direction, std::size_t size);
  void show_state();
  void count_prepared(std::size_t statements);

  // session_reload.cpp
  void note_removed_user(const Credentials& credentials, const std::string& user);

  // session_ends.cpp
  bool may_close_now() const;
  void end(protocol::Failure why);
  Task<void> say_goodbye();
  void apply_limits_of_time(SessionClock clock);
  void apply_middleware(const SessionClock& clock);
  SessionClock clock();
  config::Limits limits(SessionClock& clock) const;
  void end_by_limit(protocol::FailureKind limit, std::string text);
  void cancel_overdue_query();
  void cancel_what_runs();
  Task<void> run_cancel(std::shared_ptr<Session> self, BackendPtr backend, bool query_only,
                        std::function<bool()> still_wanted);
  void stop_pausing(protocol::Failure why);
  void peer_closed() override;
  Task<void> answer_the_rest();
  void abandon(std::string_view what);
  void moved();

  Worker& worker_;
  const ListenerPtr its_listener_;  // as it was when the client came
  const Listener& listener_;
  Stream client_;
  Turn client_turn_;  // who writes to the client: this session's coroutine or the backend's reader
  const protocol::Exchange* turn_holder_ = nullptr;  // whose write is half done, if any
  Signal progress_;  // the conversation has moved on; what waited for a reply may go on
  metrics::ClientPresence presence_;
  std::string peer_;  // the client's address, as far as it is known
  const std::uint32_t id_;
  const TimePoint connected_at_;
  protocol::Buffer cancel_key_;  // until the session is entered under it

  // Sessions with equal logins share theirs, without what only the login itself needs.
  std::shared_ptr<const protocol::ClientLogin> login_;
  PolicyPtr policy_;  // that it logged in under; null before
  const Policy::Route* route_ = nullptr;
  std::unique_ptr<middleware::Chain> chain_;  // null: no middleware. The conversation asks it
  BackendPoolPtr pool_;                       // the route's
  BackendPoolPtr lender_;                     // of backend_, or of the last one
  std::unique_ptr<protocol::Conversation> conversation_;
  protocol::ConsoleConversation* console_ = nullptr;  // conversation_, of a client on the console
  BackendPtr backend_;
  Checkout* checkout_ = nullptr;  // while waiting for one
  Turn backend_turn_;             // the same for the backend: who writes to it
  bool delivering_ = false;       // the backend's reader is inside finish_delivery()
  bool closing_ = false;
  bool draining_ = false;
  bool serving_ = false;
  bool trying_ = false;       // settings of a login on a backend
  bool broken_ = false;       // an exception was caught: the conversation's state is unknown
  bool left_ = false;         // the client's FIN came alone, long after its last bytes
  bool timed_out_ = false;    // query_timeout has cancelled what runs
  bool interrupted_ = false;  // a cancel has come for a command of the console that waits
  bool in_reserve_ = false;   // above max_client_connections: for the console alone
  bool pausing_ = false;      // middleware delays the request at the head
  bool uncommitted_ = false;  // counted as one that reads what others have not committed
  protocol::PinSet counted_pins_;
  metrics::Stake prepared_;
  std::unique_ptr<protocol::Failure> last_word_;  // what the client is told at the end, if anything
  TimePoint asked_at_{};
  TimePoint heard_at_{};        // the client's last bytes
  TimePoint moved_at_{};        // see SessionClock
  TimePoint transaction_at_{};  // as the sweep has seen it; zero: none seen
  TimePoint logged_in_at_{};
  std::uint64_t settings_seen_ = 0;  // hash of those that note_isolation() has looked at
  std::uint64_t lease_ = 0;  // counts the backends held, so that a late cancel finds another one
};

}  // namespace sluice::proxy
