#pragma once

// The commands and their options as plain values, read off the CLI11 app: what completion, the man
// page and docs/cli.md are made from, so that none of them can go stale.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

struct OptionWords {
  std::vector<std::string> names;  // -c, --config; of a positional its one name
  std::string value;               // what it takes: FILE, TEXT, a|b|c; "" = a flag
  std::vector<std::string> choices;
  std::string help;
  bool positional = false;
  bool required = false;
  bool repeated = false;  // more than one value
  bool takes_file = false;
};

struct CommandWords {
  std::string path;  // "sluice config show"
  std::string name;  // "show"
  std::string help;
  std::vector<OptionWords> options;  // in their order, without --help
  std::vector<std::string> examples;
  std::vector<std::string> remarks;  // of the footer, beside its examples
  std::vector<CommandWords> commands;
};

CommandWords words_of(const CLI::App& app, const std::string& parent = {});
// It and all below it that run something, in their order.
std::vector<const CommandWords*> all_commands(const CommandWords& root);
// "sluice run [-c FILE] [--listen TEXT]..."
std::string synopsis(const CommandWords& command);

}  // namespace sluice::cli
