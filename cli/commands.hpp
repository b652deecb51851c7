#pragma once

// What the program can do. Each command has a file that declares it: its options, what runs when it
// is given, and the examples that its --help ends with. Help, completion and the man page are all
// made from what stands here.

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// The statuses of every command.
constexpr int kDone = 0;
constexpr int kFailed = 1;  // what was asked for is wrong, or could not be done
constexpr int kUsage = 2;   // the command line is wrong

class Commands {
 public:
  Commands();
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  CLI::App& app() { return *app_; }
  // What runs when `command` is the innermost one that was given: the exit status.
  void on(const CLI::App* command, std::function<int()> run);
  // Parses, and runs what was given. The exit status.
  int run(int argc, const char* const* argv);

 private:
  // Says so when there is no such command.
  bool knows(std::string_view name) const;

  std::unique_ptr<CLI::App> app_;
  std::vector<std::pair<const CLI::App*, std::function<int()>>> runs_;
};

// The footer of a command's help: `lines` under the heading "Examples:".
std::string examples(std::initializer_list<const char*> lines);

}  // namespace sluice::cli
