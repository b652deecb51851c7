#pragma once

// The two halves of a pooled session, as bytes only.
//
//   client bytes  ──► Conversation::from_client ──► to_backend, to_client
//   backend bytes ──► Conversation::from_backend ─► to_client, to_backend
//
// A Conversation belongs to one client for its whole life. A Link belongs to one backend connection
// for its whole life: what was prepared on it, which settings it has, its ordered queue of expected
// replies. They are brought together by attach() for as long as the session holds the backend.
// Neither does I/O, knows the time, or blocks; both are used by one thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/login.hpp"
#include "protocol/outbox.hpp"
#include "protocol/result.hpp"
#include "protocol/settings.hpp"

namespace sluice::protocol {

// Why a session keeps its backend although its transaction is over. One bit each in a PinSet; the
// label is the metric's and SHOW SESSIONS' word.
enum class Pin : std::uint8_t {
  settings,       // SET that is not carried
  role,           // SET ROLE, SET SESSION AUTHORIZATION
  listen,         // LISTEN
  temporary,      // temporary tables, sequences, views
  prepared,       // SQL-level PREPARE
  cursor,         // WITH HOLD cursors; MySQL: open cursors of prepared statements; HANDLER
  lock,           // advisory locks, GET_LOCK, LOCK TABLES, FLUSH TABLES WITH READ LOCK
  user_variable,  // MySQL @variables
  diagnostics,    // warnings or an error that SHOW WARNINGS may ask for; until the next statement
  insert_id,      // LAST_INSERT_ID() that has not been carried
  found_rows,     // SQL_CALC_FOUND_ROWS
  long_data,      // COM_STMT_SEND_LONG_DATA before its EXECUTE
  backend_identity,  // pg_backend_pid(), CONNECTION_ID(): the client has seen the backend's id
  session,           // LOAD, setseed and other state without a name of its own
  replication,
  count_
};
std::string_view pin_label(Pin pin);

class PinSet {
 public:
  void add(Pin pin) { bits_ |= bit(pin); }
  void add(PinSet pins) { bits_ |= pins.bits_; }
  void remove(Pin pin) { bits_ &= ~bit(pin); }
  void clear() { bits_ = 0; }
  bool has(Pin pin) const { return (bits_ & bit(pin)) != 0; }
  bool any() const { return bits_ != 0; }
  std::uint32_t bits() const { return bits_; }
  friend bool operator==(PinSet a, PinSet b) { return a.bits_ == b.bits_; }

 private:
  static std::uint32_t bit(Pin pin) { return 1U << static_cast<unsigned>(pin); }
  std::uint32_t bits_ = 0;
};

// Filled by a Conversation during one call, read and reset by the session.
struct Facts {
  std::uint32_t queries = 0;           // requests whose last reply arrived
  std::uint32_t transactions = 0;      // transactions (or autocommit statements) that ended
  std::uint32_t errors = 0;            // error replies of the server that went to the client
  std::uint32_t prepared_hits = 0;     // statement was there on the backend already
  std::uint32_t prepared_misses = 0;   // had to be prepared first
  std::uint32_t prepared_evicted = 0;  // closed on the backend for want of room
  // An answer went beyond its limit (AnswerLimits): cancel what runs on the backend.
  bool cancel_running = false;
};

struct Exchange {
  Outbox to_client;
  Outbox to_backend;
  Facts facts;
};

// Why from_client() stopped.
enum class Need : std::uint8_t {
  input,    // all of `in` is consumed; call again with more
  backend,  // what comes next needs a backend: attach() one, or refuse(), then call again
  reply,    // what comes next must wait until from_backend() has made progress; then call again
  pause,    // the Inspector wants what comes next to wait: it is asked again at the next call
  close,  // the client said goodbye, or was told why it is thrown out: flush to_client, then close
};

// What must happen to a backend before somebody else gets it.
enum class Cleanup : std::uint8_t {
  none,      // clean
  rollback,  // a transaction is open, nothing is outstanding: roll it back
  reset,     // session state was changed: DISCARD ALL / COM_RESET_CONNECTION (and roll back)
  close,     // replies are outstanding or its state is unknown
};

enum class Ending : std::uint8_t { carry_on, close };

// Work on a backend that no session holds. Replies are swallowed.
enum class Chore : std::uint8_t {
  ping,  // PostgreSQL: empty query; MySQL: COM_PING
  rollback,
  commit,  // pool_reset_on_return: commit
  reset,   // full: session state back to what login and init_sql gave it, nothing prepared
  init,    // the pool's init_sql, on a connection that nobody has had yet
};
enum class ChoreState : std::uint8_t { pending, done, failed };

// One backend connection, seen as bytes.
class Link {
 public:
  virtual ~Link() = default;

