#pragma once

// How middleware sees requests and their answers without knowing a wire protocol: a Conversation
// that has an Inspector asks it before a request goes to a backend, and tells it how it ended.
//
//   client bytes ──► Conversation ── waves_through(kind) ──► yes: it goes on as it is
//                                 └─ ask(Request) ──► Verdict: allow | refuse | delay | rewrite
//   backend bytes ─► Conversation ── answered(Answer)
//
// Without an Inspector nothing of this is done and nothing is paid for it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/failure.hpp"
#include "protocol/sql/digest.hpp"

namespace sluice::protocol {

enum class RequestKind : std::uint8_t {
  query,  // PostgreSQL Query, MySQL COM_QUERY: text that runs at once; may hold several statements
  // Parse, COM_STMT_PREPARE: text that does not run yet; has no answered(). Also a Bind (`bound`).
  prepare,
  execute,  // Execute, COM_STMT_EXECUTE: runs what was prepared; text is what was prepared
  other,    // a request without text that touches data: FunctionCall, COM_FIELD_LIST
};

// How a session reads strings, for who wants to know.
class SyntaxSource {
 public:
  virtual ~SyntaxSource() = default;
  virtual sql::ScannerOptions request_syntax() const = 0;
};

// One request, valid during ask() alone. `text` is what the client sent.
class Request {
 public:
  RequestKind kind = RequestKind::query;
  std::string_view text;
  // The text is longer than what is kept for middleware (limits.max_pinned_buffer): `text` is its
  // beginning. Who must have seen all of it refuses.
  bool truncated = false;
  bool in_transaction = false;  // between BEGIN and its end
  // The session holds no backend and none of its state binds it to one: the request may go to
  // another pool.
  bool may_move = false;
  // A Bind of a session that has no backend, of a text that was asked about when it was prepared:
  // asked here, it can wait or go elsewhere before it takes a backend. Its Execute is asked, too.
  bool bound = false;
  // How the session reads strings; looked up when first asked for.
  const sql::ScannerOptions& syntax() const;
  void read_as(const sql::ScannerOptions& options) { syntax_ = options; }
  void read_by(const SyntaxSource& source) { source_ = &source; }  // which outlives the request

  // Made at the first call, and kept in `*kept` where there is such a place (of a prepared
  // statement), so that it is made once for each text.
  const sql::Digest& digest() const { return *shared_digest(); }
  const std::shared_ptr<const sql::Digest>& shared_digest() const;
  std::shared_ptr<const sql::Digest>* kept = nullptr;

 private:
  const SyntaxSource* source_ = nullptr;
  mutable std::optional<sql::ScannerOptions> syntax_;
  mutable std::shared_ptr<const sql::Digest> digest_;
};

// Bounds of one answer; 0 = none. A result that goes beyond is cut: the client gets an error in the
// place of the next row, what runs is cancelled, and no later statement of the same request takes
// effect unseen (where that cannot be had, the connection ends).
struct AnswerLimits {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // of rows, as they travel
  friend bool operator==(const AnswerLimits&, const AnswerLimits&) = default;
};

// What the client of a cut answer is told, after `rows` rows.
Failure limit_failure(const AnswerLimits& limits, std::uint64_t rows);

struct Verdict {
  enum class Kind : std::uint8_t {
    allow,
    refuse,  // `failure` answers the request; it reaches no backend
    delay,   // not yet: from_client() says Need::pause, and asks again when it is called again
    // As allow, with `text` in place of the client's: of query and prepare, not of a truncated one,
    // whose text goes on as it is.
    rewrite,
  };
  Kind kind = Kind::allow;
  std::optional<Failure> failure;
  std::string text;
  AnswerLimits limits;
};

// How a request ended. One for each query, execute and other that ask() allowed, in their order,
// whatever happens: of one that never reached a backend, too.
struct Answer {
  enum class End : std::uint8_t {
    done,
    failed,   // the server, or sluice in its place, answered with an error
    limited,  // cut at an AnswerLimit
    skipped,  // behind an error of its batch: it did not run
    lost,     // the backend or the client is gone: nobody knows
  };
  End end = End::done;
  std::uint64_t rows = 0;     // sent to the client, or changed
  std::uint64_t bytes = 0;    // of rows sent to the client; 0 where no limit made it count
  std::string_view sqlstate;  // of failed; valid during the call
  std::uint16_t mysql_errno = 0;
};

// Owned by who attached it; called on the session's thread by the Conversation, and does not call
// back into it. noexcept in effect: what it throws ends the session.
class Inspector {
 public:
  virtual ~Inspector() = default;
  // True: the request at hand is allowed as it is, without a look at it; it has no limits, and its
  // end is not told. False: ask() is called for it next. At a Bind that needs a backend it is
  // called of the execute that comes: true is for the next one that does, whenever that is.
  virtual bool waves_through(RequestKind /*kind*/) { return false; }
  virtual Verdict ask(const Request& request) = 0;
  virtual void answered(const Answer& answer) = 0;
  // Whether answers are looked into: their rows are told, and limits may cut them. Where not,
  // an Answer says how it ended and no more, and no Verdict has limits. Asked once, at inspect().
  virtual bool reads_answers() const { return true; }
  // Whether the next Bind is asked about, of a session that has no backend: what it is for may be
  // delayed or go elsewhere. Asked at each of them.
  virtual bool asks_at_bind() const { return true; }
};

}  // namespace sluice::protocol
