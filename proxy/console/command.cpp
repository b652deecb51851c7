#include "proxy/console/command.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "config/suggest.hpp"
#include "protocol/console.hpp"
#include "proxy/console/topics.hpp"

namespace sluice::proxy::console {
namespace {

using op::ShutdownMode;
using protocol::bad_command;
using protocol::Result;

// What may follow a verb.
enum class Argument : std::uint8_t {
  none,
  pool,           // a name must follow
  optional_pool,  // none = all pools
  topic,
  session,
  mode,
  setting,
};

struct VerbRow {
  std::string_view word;
  Verb verb;
  Argument argument;
};

constexpr VerbRow kVerbs[] = {
    {"SHOW", Verb::show, Argument::topic},
    {"PAUSE", Verb::pause, Argument::optional_pool},
    {"RESUME", Verb::resume, Argument::optional_pool},
    {"RECONNECT", Verb::reconnect, Argument::optional_pool},
    {"KILL", Verb::kill, Argument::optional_pool},
    {"KILL_CLIENT", Verb::kill_client, Argument::session},
    {"DISABLE", Verb::disable, Argument::pool},
    {"ENABLE", Verb::enable, Argument::pool},
    {"RELOAD", Verb::reload, Argument::none},
    {"WAIT_PAUSE", Verb::wait_pause, Argument::optional_pool},
    {"WAIT_CLOSE", Verb::wait_close, Argument::optional_pool},
    {"SHUTDOWN", Verb::shutdown, Argument::mode},
    {"SET", Verb::set, Argument::setting},
};

struct ModeRow {
  std::string_view word;
  ShutdownMode mode;
};

// WAIT_FOR_SERVERS: sessions end with their transactions, which is when their servers are free.
constexpr ModeRow kModes[] = {
    {"WAIT_FOR_CLIENTS", ShutdownMode::wait_for_clients},
    {"WAIT_FOR_SERVERS", ShutdownMode::drain},
    {"IMMEDIATE", ShutdownMode::immediate},
};

std::string changed(std::string_view text, char first, char last, int by) {
  std::string out(text);
  for (char& c : out) {
    if (c >= first && c <= last) {
      c = static_cast<char>(c + by);
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  return changed(text, 'a', 'z', 'A' - 'a');
}

std::string lower(std::string_view text) {
  return changed(text, 'A', 'Z', 'a' - 'A');
}

template <typename Rows, typename Name>
std::vector<std::string> names(const Rows& rows, Name name) {
  std::vector<std::string> all;
  for (const auto& row : rows) {
    all.emplace_back(row.*name);
  }
  return all;
}

// The words behind the verb, and what they make of the command.
class Arguments {
 public:
  Arguments(const std::vector<Word>& words, std::string_view verb) : words_(words), verb_(verb) {}

  Result<Command> take(Command command, Argument what) {
    std::optional<protocol::Failure> failure = read(command, what);
    if (!failure && at_ < words_.size()) {
      failure = bad_command(verb_ + ": unexpected " + config::quoted(words_[at_].text));
    }
    return failure ? Result<Command>(std::move(*failure)) : Result<Command>(std::move(command));
  }

 private:
  std::optional<protocol::Failure> read(Command& command, Argument what) {
    switch (what) {
      case Argument::none:
        return std::nullopt;
      case Argument::pool:
        return at_end() ? std::optional(bad_command(verb_ + " needs the name of a pool"))
                        : read_pool(command);
      case Argument::optional_pool:
        return read_pool(command);
      case Argument::topic:
        return read_topic(command);
      case Argument::session:
        return read_session(command);
      case Argument::mode:
        return read_mode(command);
      case Argument::setting:
        return read_setting(command);
    }
    return std::nullopt;
  }

  bool at_end() const { return at_ == words_.size(); }

  std::optional<protocol::Failure> read_pool(Command& command) {
    if (command.verb == Verb::reconnect && !at_end() && !words_[at_].quoted &&
        upper(words_[at_].text) == "CLIENTS") {
      command.verb = Verb::reconnect_clients;
      ++at_;
    }
    if (!at_end()) {
      command.name = words_[at_++].text;
      if (command.name.empty()) {
        return bad_command(verb_ + ": the name of a pool cannot be empty");
      }
    }
    return std::nullopt;
  }

  std::optional<protocol::Failure> read_topic(Command& command) {
    if (at_end()) {
      return bad_command("SHOW needs a topic; SHOW HELP lists them");
    }
    command.name = upper(words_[at_].text);
    if (find_topic(command.name) == nullptr) {
      return bad_command("SHOW: there is no " + config::quoted(words_[at_].text) +
                         config::did_you_mean(command.name, names(topics(), &Topic::name)) +
                         "; SHOW HELP lists what there is");
    }
    ++at_;
    return std::nullopt;
  }

  // A number as in SHOW CLIENTS, or the 0x... of its column ptr.
  std::optional<protocol::Failure> read_session(Command& command) {
    if (at_end()) {
      return bad_command("KILL_CLIENT needs the id of a client, as SHOW CLIENTS has it");
    }
    std::string_view digits = words_[at_].text;
    const bool pointer = digits.starts_with("0x") || digits.starts_with("0X");
    if (pointer) {
      digits.remove_prefix(2);
    }
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, command.session, pointer ? 16 : 10);
    if (read.ec != std::errc() || read.ptr != end) {
      return bad_command("KILL_CLIENT: " + config::quoted(words_[at_].text) +
                         " is not the id of a client; SHOW CLIENTS has it");
    }
    ++at_;
    return std::nullopt;
  }

  // Without one: as PgBouncer, at once.
  std::optional<protocol::Failure> read_mode(Command& command) {
    command.mode = ShutdownMode::immediate;
    if (at_end()) {
      return std::nullopt;
    }
    const std::string word = upper(words_[at_].text);
    const auto* found = std::find_if(std::begin(kModes), std::end(kModes),
                                     [&](const ModeRow& row) { return row.word == word; });
    if (found == std::end(kModes)) {
      return bad_command("SHUTDOWN: unknown mode " + config::quoted(words_[at_].text) +
                         config::did_you_mean(word, names(kModes, &ModeRow::word)) +
                         "; WAIT_FOR_CLIENTS, WAIT_FOR_SERVERS or IMMEDIATE");
    }
    command.mode = found->mode;
    ++at_;
    return std::nullopt;
  }

  std::optional<protocol::Failure> read_setting(Command& command) {
    const bool sign = words_.size() > at_ + 1 && !words_[at_ + 1].quoted &&
                      (words_[at_ + 1].text == "=" || upper(words_[at_ + 1].text) == "TO");
    if (!sign || words_.size() < at_ + 3) {
      return bad_command("SET: write SET log_level = 'debug'");
    }
    command.name = lower(words_[at_].text);
    command.value = lower(words_[at_ + 2].text);
    if (command.name != "log_level") {
      return bad_command("SET: " + config::quoted(words_[at_].text) + " cannot be set here" +
                         config::did_you_mean(command.name, {"log_level"}) +
                         "; change the configuration file, then RELOAD");
    }
    at_ += 3;
    return std::nullopt;
  }

  const std::vector<Word>& words_;
  const std::string verb_;
  std::size_t at_ = 1;
};

}  // namespace

Result<Command> parse(std::string_view text) {
  Result<std::vector<Word>> read = words_of(text);
  if (!read) {
    return std::move(read.failure());
  }
  std::vector<Word>& words = *read;
  const auto is_end = [](const Word& word) { return !word.quoted && word.text == ";"; };
  while (!words.empty() && is_end(words.back())) {
    words.pop_back();
  }
  if (words.empty()) {
    return bad_command("no command; SHOW HELP lists what there is");
  }
  if (std::any_of(words.begin(), words.end(), is_end)) {
    return bad_command("one command at a time, please");
  }
  const std::string verb = words.front().quoted ? std::string() : upper(words.front().text);
  const auto* found = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                   [&](const VerbRow& row) { return row.word == verb; });
  if (found == std::end(kVerbs)) {
    return bad_command("unknown command " + config::quoted(words.front().text) +
                       config::did_you_mean(verb, names(kVerbs, &VerbRow::word)) +
                       "; SHOW HELP lists what there is");
  }
  Command command;
  command.verb = found->verb;
  return Arguments(words, found->word).take(std::move(command), found->argument);
}

}  // namespace sluice::proxy::console
