#pragma once

// What a middleware is. A Middleware is one entry of a chain in the configuration: made once,
// shared by all workers, and by the configurations that have it unchanged; immutable but for what
// it guards itself. A Part is what one session has of
// it: made at the login, used on the session's worker alone, and told of each phase in turn:
//
//   on_login             once, before any backend is touched; may refuse, and leave things in Login
//   on_login_end         once, when the chain has let the session in, or refused it; the route is
//                        known where one was matched
//   passes               where all who want requests are gates: the request is allowed unseen
//   on_request           before a request goes to a backend: allow | refuse | delay | rewrite
//   on_decided           what the whole chain said, unless it was a delay
//   on_answer            an allowed request ended (not of RequestKind::prepare)
//   on_transaction_end   a transaction, or a statement outside of one, ended
//   on_tick              now and then, whatever the session does
//   on_close             always, exactly once, for each Part that exists, in reverse order
//
// The global chain's parts come first, then the route's, each in the order of the file. The chain
// stops at the first that refuses or delays; after a delay it goes on with the one that said so,
// and asks those before it no second time. Nothing here blocks, does I/O or reads a clock: slow
// work goes to Background. What a Part throws is caught by the Chain: on_login and on_request
// refuse then (FailureKind::middleware_failed), the others are logged and go on with the next Part.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/middleware.hpp"
#include "metrics/instruments.hpp"
#include "metrics/log.hpp"
#include "protocol/conversation.hpp"
#include "protocol/dialect.hpp"
#include "protocol/inspector.hpp"
#include "protocol/login.hpp"
#include "protocol/result.hpp"

namespace sluice::proxy::middleware {

class Background;
class StatementTable;

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::system_clock::time_point;
using metrics::RefusalReason;

struct Now {
  TimePoint steady;
  WallTime wall;
};

// Who a session is. Lives as long as the session's chain.
struct Identity {
  protocol::Protocol protocol = protocol::Protocol::postgresql;
  std::uint32_t session = 0;  // the id that the client, SHOW SESSIONS and the log see
  std::string listener;
  std::string route;  // "" while the global chain runs at the login
  std::string pool;   // of the route; likewise
  std::string user;
  std::string database;
  std::string address;           // of the client, without its port; "" on a unix socket
  std::string application_name;  // PostgreSQL's parameter; MySQL's attribute program_name
  std::string tls_subject;       // of the verified client certificate, RFC 2253; "" without one
  bool tls = false;
  // A `traceparent` startup parameter or connection attribute.
  std::string traceparent;
};

// What every line of the log says of it. `traceparent` is the one of a statement, where there is
// one: it goes before that of the connection.
metrics::log::About about(const Identity& identity, std::string_view traceparent = {});

// What on_login sees and may leave behind.
struct Login {
  const Identity& identity;
  // Startup parameters or connection attributes whose name begins with "sluice.", and those named
  // in some require_token: they go no further than here.
  const protocol::Parameters& attributes;
  Now now;

  // Verified, for the match of routes and the audit. A claim that is a list is there once for each
  // of its elements: one that matches is enough.
  protocol::Parameters claims{};
  // The database session starts with them; one name once.
  protocol::Parameters settings{};
  std::vector<std::string> fixed{};  // names among them that the client cannot change
  bool read_only = false;            // transactions are read only, and stay so
};

struct Verdict {
  using Kind = protocol::Verdict::Kind;
  Kind kind = Kind::allow;
  std::optional<protocol::Failure> failure;    // of refuse
  RefusalReason reason = RefusalReason::none;  // of refuse
  Duration delay{0};                           // of delay: ask again after this
  std::string text;                            // of rewrite
  Duration timeout{0};                         // 0 = none; the shortest of the chain counts
  protocol::AnswerLimits limits;               // likewise
  std::string pool;                            // "" = the route's; the last of the chain counts