  // Settings that this backend has beyond those of its login. Null: none.
  virtual const SettingsPtr& settings() const = 0;
  const BackendLogin& login() const { return login_; }

  virtual void start_chore(Chore chore, Outbox& to_backend) = 0;
  // Bytes that arrived while a chore runs. failed: close the connection.
  virtual ChoreState chore_bytes(Bytes in) = 0;
  // Why the last chore failed, where the server said so: its own codes, no word of the pool yet.
  // Null: the connection was lost, or the server broke the protocol.
  const Failure* chore_failure() const { return chore_failure_.get(); }
  // What the server said when it ended the connection under a session, if it said anything; the
  // client was told by the server itself.
  const Failure* last_words() const { return last_words_.get(); }
  // How many statements are prepared on it, as far as sessions prepared them by the protocol.
  virtual std::size_t prepared_statements() const = 0;
  // Chore::init must run before a session gets it.
  virtual bool needs_init() const = 0;
  // Bytes that arrived while nobody holds it and no chore runs. Notices and parameter reports are
  // fine; a failure (a shutdown notice, for one) means: close it.
  virtual Status idle_bytes(Bytes in) = 0;
  // PostgreSQL ParameterStatus values, kept up to date while idle and while leased.
  const Parameters& parameters() const { return login_.parameters; }

 protected:
  explicit Link(BackendLogin login) : login_(std::move(login)) {}
  BackendLogin login_;
  std::unique_ptr<Failure> chore_failure_;
  std::unique_ptr<Failure> last_words_;
};

// What a session of this pool and route starts with. Shared by all its sessions.
struct SessionDefaults {
  std::string isolation_level;     // "", or as in SQL: "READ COMMITTED"; AUTOCOMMIT is "" here
  bool read_only = false;          // transactions are read only until the client says otherwise
  std::optional<bool> autocommit;  // MySQL; empty: the server's
  // Name and value: what the session starts with, and goes back to by RESET; below what the client
  // asks for at its login. MySQL: "@name" is a user variable.
  Parameters settings;
  // Names that the client may not change: a statement that would, or a startup parameter that sets
  // one, is refused (statement_refused).
  std::vector<std::string> fixed;
  // With read_only: what would make transactions read write is refused (read_only_route).
  bool read_only_fixed = false;
  bool session_mode = false;  // pool_mode: session: the backend is kept until the client leaves
  bool statement_mode =
      false;  // pool_mode: statement: transactions of several requests are refused
  bool refuse_unsupported = false;            // unsupported_state: refuse
  std::string init_sql;                       // statements run on each new connection; "" = none
  std::size_t max_prepared_statements = 200;  // per backend connection
  std::size_t max_message = std::size_t{1} << 30U;  // bytes; larger ones are refused

  friend bool operator==(const SessionDefaults&, const SessionDefaults&) = default;
};

class Inspector;

class Conversation {
 public:
  virtual ~Conversation() = default;

  // Who is asked about requests, and told of answers; null: nobody. Borrowed, for as long as the
  // conversation lives. `keep` is how many bytes of a statement's text are kept for it at most.
  virtual void inspect(Inspector* inspector, std::size_t keep) = 0;

  // ---- before the first request

  // Bytes that tell the client that it is in: PostgreSQL: ParameterStatus..., BackendKeyData,
  // ReadyForQuery (AuthenticationOk was sent by the login machine); MySQL: the final OK packet.
  // `reported` are the parameters of a real backend that has this session's settings.
  virtual void welcome(const Parameters& reported, const CancelRequest& key, Outbox& to_client) = 0;

