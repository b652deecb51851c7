#pragma once

// A client that talks to sluice itself: a conversation without a backend, whose requests are
// commands for the console. What drivers ask by themselves when they connect (SET NAMES, SELECT
// version(), BEGIN) is answered here; everything else is a command, carried out by who holds the
// conversation.
//
//   client bytes ──► from_client ──► Need::reply, take_command() ──► answer() ──► from_client ...

#include <optional>
#include <string>
#include <vector>

#include "protocol/conversation.hpp"
#include "protocol/table.hpp"

namespace sluice::protocol {

// What the client may want to know of whom it talks to.
struct ConsoleIdentity {
  std::string version;                 // as a PostgreSQL client is told: "1.26.1/sluice"
  std::string server_version;          // MySQL: that of the greeting
  std::uint32_t connection_id = 0;     // that the client knows itself by
  std::vector<std::string> databases;  // names that mean the console
};

// A statement longer than this is none for the console.
inline constexpr std::size_t kMaxConsoleMessage = std::size_t{1} << 20U;

struct ConsoleCommand {
  std::string text;
  bool describe = false;  // which columns would it give? It is not carried out
};

// What is no command of the console, or no command in this place: 42601, MySQL 1064.
Failure bad_command(std::string text);

class ConsoleConversation : public Conversation {
 public:
  // Set once after from_client() has returned Need::reply, unless take_special() is.
  std::optional<ConsoleCommand> take_command();
  // The outcome of the command that was taken; of one to describe, a table without rows.
  void answer(const Result<Table>& outcome, Exchange& out);

  Need from_client(Bytes& in, Exchange& out) final;
  bool outstanding() const final { return asked_.has_value() || awaited_ || !statements_.empty(); }

  // There is never a backend.
  void inspect(Inspector* /*inspector*/, std::size_t /*keep*/) final {}
  void from_backend(Bytes /*in*/, Exchange& /*out*/) final {}
  void attach(Link& /*link*/, Exchange& /*out*/) final {}
  bool may_release() const final { return false; }
  Cleanup detach() final { return Cleanup::none; }
  bool in_transaction() const final { return false; }
  bool awaits_client() const final { return false; }
  Ending refuse(const Failure& /*failure*/, Exchange& /*out*/) final { return Ending::close; }
  Ending backend_lost(const Failure& /*failure*/, Exchange& /*out*/) final { return Ending::close; }
  const SettingsPtr& settings() const final;
  std::uint64_t link_class() const final { return 0; }
  PinSet pins() const final { return {}; }
  std::size_t prepared_statements() const final { return 0; }

 protected:
  using Step = std::optional<Need>;  // nullopt: dealt with, go on

  explicit ConsoleConversation(ConsoleIdentity identity) : identity_(std::move(identity)) {}

  // The next message of the client; Need::input when it is not whole.
  virtual Step read(Bytes& in, Exchange& out) = 0;
  // The next of statements_: answers it or calls ask().
  virtual Step run(std::string text, Exchange& out) = 0;
  virtual void answered(const Result<Table>& outcome, Exchange& out) = 0;

  bool is_console(std::string_view database) const;
  Step ask(ConsoleCommand command);
  // A request for the session itself (take_special()): answered by complete_special().
  Step wait() {
    awaited_ = true;
    return Need::reply;
  }
  void completed() { awaited_ = false; }

  const ConsoleIdentity identity_;
  std::vector<std::string> statements_;  // of a text with several, still to run; the next one last

 private:
  std::optional<ConsoleCommand> asked_;
  bool awaited_ = false;  // an answer() or complete_special() is to come
};

}  // namespace sluice::protocol
