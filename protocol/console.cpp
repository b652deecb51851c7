#include "protocol/console.hpp"

#include <algorithm>
#include <utility>

namespace sluice::protocol {

Failure bad_command(std::string text) {
  Failure failure = fail(FailureKind::statement_refused, std::move(text));
  failure.sqlstate_override = "42601";
  failure.mysql_errno_override = 1064;
  return failure;
}

const SettingsPtr& ConsoleConversation::settings() const {
  static const SettingsPtr kNone;
  return kNone;
}

Need ConsoleConversation::from_client(Bytes& in, Exchange& out) {
  for (;;) {
    if (asked_ || awaited_) {
      return Need::reply;
    }
    Step step;
    if (statements_.empty()) {
      step = read(in, out);
    } else {
      std::string next = std::move(statements_.back());
      statements_.pop_back();
      step = run(std::move(next), out);
    }
    if (step) {
      return *step;
    }
  }
}

bool ConsoleConversation::is_console(std::string_view database) const {
  return std::find(identity_.databases.begin(), identity_.databases.end(), database) !=
         identity_.databases.end();
}

ConsoleConversation::Step ConsoleConversation::ask(ConsoleCommand command) {
  asked_ = std::move(command);
  awaited_ = true;
  return Need::reply;
}

std::optional<ConsoleCommand> ConsoleConversation::take_command() {
  return std::exchange(asked_, std::nullopt);
}

void ConsoleConversation::answer(const Result<Table>& outcome, Exchange& out) {
  awaited_ = false;
  answered(outcome, out);
}

}  // namespace sluice::protocol
