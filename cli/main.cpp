#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "cli/check.hpp"
#include "cli/explain_route.hpp"
#include "cli/hash.hpp"
#include "cli/run.hpp"

int main(int argc, char** argv) {
  CLI::App app{"sluice: a connection-pool proxy and session gateway for PostgreSQL and MySQL"};
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  std::string path;
  bool offline = false;

  auto* run_command = app.add_subcommand("run", "serve clients until SIGTERM or SIGINT");
  run_command->add_option("-c,--config", path, "configuration file (YAML)")->required();
  auto* check_command =
      app.add_subcommand("check", "report every error of a configuration file; exit status 0 or 1");
  check_command->add_option("-c,--config", path, "configuration file (YAML)")->required();
  check_command->add_flag("--offline", offline, "open none of the files and hosts that it names");

  auto* hash_command = app.add_subcommand(
      "hash", "turn a password, read from standard input, into what `users` may hold in its place");
  hash_command->allow_extras();  // a password given there is not to be repeated in an error
  auto form = sluice::cli::HashForm::scram;
  auto* forms = hash_command->add_option_group("form")->require_option(1);
  const auto add_form = [&](const char* name, sluice::cli::HashForm value, const char* help) {
    forms->add_flag_callback(
        name, [&form, value] { form = value; }, help);
  };
  add_form("--scram", sluice::cli::HashForm::scram,
           "scram_verifier: SCRAM-SHA-256, for PostgreSQL clients");
  add_form("--mysql-native", sluice::cli::HashForm::mysql_native, "mysql_native_hash");
  add_form("--caching-sha2", sluice::cli::HashForm::caching_sha2, "caching_sha2_hash");
  sluice::cli::ExplainOptions explain;
  auto* explain_command = sluice::cli::add_explain_route(app, explain);
  CLI11_PARSE(app, argc, argv);

  try {
    if (*hash_command) {
      return sluice::cli::run_hash(form, hash_command->remaining_size() > 0);
    }
    if (*explain_command) {
      return sluice::cli::run_explain_route(explain, explain_command->count("--statement") > 0);
    }
    return *run_command ? sluice::cli::run_server(path) : sluice::cli::run_check(path, offline);
  } catch (const std::exception& error) {
    std::cerr << "sluice: " << error.what() << '\n';
    return 1;
  }
}
