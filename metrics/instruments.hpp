#pragma once

// Every metric that the code counts, one member each. A worker owns one WorkerInstruments, and one
// set of instruments for each pool, listener, route and entry of a chain; it gets them from the
// Registry, which sums them over the workers at a scrape. The names, the help texts and the labels
// are the rows of metrics/table.cpp, one for each member.

#include <cstdint>
#include <optional>
#include <string_view>

#include "metrics/cells.hpp"
#include "protocol/conversation.hpp"
#include "protocol/failure.hpp"

// Defined in pool/pool.hpp, which is a layer above this one; a test compares size and labels.
namespace sluice::pool {
enum class CloseReason : std::uint8_t;
}

namespace sluice::metrics {

template <>
inline constexpr std::size_t kValuesOf<pool::CloseReason> = 10;

// How an acquire ended: with an idle connection, a new one, either of them after a wait, or not.
enum class Acquire : std::uint8_t { reused, opened, waited, timeout, failed, count_ };
enum class ConnectPhase : std::uint8_t { tcp, tls, auth, total, count_ };
enum class Outcome : std::uint8_t { ok, failed, count_ };
enum class QueryResult : std::uint8_t { ok, error, count_ };
enum class CacheResult : std::uint8_t { hit, miss, evicted, count_ };
// What sluice itself does with a backend connection that is lent to nobody.
enum class Tending : std::uint8_t { validating, resetting, count_ };
enum class ClientState : std::uint8_t { login, idle, active, waiting, pinned, count_ };
enum class Side : std::uint8_t { client, backend, count_ };
enum class Direction : std::uint8_t { received, sent, count_ };
// forwarded: sent to the backend; nothing_running: the session held no backend; unknown: the key
// fits no session; failed: the backend could not be told.
enum class CancelResult : std::uint8_t { forwarded, nothing_running, unknown, failed, count_ };
// What a chain of middleware said of a login or a request.
enum class MiddlewareVerdict : std::uint8_t { allowed, refused, delayed, rewritten, count_ };
// Why; for the operator alone where the client is told less.
enum class RefusalReason : std::uint8_t {
  none,
  token_missing,
  token_oversized,
  token_malformed,
  token_algorithm,  // "none", or another one than the keys are for
  token_unknown,    // not in the file of tokens; no key of this id
  token_signature,
  token_expired,
  token_not_yet_valid,
  token_issuer,
  token_audience,
  token_claim,
  write,
  rule,
  unseen,  // too long to be seen whole
  rate,
  connections,
  address,
  failed,  // the middleware itself
  count_
};
enum class LoginMethod : std::uint8_t {
  trust,
  password,
  md5,
  scram_sha_256,
  mysql_native_password,
  mysql_clear_password,
  caching_sha2_password,
  other,
  count_
};
// From protocol::ClientLogin::method; a name that is not in the list is `other`.
LoginMethod login_method(std::string_view name);

using protocol::FailureKind;
using protocol::Pin;

// One per pool of the configuration and worker.
struct alignas(64) PoolInstruments {
  Counters<Acquire> acquires;
  Counter acquire_timeouts;
  Histogram wait;
  Histogram use;
  Histograms<ConnectPhase> connect;
  Counter connections_opened;
  Counters<pool::CloseReason> connections_closed;
  Counters<Outcome> pings;
  Counters<Outcome> keepalives;
  Counters<Outcome> warmed;
  Counters<Outcome> resets;
  Counters<QueryResult> queries;
  Counter transactions;
  Counters<Direction> client_bytes;
  Counter query_timeouts;
  Histogram query_duration;
  Histogram transaction_duration;
  Counters<CacheResult> prepared_cache;
  Gauges<Side> prepared;        // statements, as Stakes
  Gauges<Tending> tended;       // backend connections
  Gauges<ClientState> clients;  // whose route leads here; by way of ClientPresence
  Gauges<Pin> pinned_sessions;
  Counters<Pin> pins;
  Counters<FailureKind> backend_errors;
};

// One per listener and worker.
struct alignas(64) ListenerInstruments {
  Gauges<ClientState> connections;  // by way of ClientPresence
  Counter connections_total;
  Counters<FailureKind> rejected;  // turned away before or after the login, by the failure's kind
  Counters<LoginMethod, Outcome> logins;
  Counters<FailureKind> auth_failures;
  Counters<FailureKind> sessions_ended;  // by a limit
  Histogram login_duration;
};

// One per entry of a chain (label route, "" = the global chain; label middleware) and worker.
// The Chain counts verdicts, refusals, ended and delay; the middleware itself counts the others.
struct alignas(64) MiddlewareInstruments {
  Counters<MiddlewareVerdict> verdicts;
  Counters<RefusalReason> refusals;
  Counter reports;  // of n_plus_one, snapshot_age, idle_in_transaction: what they found
  Counter ended;    // sessions that it ended
  Counter cut;      // answers that row_limit or result_limit cut
  Counter dropped;  // lines that found their queue full
  Counter lost;     // lines that could not be written
  Histogram delay;  // that requests had to wait
};

// One per route of the configuration and worker.
struct alignas(64) RouteInstruments {
  Counter sessions;
  Counter read_uncommitted;  // sessions that came to read what others have not committed
};

// One per worker.
struct alignas(64) WorkerInstruments {
  Counters<Side, Direction> bytes;
  Counters<CancelResult> cancels;
  Gauge fingerprints;            // in the worker's table of statement_statistics
  Counter fingerprints_evicted;  // put together there with all others, for lack of room
  // By the worker's heartbeat.
  Histogram loop_lag;       // how late it was
  Gauge heartbeat_due;      // steady clock, nanoseconds; 0: the worker does not run
  Gauge buffer_bytes;       // lent to streams
  Gauge free_buffer_bytes;  // kept to be lent
};

// What is not counted but asked for at a scrape, on the scraping thread.
struct PoolSample {
  std::int64_t idle = 0;
  std::int64_t used = 0;        // lent to a session
  std::int64_t validating = 0;  // pinged by sluice
  std::int64_t resetting = 0;   // cleaned by sluice, before another session gets it
  std::int64_t connecting = 0;
  std::int64_t closing = 0;
  std::int64_t failures = 0;  // openings that failed one after the other, the most of its pools
  std::int64_t size = 0;      // pool_size
  std::int64_t min_idle = 0;
  std::int64_t overflow_max = 0;  // -1 = no bound
  std::int64_t pending = 0;
  std::chrono::nanoseconds oldest_wait{0};
  std::optional<bool> backend_up = std::nullopt;  // empty: nobody has tried yet
  bool paused = false;                            // by an operator
  bool disabled = false;                          // likewise
};

// One client connection's place in sluice_client_connections, and in sluice_pool_clients once its
// route is known; on its worker's thread.
class ClientPresence {
 public:
  explicit ClientPresence(ListenerInstruments& listener) : listener_(listener) {
    listener_.connections_total.add();
    listener_.connections(state_).add();
  }
  ~ClientPresence() {
    listener_.connections(state_).sub();
    leave();
  }
  ClientPresence(const ClientPresence&) = delete;
  ClientPresence& operator=(const ClientPresence&) = delete;

  void become(ClientState state) {
    listener_.connections(state_).sub();
    listener_.connections(state).add();
    if (pool_ != nullptr) {
      pool_->clients(state_).sub();
      pool_->clients(state).add();
    }
    state_ = state;
  }
  // `pool` must be there until it leaves.
  void join(PoolInstruments& pool) {
    leave();
    pool_ = &pool;
    pool.clients(state_).add();
  }
  void leave() {
    if (pool_ != nullptr) {
      pool_->clients(state_).sub();
      pool_ = nullptr;
    }
  }
  ClientState state() const { return state_; }

 private:
  ListenerInstruments& listener_;
  PoolInstruments* pool_ = nullptr;
  ClientState state_ = ClientState::login;
};

}  // namespace sluice::metrics
