#pragma once

// Prepared statements of the binary protocol, on both sides. A client's ids are its own; a backend
// prepares a text when a statement with it is run there first, and forgets the one that was used
// longest ago when it has too many.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/sql/digest.hpp"
#include "protocol/sql/mysql_classifier.hpp"

namespace sluice::protocol::mysql {

// A text that was prepared once; immutable and shared by sessions and backends.
struct Statement {
  std::string text;
  std::uint64_t hash = 0;
  std::uint16_t params = 0;
  sql::MysqlStatement effects;
};
using StatementPtr = std::shared_ptr<const Statement>;

std::shared_ptr<Statement> make_statement(std::string_view text, std::uint16_t params,
                                          sql::MysqlStatement effects);

// One id of one client.
struct ClientStatement {
  std::uint32_t id = 0;
  bool cursor = false;     // the server has rows of it that were not fetched
  bool long_data = false;  // parameters were sent ahead of EXECUTE
  bool broken = false;     // long data of it was lost: the next EXECUTE must fail
  StatementPtr statement;
  std::string types;  // the parameter types of its last EXECUTE, two bytes each
  std::shared_ptr<const sql::Digest> digest;  // Request::kept
};

class ClientStatements {
 public:
  static constexpr std::size_t kMax = 16382;  // as a server's max_prepared_stmt_count

  std::uint32_t next_id() const { return next_id_; }
  bool full() const { return entries_.size() >= kMax; }
  ClientStatement& add(StatementPtr statement);
  ClientStatement* find(std::uint32_t id);
  void erase(std::uint32_t id);
  bool any_cursor() const;
  bool any_long_data() const;
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<ClientStatement> entries_;  // ids ascend
  std::uint32_t next_id_ = 1;
};

// What one backend connection has prepared.
class LinkStatements {
 public:
  struct Entry {
    StatementPtr statement;
    std::uint64_t context = 0;  // parse_context() of the session that prepared it
    std::uint64_t used = 0;
    std::uint32_t id = 0;     // the backend's
    std::string types;        // the parameter types that the server has for it
    std::uint32_t holds = 0;  // open cursors and long data: it must not be closed
  };

  // Null if the backend lacks it. The entry lives until the next add() or erase().
  Entry* find(const StatementPtr& statement, std::uint64_t context);
  Entry& add(StatementPtr statement, std::uint64_t context, std::uint32_t id);
  // Takes out what has to be closed so that at most `max` stay, and older preparations of the
  // same text; returns the backend's ids.
  std::vector<std::uint32_t> trim(std::size_t max, std::uint32_t newest);
  void erase(std::uint32_t id);
  void clear() { entries_.clear(); }
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace sluice::protocol::mysql
