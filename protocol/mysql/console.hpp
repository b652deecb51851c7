#pragma once

// A MySQL client on the console: text queries, several in one where the client may send that, and
// the commands that clients send besides. Prepared statements are refused.
//
//   console.cpp             packets, commands, answers
//   console_statements.cpp  what drivers say by themselves: SET NAMES, SELECT @@version_comment

#include <optional>
#include <string>

#include "protocol/console.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/packet.hpp"

namespace sluice::protocol::mysql {

class MysqlConsole final : public ConsoleConversation {
 public:
  MysqlConsole(const ClientLogin& login, ConsoleIdentity identity);

  void welcome(const Parameters& reported, const CancelRequest& key, Outbox& to_client) override;
  bool at_rest() const override { return held_.empty() && !outstanding(); }
  void farewell(const Failure& failure, Outbox& to_client) override;
  std::optional<Special> take_special() override;
  void complete_special(const Status& outcome, Exchange& out) override;

 private:
  Step read(Bytes& in, Exchange& out) override;
  Step run(std::string text, Exchange& out) override;
  void answered(const Result<Table>& outcome, Exchange& out) override;

  Step command(Bytes payload, Exchange& out);
  Step query(std::string_view text, Exchange& out);
  Step kill(std::uint64_t id, bool query_only, Exchange& out);
  void ok(Exchange& out) { answered(Table{}, out); }
  void end_of_list(Exchange& out);
  void error(std::uint16_t number, std::string_view sqlstate, std::string text, Exchange& out);
  std::uint16_t status() const;

  // Empty: a command of the console.
  std::optional<Step> own_answer(const std::string& text, Exchange& out);
  std::optional<Table> own_table(const std::string& text,
                                 const std::vector<std::string>& words) const;
  std::optional<Value> variable(std::string_view name) const;
  Table variables(std::string_view like) const;
  void use(std::string_view database, Exchange& out);

  const std::uint32_t capabilities_;
  const std::uint8_t welcome_sequence_;
  std::string user_;
  std::string database_;
  Buffer held_;            // of a packet that is not whole
  std::uint8_t next_ = 0;  // sequence number of the next packet of the answer
  std::optional<Special> special_;
};

}  // namespace sluice::protocol::mysql