  // ---- requests

  // Consumes a prefix of `in` (advancing it) and says why it stopped. Pieces of the outboxes may
  // borrow from `in`: keep its bytes until the outboxes are written. Partial messages that must be
  // seen whole are kept inside (bounded by max_message).
  virtual Need from_client(Bytes& in, Exchange& out) = 0;
  // Always consumes all of `in`. Only while attached.
  virtual void from_backend(Bytes in, Exchange& out) = 0;

  // `link` stays valid until detach() or backend_lost(). May queue bytes: the difference between
  // the settings of the link and those of this session, its replies swallowed.
  virtual void attach(Link& link, Exchange& out) = 0;
  // Set when the server refused the settings that the last attach() sent: its own error. The link
  // is unclean then: detach() says close.
  virtual std::optional<Failure> attach_failure() const { return std::nullopt; }
  // The release rule of docs/architecture.md, seen from here: transaction idle, no reply
  // outstanding, no COPY, cursor, long data or LOCAL INFILE in flight, no partial message, no pin,
  // not session mode. The session adds: nothing unwritten, nothing unread.
  virtual bool may_release() const = 0;
  // Gives the link back, at a release or because the client is gone.
  virtual Cleanup detach() = 0;

  // True while a request has been sent to the backend and its last reply has not arrived.
  virtual bool outstanding() const = 0;
  virtual bool in_transaction() const = 0;
  // True when the backend cannot answer before it has more of the client's bytes: a message half
  // sent, COPY FROM STDIN, LOAD DATA LOCAL, a batch without its Sync.
  virtual bool awaits_client() const = 0;
  // True when the session is over (the client was told why, or said goodbye): flush to_client, then
  // close, as after Need::close. from_backend() may bring it about.
  virtual bool finished() const { return false; }
  // True between messages with nothing half-read: the client may be closed politely here.
  virtual bool at_rest() const = 0;

  // ---- when something fails

  // No backend for the request at the head (pool timeout, connect error): answers it in order with
  // a protocol-correct error and skips what belongs to it.
  virtual Ending refuse(const Failure& failure, Exchange& out) = 0;
  // The attached backend is gone; it is detached by this. Answers what was outstanding. close when
  // a reply was cut in the middle or a transaction was lost in a way that only closing tells.
  virtual Ending backend_lost(const Failure& failure, Exchange& out) = 0;
  // A final error before closing (shutdown, limits), correct at this point of the conversation.
  virtual void farewell(const Failure& failure, Outbox& to_client) = 0;

  // ---- what the session asks

  // Settings that the session wants its backend to have. Null: none. Its hash is what the pool
  // prefers; attach() sends the difference.
  virtual const SettingsPtr& settings() const = 0;
  // Backends with another class cannot serve this session at all (MySQL capabilities such as
  // FOUND_ROWS that are fixed at login). 0 for PostgreSQL.
  virtual std::uint64_t link_class() const = 0;
  virtual PinSet pins() const = 0;
  // How many prepared statements the client has, by names or ids of its own.
  virtual std::size_t prepared_statements() const = 0;
  // The client has asked for READ UNCOMMITTED for one transaction, which the settings do not show.
  virtual bool asked_for_uncommitted() const { return false; }

  // MySQL COM_CHANGE_USER and KILL, PostgreSQL nothing: requests that the session itself must carry
  // out. Set when from_client() returned Need::backend or Need::reply is never combined with this;
  // see mysql/conversation.hpp. The session answers with complete_special().
  struct Special {
    enum class Kind : std::uint8_t { change_user, kill } kind;
    std::uint32_t connection_id = 0;  // kill: the virtual id
    bool query_only = false;          // kill: KILL QUERY
    Buffer packet;                    // change_user: the COM_CHANGE_USER payload
  };
  virtual std::optional<Special> take_special() { return std::nullopt; }
  virtual void complete_special(const Status& /*outcome*/, Exchange& /*out*/) {}
};

}  // namespace sluice::protocol
