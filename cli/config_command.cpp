#include "cli/config_command.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/starter.hpp"
#include "config/convert/convert.hpp"
#include "config/convert/source.hpp"
#include "config/describe.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/secret.hpp"

namespace sluice::cli {
namespace {

int failed(const std::string& text) {
  std::cerr << "sluice config: " << text << '\n';
  return kFailed;
}

struct ShowOptions {
  std::string path;
  bool effective = false;
  bool origin = false;
  bool offline = false;
};

int run_show(const ShowOptions& options) {
  const config::FileText file = config::read_file(options.path, config::convert::kMaxSource);
  if (!file.error.empty()) {
    return failed(file.error);
  }
  const auto loaded = config::load_text(file.text, options.path, {options.offline});
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << config::to_string(problem) << '\n';
  }
  if (loaded.config == nullptr) {
    return kFailed;
  }
  std::cout << config::show(*loaded.config,
                            {file.text, options.path, options.effective, options.origin});
  return kDone;
}

void add_show(Commands& commands, CLI::App& parent) {
  auto options = std::make_shared<ShowOptions>();
  auto* command = parent.add_subcommand(
      "show", "print a file as it is understood, variables replaced and secrets masked, as YAML");
  command->add_option("-c,--config", options->path, "configuration file (YAML)")
      ->type_name("FILE")
      ->required();
  command->add_flag("--effective", options->effective,
                    "also what the file leaves out: all that is in force");
  command->add_flag("--origin", options->origin,
                    "behind each value where it comes from: default, FILE:LINE, the environment "
                    "variable or the secret file");
  command->add_flag("--offline", options->offline, "open none of the files that it names");
  command->footer(examples({"sluice config show -c sluice.yaml --effective --origin",
                            "sluice config show -c sluice.yaml --effective | grep pool_timeout"}));
  commands.on(command, [options] { return run_show(*options); });
}

void add_schema(Commands& commands, CLI::App& parent) {
  auto* command = parent.add_subcommand(
      "schema", "print the JSON Schema (2020-12) of the file, for editors that complete and check");
  command->footer(
      examples({"sluice config schema > sluice.schema.json",
                "# then as the first line of sluice.yaml, for editors with yaml-language-server:",
                "# yaml-language-server: $schema=sluice.schema.json"}));
  commands.on(command, [] {
    std::cout << config::render_schema();
    return kDone;
  });
}

struct InitOptions {
  std::string url;
  std::vector<std::string> listen;
};

void add_init(Commands& commands, CLI::App& parent) {
  auto options = std::make_shared<InitOptions>();
  auto* command = parent.add_subcommand(
      "init", "print a commented file to start with, for the database of a url");
  command
      ->add_option("--from-url", options->url,
                   "of the database, as SQLAlchemy writes it; its password does not go into the "
                   "file. Without it: $DATABASE_URL")
      ->envname("DATABASE_URL")
      ->required();
  command
      ->add_option("--listen", options->listen,
                   "where clients connect: host:port, :port or unix:/path; may be repeated")
      ->allow_extra_args(false);
  command->footer(
      examples({"sluice config init --from-url postgresql://app@db/pets > sluice.yaml",
                "sluice config init --from-url mysql+pymysql://app@db/pets --listen :6033"}));
  commands.on(command, [options] {
    auto file = starter_file(options->url, options->listen);
    if (!file) {
      return failed(file.failure().text);
    }
    std::cout << *file;
    return kDone;
  });
}

struct ConvertOptions {
  std::string from;
  std::string path;
};

// Paths in a file are meant from where its program runs; here they are tried beside the file, too.
config::convert::ReadFile reader_beside(const std::string& path) {
  return [folder = std::filesystem::path(path).parent_path()](
             const std::string& name, std::string& why) -> std::optional<std::string> {
    for (const auto& candidate : {std::filesystem::path(name), folder / name}) {
      config::FileText file = config::read_file(candidate.string(), config::convert::kMaxSource);
      if (file.error.empty()) {
        return std::move(file.text);
      }
      why = why.empty() ? file.error : why;
    }
    return std::nullopt;
  };
}

int run_convert(const ConvertOptions& options) {
  const config::FileText file = config::read_file(options.path, config::convert::kMaxSource);
  if (!file.error.empty()) {
    return failed(file.error);
  }
  const auto made = options.from.starts_with("pgbouncer")
                        ? config::convert::from_pgbouncer(file.text, reader_beside(options.path))
                        : config::convert::from_proxysql(file.text);
  if (!made.error.empty()) {
    std::cerr << options.path << ':' << (made.line > 0 ? std::to_string(made.line) + ":" : "")
              << ' ' << made.error << '\n';
    return kFailed;
  }
  std::cout << made.yaml;
  return kDone;
}

void add_convert(Commands& commands, CLI::App& parent) {
  auto options = std::make_shared<ConvertOptions>();
  auto* command = parent.add_subcommand(
      "convert",
      "print another pooler's configuration as sluice's; comments tell what is not carried over. "
      "The passwords of its user list are in it");
  command->add_option("--from", options->from, "what the file is of")
      ->check(CLI::IsMember({"pgbouncer", "pgbouncer.ini", "proxysql", "proxysql.cnf"}))
      ->required();
  command->add_option("FILE", options->path, "pgbouncer.ini or proxysql.cnf")
      ->type_name("FILE")
      ->required();
  command->footer(examples(
      {"sluice config convert --from pgbouncer.ini /etc/pgbouncer/pgbouncer.ini > sluice.yaml",
       "sluice config convert --from proxysql.cnf /etc/proxysql.cnf > sluice.yaml",
       "sluice check -c sluice.yaml --offline && grep 'not carried over' sluice.yaml"}));
  commands.on(command, [options] { return run_convert(*options); });
}

}  // namespace

void add_config(Commands& commands) {
  auto* command = commands.app().add_subcommand(
      "config", "show, start, convert a configuration; and its schema for editors");
  command->require_subcommand(1);
  add_show(commands, *command);
  add_schema(commands, *command);
  add_init(commands, *command);
  add_convert(commands, *command);
  command->footer(examples({"sluice config show -c sluice.yaml --effective --origin",
                            "sluice config convert --from pgbouncer.ini pgbouncer.ini"}));
}

}  // namespace sluice::cli
