#include "proxy/console/run.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "config/suggest.hpp"
#include "proxy/console/command.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::FailureKind;
using protocol::Result;
using protocol::Status;

// The pool that a name means: its own name, or that of a database that one pool alone leads to.
Result<std::string> pool_named(op::Operator& house, const std::string& name) {
  const auto config = house.config();
  if (name.empty() || config->find_pool(name) != nullptr) {
    return name;
  }
  std::vector<std::string> known;
  std::vector<std::string> found;
  for (const config::Pool& pool : config->pools) {
    known.push_back(pool.name);
    if (pool.database == name) {
      found.push_back(pool.name);
    }
  }
  if (found.size() == 1) {
    return found.front();
  }
  std::string text =
      found.empty() ? "no such pool: " + config::quoted(name) + config::did_you_mean(name, known)
                    : "several pools lead to database " + config::quoted(name) + ":";
  for (const std::string& pool : found) {
    text += " " + pool;
  }
  return protocol::fail(FailureKind::unknown_database,
                        text + (found.empty() ? "; SHOW DATABASES lists them" : "; name one"));
}

Result<Answer> done(Status status, std::string_view tag) {
  if (!status) {
    return std::move(status.failure());
  }
  Answer answer;
  answer.table.tag = tag;
  return answer;
}

Result<Answer> reload(op::Operator& house, const op::Actor& by) {
  auto reloaded = house.reload(by);
  if (!reloaded) {
    return std::move(reloaded.failure());
  }
  Answer answer;
  answer.table.tag = "RELOAD";
  auto& notes = answer.table.notes;
  notes.push_back(reloaded->changed.empty() ? "nothing has changed"
                                            : "changed: " + joined(reloaded->changed));
  if (!reloaded->needs_restart.empty()) {
    notes.push_back("needs a restart: " + joined(reloaded->needs_restart));
  }
  notes.insert(notes.end(), reloaded->warnings.begin(), reloaded->warnings.end());
  return answer;
}

Result<Answer> wait_for(Waiting::For what, const std::string& pool, std::string_view tag) {
  Answer answer;
  answer.table.tag = tag;
  answer.waiting = Waiting{what, pool};
  return answer;
}

Result<Answer> act_on_pool(op::Operator& house, const op::Actor& by, const Command& command) {
  auto named = pool_named(house, command.name);
  if (!named) {
    return std::move(named.failure());
  }
  const std::string& pool = *named;
  switch (command.verb) {
    case Verb::pause: {
      auto paused = house.pause(pool, by);
      return paused ? wait_for(Waiting::For::pause, pool, "PAUSE")
                    : Result<Answer>(std::move(paused.failure()));
    }
    case Verb::wait_pause:
      return wait_for(Waiting::For::pause, pool, "WAIT_PAUSE");
    case Verb::wait_close:
      return wait_for(Waiting::For::reconnect, pool, "WAIT_CLOSE");
    case Verb::resume:
      return done(house.resume(pool, by), "RESUME");
    case Verb::reconnect:
      return done(house.reconnect(pool, by), "RECONNECT");
    case Verb::reconnect_clients:
      return done(house.reconnect_clients(pool, by), "RECONNECT");
    case Verb::kill:
      return done(house.kill(pool, by), "KILL");
    case Verb::disable:
      return done(house.disable(pool, by), "DISABLE");
    default:
      return done(house.enable(pool, by), "ENABLE");
  }
}

Result<Answer> act(op::Operator& house, const op::Actor& by, const Command& command) {
  switch (command.verb) {
    case Verb::kill_client:
      return done(house.kill_session(command.session, by), "KILL_CLIENT");
    case Verb::reload:
      return reload(house, by);
    case Verb::shutdown:
      return done(house.shutdown(command.mode, by), "SHUTDOWN");
    case Verb::set:
      return done(house.set_log_level(command.value, by), "SET");
    default:
      return act_on_pool(house, by, command);
  }
}

protocol::Failure not_allowed(std::string text) {
  protocol::Failure failure = protocol::fail(FailureKind::statement_refused, std::move(text));
  failure.mysql_errno_override = 1227;
  return failure;
}

Answer show(op::Operator& house, const std::string& topic) {
  Answer answer;
  answer.table = find_topic(topic)->make(house);
  return answer;
}

// The command, if this user may give it.
Result<Command> allowed(const op::Actor& by, op::Right right, std::string_view text) {
  if (right == op::Right::none) {
    return not_for(by.user);
  }
  auto command = parse(text);
  if (!command || command->verb == Verb::show || right == op::Right::act) {
    return command;
  }
  return not_allowed("user " + config::quoted(by.user) +
                     " may look (SHOW ...) and not act: it has admin: read_only, and this "
                     "command needs admin: true");
}

}  // namespace

protocol::Failure not_for(std::string_view user) {
  return not_allowed("user " + config::quoted(user) +
                     " may not use the console: give it admin: read_only, or admin: true, "
                     "in users of the configuration");
}

Result<Answer> run(op::Operator& house, const op::Actor& by, op::Right right,
                   std::string_view text) {
  auto command = allowed(by, right, text);
  if (!command) {
    return std::move(command.failure());
  }
  return command->verb == Verb::show ? show(house, command->name) : act(house, by, *command);
}

Result<Answer> describe(op::Operator& house, const op::Actor& by, op::Right right,
                        std::string_view text) {
  auto command = allowed(by, right, text);
  if (!command) {
    return std::move(command.failure());
  }
  if (command->verb != Verb::show) {
    return Answer();
  }
  Answer answer = show(house, command->name);
  answer.table.rows.clear();
  return answer;
}

Result<bool> is_over(op::Operator& house, const Waiting& waiting) {
  return waiting.what == Waiting::For::pause ? house.pause_done(waiting.pool)
                                             : house.reconnect_done(waiting.pool);
}

}  // namespace sluice::proxy::console
