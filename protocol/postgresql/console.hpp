#pragma once

// A PostgreSQL client on the console. Simple queries may hold several commands; of the extended
// protocol everything but parameters works, in text and binary.
//
//   console.cpp           messages, simple queries, answers
//   console_extended.cpp  Parse, Bind, Describe, Execute, Close, Sync
//   console_statements.cpp  what drivers say by themselves: BEGIN, SET DateStyle, SELECT version()

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocol/console.hpp"
#include "protocol/postgresql/frame_reader.hpp"
#include "protocol/postgresql/result_writer.hpp"

namespace sluice::protocol::postgresql {

class PostgresqlConsole final : public ConsoleConversation {
 public:
  PostgresqlConsole(const ClientLogin& login, ConsoleIdentity identity);

  void welcome(const Parameters& reported, const CancelRequest& key, Outbox& to_client) override;
  bool at_rest() const override { return !reader_.holding() && !outstanding() && !batch_; }
  void farewell(const Failure& failure, Outbox& to_client) override;

 private:
  // Bound to a statement and ready to run, or half read.
  struct Portal {
    std::string text;
    Formats formats;
    std::optional<Table> table;  // empty: it has not run
    std::size_t next_row = 0;
  };
  // What the command that was asked for is for.
  enum class For : std::uint8_t { query, describe_statement, describe_portal, execute };
  // What one client may have kept for it.
  static constexpr std::size_t kMaxStatements = 1000;
  static constexpr std::size_t kMaxStatement = std::size_t{16} << 10U;  // bytes of its text
  static constexpr std::size_t kMaxPortals = 16;  // each may hold the rows of an answer

  Step read(Bytes& in, Exchange& out) override;
  Step run(std::string text, Exchange& out) override;
  void answered(const Result<Table>& outcome, Exchange& out) override;

  Step message(char type, Bytes body, Exchange& out);
  Step simple_query(Bytes body, Exchange& out);
  void end_query(Exchange& out);
  void fail(const Failure& failure, Exchange& out);
  Step throw_out(const Failure& failure, Exchange& out);

  Step extended(char type, Bytes body, Exchange& out);
  Step reply(char type, Exchange& out);
  Step reject(const Failure& failure, Exchange& out);
  Step parse(Bytes body, Exchange& out);
  Step bind(Bytes body, Exchange& out);
  Step describe(Bytes body, Exchange& out);
  Step execute(Bytes body, Exchange& out);
  Step close(Bytes body, Exchange& out);
  Step begin(std::string text, For what, Exchange& out);
  void described(const Table& table, Exchange& out);
  void send_rows(Portal& portal, Exchange& out);

  // Empty: a command of the console.
  std::optional<Table> own_answer(const std::string& text, bool runs);
  void forget(const std::vector<std::string>& words);
  std::optional<Table> setting(const std::string& name) const;
  void put(Exchange& out, const Buffer& bytes) { out.to_client.own(bytes); }

  std::string user_;
  std::string database_;
  std::string application_name_;
  FrameReader reader_;
  std::map<std::string, std::string, std::less<>> prepared_;
  std::map<std::string, Portal, std::less<>> portals_;
  For for_ = For::query;
  std::string portal_;      // For::describe_portal, execute
  std::uint32_t rows_ = 0;  // that Execute wants; 0 = all
  bool batch_ = false;      // extended messages have come, their Sync has not
  bool skipping_ = false;   // to the client's Sync, after an error
  bool in_block_ = false;   // between BEGIN and COMMIT
};

}  // namespace sluice::protocol::postgresql
