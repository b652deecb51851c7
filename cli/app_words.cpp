#include "cli/app_words.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

namespace sluice::cli {
namespace {

// "TEXT:{a,b}" is what CLI11 calls a text that must be one of some.
void read_type(const std::string& type, OptionWords& out) {
  const auto open = type.find('{');
  const auto close = type.find('}');
  out.value = type.substr(0, type.find_first_of(":["));
  out.value.erase(out.value.find_last_not_of(' ') + 1);
  out.takes_file = out.value == "FILE";
  if (open == std::string::npos || close == std::string::npos) {
    return;
  }
  std::istringstream words(type.substr(open + 1, close - open - 1));
  out.value.clear();
  for (std::string word; std::getline(words, word, ',');) {
    out.value += (out.value.empty() ? "" : "|") + word;
    out.choices.push_back(word);
  }
}

OptionWords words_of(const CLI::Option& option) {
  OptionWords out;
  out.positional = option.get_positional();
  out.required = option.get_required();
  out.help = option.get_description();
  if (out.positional) {
    out.names.push_back(option.get_name(true, false));
  }
  for (const std::string& name : option.get_snames()) {
    out.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    out.names.push_back("--" + name);
  }
  if (option.get_type_size() != 0) {
    read_type(option.get_type_name(), out);
    out.repeated = option.get_expected_max() > 1;
  }
  return out;
}

// Options of groups are the command's, too.
void add_options(const CLI::App& app, CommandWords& out) {
  for (const CLI::Option* option : app.get_options()) {
    if (option != app.get_help_ptr() && !option->get_group().empty()) {
      out.options.push_back(words_of(*option));
    }
  }
  for (const CLI::App* group : app.get_subcommands({})) {
    if (group->get_name().empty()) {
      add_options(*group, out);
    }
  }
}

void read_footer(const std::string& footer, CommandWords& out) {
  std::istringstream lines(footer);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) {
      out.examples.push_back(line.substr(2));
    } else if (!line.empty() && line != "Examples:") {
      out.remarks.push_back(line);
    }
  }
}

void collect(const CommandWords& command, std::vector<const CommandWords*>& out) {
  if (command.commands.empty()) {
    out.push_back(&command);
  }
  for (const CommandWords& inner : command.commands) {
    collect(inner, out);
  }
}

}  // namespace

CommandWords words_of(const CLI::App& app, const std::string& parent) {
  CommandWords out;
  out.name = app.get_name();
  out.path = parent.empty() ? out.name : parent + " " + out.name;
  out.help = app.get_description();
  add_options(app, out);
  read_footer(app.get_footer(), out);
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_name().empty() && !command->get_group().empty()) {
      out.commands.push_back(words_of(*command, out.path));
    }
  }
  return out;
}

std::vector<const CommandWords*> all_commands(const CommandWords& root) {
  std::vector<const CommandWords*> out;
  collect(root, out);
  return out;
}

std::string synopsis(const CommandWords& command) {
  std::string out = command.path;
  for (const OptionWords& option : command.options) {
    std::string one = option.names.front();
    if (!option.positional && !option.value.empty()) {
      one += " " + option.value;
    }
    one = option.required ? one : "[" + one + "]";
    out.append(" ").append(one).append(option.repeated ? "..." : "");
  }
  return out;
}

}  // namespace sluice::cli
