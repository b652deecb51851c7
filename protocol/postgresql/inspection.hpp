#pragma once

// What a conversation keeps for its Inspector. A session without one has none of it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/inspector.hpp"
#include "protocol/postgresql/statements.hpp"
#include "protocol/settings.hpp"

namespace sluice::protocol::postgresql {

// An answer that the Inspector waits for.
struct Due {
  AnswerLimits limits;
  std::uint64_t fetch = 0;  // Execute: rows after which the portal is suspended
  bool limited() const { return limits.rows != 0 || limits.bytes != 0; }
};

// First in, first out.
class DueAnswers {
 public:
  bool empty() const { return first_ == entries_.size(); }
  Due& front() { return entries_[first_]; }
  void push(const Due& due) { entries_.push_back(due); }
  void pop() {
    if (++first_ == entries_.size()) {
      entries_.clear();
      first_ = 0;
    }
  }

 private:
  std::vector<Due> entries_;
  std::size_t first_ = 0;
};

// What a command tag says that its statement may have done.
enum class Deed : std::uint8_t {
  nothing,  // read, or what ends with its transaction
  wrote,    // is there if its transaction commits
  kept,     // committed, or beyond the reach of a rollback
};
Deed deed_of(std::string_view tag, bool copied_out);
// The number at the end of a tag; 0 where there is none.
std::uint64_t rows_of(std::string_view tag);

class Inspection {
 public:
  Inspection(Inspector& asked, std::size_t kept_bytes)
      : inspector(asked), reads_answers(asked.reads_answers()), keep(kept_bytes) {}

  Inspector& inspector;
  const bool reads_answers;
  const std::size_t keep;  // bytes of a text that are seen together

  // ---- the request at the head: it was allowed, and its answer is not in `due` yet
  bool admitted = false;
  bool waved_ahead = false;  // at a Bind: the next Execute was waved through already
  Due admission;
  Buffer rewritten;  // the message in the place of the client's; empty: as it came
  std::shared_ptr<const sql::Digest> digest;  // made for a Parse, for the statement that it makes

  void forget_admission() {
    admission = {};
    rewritten.clear();
    if (digest) {
      digest.reset();
    }
  }
  // It goes to the backend. True: it will have an answer.
  bool take_admission() {
    if (admitted) {
      due.push(admission);
    }
    return std::exchange(admitted, false);
  }

  // ---- how texts are read: what the session's settings say of it, looked up once for each of them
  SettingsPtr encoding_of;
  bool double_byte = false;

  // ---- answers of what is on the backend, in the order of its replies
  DueAnswers due;
  std::uint64_t rows = 0;   // of the first of them, by its tags
  std::uint64_t shown = 0;  // rows that went to the client, where a limit counts them
  std::uint64_t bytes = 0;
  std::string sqlstate;  // of its error

  // ---- a result that was cut: nothing is shown until the ReadyForQuery of its request
  bool cut = false;           // from the row that was too many
  bool cut_in_front = false;  // the answer that was cut is still the first of `due`
  bool errored = false;       // the server has ended it by an error
  bool wrote = false;         // a statement of the request has changed something
  bool copied_out = false;    // the statement in front is a COPY TO
  bool saw_row = false;       // ... or has sent rows
  bool failing = false;       // our own query fails the transaction

  // A request that ends leaves something to do.
  bool has_end() const { return cut || wrote || knows_portals(); }
  void forget_cut() {
    cut = cut_in_front = errored = wrote = copied_out = saw_row = failing = false;
  }

  // ---- portals: the statement that each was bound from; null: not known. Valid until the portal
  // is bound anew, closed or forgotten.
  void bind(std::string_view portal, StatementPtr statement);
  void close(std::string_view portal);
  const StatementPtr* statement_of(std::string_view portal) const;
  bool knows_portals() const { return unnamed_ != nullptr || !named_.empty(); }
  void forget_portals() {
    if (unnamed_) {
      unnamed_.reset();
    }
    if (!named_.empty()) {
      named_.clear();
    }
  }

 private:
  StatementPtr unnamed_;
  std::unordered_map<std::string, StatementPtr> named_;
};

}  // namespace sluice::protocol::postgresql
