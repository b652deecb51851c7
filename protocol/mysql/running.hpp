#pragma once

// The command of a client that is being carried out on a backend. Part of the link, so that a
// session which borrows a backend allocates nothing for it.

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/conversation.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/statements.hpp"
#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/mysql_locks.hpp"

namespace sluice::protocol::mysql {

struct Running {
  Command command = Command::sleep;
  bool statement = false;          // runs SQL: COM_QUERY, COM_STMT_EXECUTE
  bool missed = false;             // a statement had to be prepared first
  bool failed = false;             // the reply ended with an ERR
  bool multi_on = false;           // COM_SET_OPTION
  std::uint16_t warnings = 0;      // of the last result
  std::uint32_t statement_id = 0;  // the client's, of COM_STMT_*
  std::uint32_t prepared_id = 0;   // the backend's answer to a preparation
  PinSet before;                   // the pins without this statement's
  sql::MysqlStatement effects;
  std::string schema;               // COM_INIT_DB
  std::shared_ptr<Statement> text;  // COM_STMT_PREPARE
  StatementPtr wanted;              // the swallowed preparation: what it is for
  // The rest of a text that was not seen whole.
  std::unique_ptr<sql::MysqlClassifier> tail;
  std::unique_ptr<sql::MysqlLockReader> locks_tail;

  // Ready for the next command.
  void clear() {
    command = Command::sleep;
    statement = missed = failed = multi_on = false;
    warnings = 0;
    statement_id = prepared_id = 0;
    before = {};
    effects.clear();
    schema.clear();
    text.reset();
    wanted.reset();
    tail.reset();
    locks_tail.reset();
  }
};

}  // namespace sluice::protocol::mysql
