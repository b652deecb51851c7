#pragma once

// The ordered queue of replies that a backend owes. Everything that depends on a reply (a statement
// is known, a setting applies, a pin is needed) waits in the entry and is carried out when the
// real reply arrives; replies of our own take their turn as entries too.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/conversation.hpp"
#include "protocol/postgresql/statements.hpp"

namespace sluice::protocol::postgresql {

enum class Reply : std::uint8_t {
  parse,
  bind,
  close,
  describe_statement,
  describe_portal,
  execute,
  sync,
  query,
  function_call,
  settings,  // our own Query that applies settings; swallowed
  copy_end,  // CopyDone or CopyFail sent before the server said that it copies; has no reply
  local,     // a reply of our own: Aftermath::local
};

// What is rare enough to live apart from the entry.
struct Aftermath {
  std::unique_ptr<const sql::Effects> own;  // of a simple Query
  StatementPtr statement;                   // or of the statement that runs
  SettingsPtr settings;                     // Reply::settings: what applies on success
  bool reapplies = false;                   // Reply::settings sent inside a transaction
  bool reports = false;                     // Reply::settings: the client hears the new values
  Buffer local;                     // bytes for the client: instead of a reply, or of an error
  std::string only_if;              // `local` replaces only an error with this SQLSTATE
  std::string name;                 // the client's statement that this entry names or removes
  bool maps = false;                // Parse: `name` is mapped by this entry
  bool unmaps = false;              // Close, DEALLOCATE: `name` was unmapped by this entry
  ClientStatements::Entry removed;  // what `name` meant before
  bool deallocates = false;         // the tag of DISCARD PLANS is reported as DEALLOCATE
  std::uint32_t serial = 0;         // statements older than this go with DEALLOCATE ALL

  const sql::Effects* effects() const {
    return own ? own.get() : statement ? statement->effects.get() : nullptr;
  }
};

struct Expected {
  Reply kind = Reply::query;
  bool visible = true;     // goes to the client
  bool described = false;  // ParameterDescription has come
  bool failed = false;
  bool succeeded = false;  // a statement of it has
  bool unnamed = false;    // Parse: of the unnamed statement, by the client
  bool asked = false;      // the Inspector waits for how it ends
  StatementPtr previous;   // the client's unnamed statement before it
  PreparedPtr prepared;    // the name in use on the backend
  std::unique_ptr<Aftermath> aftermath;
};

class Expectations {
 public:
  bool empty() const { return first_ == entries_.size(); }
  std::size_t size() const { return entries_.size() - first_; }
  Expected& front() { return entries_[first_]; }
  const Expected& front() const { return entries_[first_]; }
  Expected& back() { return entries_.back(); }
  Expected& at(std::size_t index) { return entries_[first_ + index]; }
  const Expected& at(std::size_t index) const { return entries_[first_ + index]; }
  // True: a request before the present batch is not answered yet.
  bool ends_a_batch() const {
    return std::any_of(entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end(),
                       [](const Expected& entry) {
                         return entry.kind == Reply::sync || entry.kind == Reply::query;
                       });
  }
  Expected& push(Reply kind) {
    entries_.emplace_back().kind = kind;
    return entries_.back();
  }
  Expected pop() {
    Expected entry = std::move(entries_[first_++]);
    compact();
    return entry;
  }
  void erase(std::size_t index) {
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(first_ + index));
    compact();
  }
  void clear() {
    entries_.clear();
    first_ = 0;
  }

 private:
  void compact() {
    if (first_ == entries_.size()) {
      clear();
    } else if (first_ >= 64 && first_ * 2 >= entries_.size()) {
      entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }

  std::vector<Expected> entries_;
  std::size_t first_ = 0;
};

}  // namespace sluice::protocol::postgresql
