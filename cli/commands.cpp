#include "cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/check.hpp"
#include "cli/completion.hpp"
#include "cli/config_command.hpp"
#include "cli/ctl.hpp"
#include "cli/explain_route.hpp"
#include "cli/hash.hpp"
#include "cli/help.hpp"
#include "cli/man.hpp"
#include "cli/probe.hpp"
#include "cli/run_command.hpp"
#include "cli/top.hpp"
#include "config/suggest.hpp"

namespace sluice::cli {

Commands::Commands() : app_(std::make_unique<CLI::App>()) {
  app_->name("sluice");
  app_->description("sluice: a connection-pool proxy and session gateway for PostgreSQL and MySQL");
  app_->set_version_flag("--version", "sluice " SLUICE_VERSION);
  app_->require_subcommand(1);
  app_->formatter(make_help_layout());
  app_->footer(examples({"sluice run --backend postgresql://app@127.0.0.1/pets --listen :6432",
                         "sluice config init --from-url postgresql://app@db/pets > sluice.yaml",
                         "sluice check -c sluice.yaml && sluice run -c sluice.yaml"}) +
               "\n\n`sluice COMMAND --help` tells what a command takes. Exit status: 0 done, 1 it "
               "could not be done, 2 the command line is wrong.");
  add_run(*this);
  add_check(*this);
  add_config(*this);
  add_hash(*this);
  add_explain_route(*this);
  add_ctl(*this);
  add_top(*this);
  add_reload(*this);
  add_drain(*this);
  add_probe(*this);
  add_completion(*this);
  add_man(*this);
}

Commands::~Commands() = default;

void Commands::on(const CLI::App* command, std::function<int()> run) {
  runs_.emplace_back(command, std::move(run));
}

// CLI11 would only say that a command is missing.
bool Commands::knows(std::string_view name) const {
  std::vector<std::string> names;
  for (const CLI::App* command : app_->get_subcommands({})) {
    names.push_back(command->get_name());
  }
  if (name.starts_with('-') || std::find(names.begin(), names.end(), name) != names.end()) {
    return true;
  }
  std::cerr << "sluice: there is no command " << config::quoted(name)
            << config::did_you_mean(name, names) << "\nsluice --help tells them all.\n";
  return false;
}

int Commands::run(int argc, const char* const* argv) {
  if (argc > 1 && !knows(argv[1])) {
    return kUsage;
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? kDone : kUsage;
  }
  const CLI::App* given = app_.get();
  while (!given->get_subcommands().empty()) {
    given = given->get_subcommands().front();
  }
  const auto found = std::find_if(runs_.begin(), runs_.end(),
                                  [given](const auto& one) { return one.first == given; });
  return found == runs_.end() ? kUsage : found->second();
}

std::string examples(std::initializer_list<const char*> lines) {
  std::string out = "Examples:";
  for (const char* line : lines) {
    out += std::string("\n  ") + line;
  }
  return out;
}

}  // namespace sluice::cli