  bool goes_on() const { return kind == Kind::allow || kind == Kind::rewrite; }
  void refuse(RefusalReason why, protocol::Failure with) {
    kind = Kind::refuse;
    reason = why;
    failure = std::move(with);
  }
};

// An allowed request, from its decision to its answer; kept by the Chain.
struct Asked {
  protocol::RequestKind kind = protocol::RequestKind::query;
  TimePoint at;                                         // when it was allowed
  std::shared_ptr<const protocol::sql::Digest> digest;  // where a Part wants it
  std::string text;                                     // likewise
  std::string pool;                                     // where it went; "" = the route's
  bool in_transaction = false;                          // when it was asked
  bool truncated = false;                               // `digest` and `text` are of its beginning
};

struct TransactionEnd {
  Now now;
};

// What a Part wants to be called for; what nobody wants is not done.
struct Wants {
  bool request = false;
  // Of these, also Request::bound, where may_hold() does not deny it: who delays or moves what is
  // to run.
  bool bind = false;
  bool decided = false;
  bool answer = false;  // also whoever sets Verdict::limits
  bool digest = false;  // Asked::digest
  bool text = false;    // Asked::text
  bool transaction_end = false;
  bool tick = false;
  // Most requests can be allowed unseen: passes() says which. That saves what describing a request
  // costs where all of a chain that want `request` are so, and nobody wants `decided` or `answer`.
  bool gate = false;
};

// Why on_tick wants the session to end: told to the client, an open transaction rolled back.
using Ending = std::optional<protocol::Failure>;

// What on_tick is told of its session.
struct Moment {
  Now now;
  bool in_transaction = false;
  bool running = false;      // a request is on the backend
  TimePoint moved_at;        // when the last request was begun or answered
  TimePoint transaction_at;  // when the open transaction began; as exact as the ticks
  // What transactions of the session begin with: "REPEATABLE READ"; of a server whose default
  // nobody has changed where neither the session nor its route says.
  std::string_view isolation;
};

class Part {
 public:
  Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  virtual ~Part() = default;

  virtual void on_login(Login& /*login*/, Verdict& /*verdict*/) {}
  // `verdict` is allow or refuse.
  virtual void on_login_end(const Login& /*login*/, const Verdict& /*verdict*/) {}
  // `verdict` is what those before it have said: allow or rewrite.
  virtual void on_request(const protocol::Request& /*request*/, const Now& /*now*/,
                          Verdict& /*verdict*/) {}
  // With Wants::gate: on_request would allow the request whatever it says, and has been told of it
  // by this. False: nothing was done, and on_request is called. noexcept in effect.
  virtual bool passes(protocol::RequestKind /*kind*/, const Now& /*now*/) { return false; }
  // With Wants::gate: the Verdict::timeout of each request; the same for the life of the Part.
  virtual Duration timeout() const { return Duration{0}; }
  // With Wants::bind: on_request would delay or move what a Bind is for, as far as can be known
  // now. False saves the question; noexcept in effect.
  virtual bool may_hold(const Now& /*now*/) const { return true; }
  virtual void on_decided(const protocol::Request& /*request*/, const Now& /*now*/,
                          const Verdict& /*verdict*/) {}
  virtual void on_answer(const Asked& /*asked*/, const protocol::Answer& /*answer*/,
                         const Now& /*now*/) {}
  virtual void on_transaction_end(const TransactionEnd& /*end*/) {}
  virtual Ending on_tick(const Moment& /*moment*/) { return std::nullopt; }
  virtual void on_close(const Now& /*now*/) noexcept {}
};

// What a Part is made with. All outlive it.
struct Place {
  const Identity& identity;
  metrics::MiddlewareInstruments& instruments;  // of this entry and worker
  Background& background;
  StatementTable* statements = nullptr;  // of this worker; null where nothing runs
};

class Middleware {
 public:
  Middleware() = default;
  Middleware(const Middleware&) = delete;
  Middleware& operator=(const Middleware&) = delete;
  virtual ~Middleware() = default;

  virtual std::string_view name() const = 0;  // as in the configuration
  virtual Wants wants() const = 0;
  virtual std::unique_ptr<Part> begin(const Place& place) = 0;
  // Where its own threads count, if it has any; called before the first begin().
  virtual void count_with(std::shared_ptr<metrics::MiddlewareInstruments> /*instruments*/) {}
  // SIGUSR1: files that were moved away are opened anew.
  virtual void reopen() {}
};

using Made = protocol::Result<std::unique_ptr<Middleware>>;

}  // namespace sluice::proxy::middleware
