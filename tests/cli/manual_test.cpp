#include "cli/man.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/help.hpp"

namespace sluice::cli {
namespace {

std::string file(const char* path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

class Manual : public testing::Test {
 protected:
  Commands commands_;
  const CommandWords root_ = words_of(commands_.app());
};

TEST_F(Manual, is_what_docs_hold) {
  EXPECT_EQ(file(SLUICE_DOCS "/sluice.1"), manual_roff(root_))
      << "run `sluice man` and put its output into docs/sluice.1";
  EXPECT_EQ(file(SLUICE_DOCS "/cli.md"), manual_markdown(root_))
      << "run `sluice man --format markdown` and put its output into docs/cli.md";
}

TEST_F(Manual, every_command_has_help_and_examples) {
  EXPECT_GE(all_commands(root_).size(), 13U);
  for (const CommandWords* command : all_commands(root_)) {
    EXPECT_FALSE(command->help.empty()) << command->path;
    EXPECT_FALSE(command->examples.empty()) << command->path;
    for (const OptionWords& option : command->options) {
      EXPECT_FALSE(option.help.empty()) << command->path << " " << option.names.front();
    }
  }
}

TEST_F(Manual, completion_knows_every_command_and_option) {
  const std::string bash = bash_completion(root_);
  const std::string zsh = zsh_completion(root_);
  const std::string fish = fish_completion(root_);
  for (const CommandWords* command : all_commands(root_)) {
    EXPECT_NE(bash.find("'" + command->path + "') words="), std::string::npos) << command->path;
    EXPECT_NE(zsh.find("'" + command->path + "')"), std::string::npos) << command->path;
    EXPECT_NE(fish.find(" -a " + command->name), std::string::npos) << command->path;
    for (const OptionWords& option : command->options) {
      for (const std::string& name : option.names) {
        if (name.starts_with("--")) {
          EXPECT_NE(bash.find(name), std::string::npos) << name;
          EXPECT_NE(zsh.find("'" + name + ":"), std::string::npos) << name;
          EXPECT_NE(fish.find(" -l " + name.substr(2)), std::string::npos) << name;
        }
      }
    }
  }
  EXPECT_NE(bash.find("'drain wait_for_clients immediate'"), std::string::npos);
  // A command is offered where it can stand, and its options behind it alone.
  EXPECT_NE(fish.find("-n '__sluice_at sluice config' -a show"), std::string::npos);
  EXPECT_NE(fish.find("-n '__sluice_at sluice config show' -l effective"), std::string::npos);
  EXPECT_NE(fish.find("case 'sluice run'"), std::string::npos);
}

TEST(Help, long_texts_are_wrapped_at_blanks) {
  EXPECT_EQ(wrapped("", 5), "");
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("longer_than_that x", 5), "longer_than_that\nx");
  EXPECT_EQ(wrapped("longer_than_that", 5), "longer_than_that");
}

}  // namespace
}  // namespace sluice::cli
