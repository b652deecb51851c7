#pragma once

// One backend connection: what is known about it, and the replies that it owes.

#include <memory>
#include <string_view>

#include "protocol/baseline.hpp"
#include "protocol/conversation.hpp"
#include "protocol/postgresql/expected.hpp"
#include "protocol/postgresql/frame_reader.hpp"
#include "protocol/postgresql/statements.hpp"

namespace sluice::protocol::postgresql {

constexpr std::size_t kHeadLimit = 64 * 1024;  // bytes of a message that are seen together
constexpr std::size_t kBackendMessageLimit = std::size_t{1} << 31U;

// How much of a backend's message must be seen together.
std::size_t backend_head(char type);

struct ErrorFields;

class BackendLink final : public Link {
 public:
  BackendLink(BackendLogin login, std::size_t max_statements, std::string_view init_sql = {});

  const SettingsPtr& settings() const override { return settings_; }
  void start_chore(Chore chore, Outbox& to_backend) override;
  ChoreState chore_bytes(Bytes in) override;
  Status idle_bytes(Bytes in) override;
  std::size_t prepared_statements() const override { return statements.size(); }
  bool needs_init() const override { return baseline && !init_done_; }

  // A ParameterStatus. Returns the value that was known before.
  std::string report(std::string_view name, std::string_view value);
  std::string_view parameter(std::string_view name) const;
  bool backslash_escapes() const { return backslash_escapes_; }
  void set_settings(SettingsPtr settings) { settings_ = std::move(settings); }
  // A notice that says that the server is about to end this connection.
  static bool announces_end(const FrameReader::Head& head);
  // DISCARD ALL has run.
  void forget_session();
  // A FATAL error, under a session: it closes.
  void ended_by(const ErrorFields& fields);

  // ---- state that the conversation that holds it keeps up to date

  FrameReader reader;
  Expectations expected;
  LinkStatements statements;
  const std::size_t max_statements;
  const std::unique_ptr<Baseline> baseline;  // null: the pool has no init_sql
  StatementPtr unnamed;  // what the unnamed statement is, if unnamed_known; null: none
  bool unnamed_known = true;
  char status = 'I';        // of the last ReadyForQuery
  bool forwarding = false;  // the message whose body is being taken goes to the client
  bool copy_in = false;     // CopyInResponse has come, CopyDone has not been sent
  bool ignoring = false;    // an error came: the server skips to a Sync that was not sent yet
  bool unclean = false;     // our settings were refused
  bool fatal = false;       // the server has said that it closes
  bool ending = false;      // ... or announced it by a notice: nobody else may get it
  bool broken = false;      // it broke the protocol

 private:
  static Failure closed_by_server(const ErrorFields& fields);
  ChoreState chore_message(const FrameReader::Head& head);
  ChoreState chore_ready(const FrameReader::Head& head);
  ChoreState chore_error(const FrameReader::Head& head);
  // The replies that come now are those of init_sql, of the question that follows it.
  bool initialising() const;
  bool asking() const { return chore_ == Chore::init && chore_replies_ == 1; }

  SettingsPtr settings_;
  Chore chore_ = Chore::ping;
  unsigned chore_replies_ = 0;  // ReadyForQuery messages that the chore waits for
  bool init_done_ = false;
  bool backslash_escapes_ = false;
};

}  // namespace sluice::protocol::postgresql
