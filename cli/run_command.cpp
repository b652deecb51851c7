#include "cli/run_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "cli/run.hpp"
#include "cli/starter.hpp"
#include "config/describe.hpp"
#include "config/load.hpp"

namespace sluice::cli {
namespace {

struct RunOptions {
  std::string path;
  QuickOptions quick;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int run_quick(const QuickOptions& options) {
  auto text = quick_config(options, {environment("PGPASSWORD"), environment("MYSQL_PWD"),
                                     environment("SLUICE_CLIENT_PASSWORD")});
  if (!text) {
    std::cerr << "sluice run: " << text.failure().text << '\n';
    return kFailed;
  }
  config::Loaded loaded = config::load_text(*text, "(command line)", {});
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << "sluice run: " << problem.text << '\n';
  }
  if (loaded.config == nullptr) {
    return kFailed;
  }
  std::cout << "# `sluice config init --from-url URL` makes a file to go on with. This is served:\n"
            << config::describe(*loaded.config) << std::flush;
  return run_server("", loaded.config);
}

int run(const RunOptions& options) {
  const bool quick = !options.quick.backends.empty();
  if (quick == !options.path.empty()) {
    std::cerr << "sluice run: give either -c FILE or --backend URL\n";
    return kUsage;
  }
  return quick ? run_quick(options.quick) : run_server(options.path);
}

}  // namespace

void add_run(Commands& commands) {
  auto options = std::make_shared<RunOptions>();
  auto* command = commands.app().add_subcommand(
      "run", "serve clients until SIGTERM or SIGINT; from a file, or for a look without one");
  auto* path = command->add_option("-c,--config", options->path, "configuration file (YAML)")
                   ->type_name("FILE");
  auto* backend =
      command
          ->add_option("--backend", options->quick.backends,
                       "url of a database, in place of a file; may be repeated, with a listener "
                       "for each. Its password may be left to PGPASSWORD or MYSQL_PWD")
          ->allow_extra_args(false)
          ->excludes(path);
  command
      ->add_option("--listen", options->quick.listen,
                   "where clients connect, one for each --backend: host:port, :port or unix:/path; "
                   "without it 127.0.0.1:6432 for PostgreSQL, 127.0.0.1:6033 for MySQL")
      ->allow_extra_args(false)
      ->needs(backend);
  command
      ->add_option("--user", options->quick.users,
                   "who may log in, in place of the url's user; may be repeated. Their password is "
                   "that of the url, or SLUICE_CLIENT_PASSWORD")
      ->allow_extra_args(false)
      ->needs(backend);
  command
      ->add_option("--admin-http", options->quick.admin_http,
                   "address of /metrics, the probes and the API")
      ->needs(backend);
  command
      ->add_option("--admin-socket", options->quick.admin_socket,
                   "unix socket for `sluice ctl`, `top` and `drain`")
      ->needs(backend);
  command->footer(examples(
      {"sluice run -c /etc/sluice/sluice.yaml",
       "PGPASSWORD=... sluice run --backend postgresql://app@db/pets --listen :6432",
       "sluice run --backend 'mysql://app:${DB_PASSWORD}@db/pets'   # ${} is read by sluice",
       "sluice run --backend postgresql://app@db/pets --admin-socket /tmp/sluice.sock"}));
  commands.on(command, [options] { return run(*options); });
}

}  // namespace sluice::cli
