#pragma once

// One backend connection as bytes: the commands whose replies are still to come, the settings that
// it has, the statements that were prepared on it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/baseline.hpp"
#include "protocol/conversation.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/response.hpp"
#include "protocol/mysql/running.hpp"
#include "protocol/mysql/statements.hpp"

namespace sluice::protocol::mysql {

// Whom an expected reply belongs to. All but `client` are ours and swallowed.
enum class Purpose : std::uint8_t {
  client,
  trackers,        // switches the session trackers on
  settings,        // the difference of settings: SET, COM_INIT_DB, COM_SET_OPTION
  prepare,         // a statement that the client prepared on another backend
  give_insert_id,  // SET last_insert_id
  ask_insert_id,   // SELECT LAST_INSERT_ID()
  ask_status,      // COM_PING for the status flags that an ERR does not carry
  absorb_cancel,   // COM_PING that a late KILL QUERY may hit in the place of a statement
  chore,
  init,  // a statement of init_sql
};

class MysqlLink final : public Link {
 public:
  MysqlLink(BackendLogin login, std::shared_ptr<const SessionDefaults> defaults);

  const SettingsPtr& settings() const override { return settings_; }
  void start_chore(Chore chore, Outbox& to_backend) override;
  ChoreState chore_bytes(Bytes in) override;
  Status idle_bytes(Bytes in) override;
  std::size_t prepared_statements() const override { return statements_.size(); }
  bool needs_init() const override { return baseline && !init_done_; }

  // What unasked bytes of the server mean.
  static Failure last_words(Bytes in);

  // ---- for the conversation that holds it

  bool busy() const { return !jobs_.empty(); }
  Purpose purpose() const { return jobs_.front().purpose; }
  ReplyStream& stream() { return stream_; }
  const ReplyStream& stream() const { return stream_; }

  // Sends a command of ours, whose reply is swallowed.
  void send(Outbox& out, Purpose purpose, Command command, std::string_view body);
  // The client's command was sent; nothing else may be outstanding.
  void expect(ReplyKind kind, const ReplyOptions& options);
  // The reply at the head is complete.
  void finish();

  void set_settings(SettingsPtr settings);
  // The same value, elsewhere in memory.
  void share_settings(const SettingsPtr& equal) { settings_ = equal; }
  std::uint64_t context() const { return context_; }
  // The server was reset: only the schema and multi-statements are as they were.
  void forget_session();
  // Switches the session trackers on, if it is not known whether they are.
  void track(Outbox& out);

  LinkStatements& statements() { return statements_; }
  Running& running() { return running_; }
  std::size_t max_statements() const { return defaults_->max_prepared_statements; }

  const std::unique_ptr<Baseline> baseline;  // null: the pool has no init_sql

  enum class Trackers : std::uint8_t { unknown, off, on };
  Trackers trackers = Trackers::unknown;
  bool charset_known = false;  // false: as the login or a reset left it
  bool schema_free = false;    // it serves sessions without a schema, and must stay so
  bool used = false;           // a session has had it
  bool unclean = false;        // its state is not known: close it

  bool has(std::uint32_t capability) const { return (login_.capabilities & capability) != 0; }

 private:
  struct Job {
    Purpose purpose;
    ReplyKind kind;
    ReplyOptions options;
  };
  void push(const Job& job);
  void start_init(Outbox& out);
  ChoreState chore_reply();
  ChoreState chore_error(ReplyEvent event);
  void note_initial(const Ok& ok);

  std::shared_ptr<const SessionDefaults> defaults_;
  SettingsPtr settings_;
  std::uint64_t context_ = 0;
  std::vector<Job> jobs_;  // the first one's reply is being read
  ReplyStream stream_;
  LinkStatements statements_;
  Running running_;
  Chore chore_ = Chore::ping;
  bool init_done_ = false;
};

}  // namespace sluice::protocol::mysql
