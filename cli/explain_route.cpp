#include "cli/explain_route.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/commands.hpp"
#include "cli/explain_print.hpp"
#include "config/cidr.hpp"
#include "config/load.hpp"
#include "config/secret.hpp"
#include "config/suggest.hpp"

namespace sluice::cli {
namespace {

using protocol::FailureKind;
using protocol::Status;

Status read_pairs(const std::vector<std::string>& texts, std::string_view option,
                  protocol::Parameters& out) {
  for (const std::string& text : texts) {
    const auto cut = text.find('=');
    if (cut == 0 || cut == std::string::npos) {
      return protocol::fail(FailureKind::internal,
                            std::string(option) + " takes NAME=VALUE, not " + config::quoted(text));
    }
    out.emplace_back(text.substr(0, cut), text.substr(cut + 1));
  }
  return protocol::Done{};
}

Status read_token(const std::string& path, std::optional<std::string>& token) {
  if (path.empty()) {
    return protocol::Done{};
  }
  auto file = config::read_secret_file(path);
  if (!file.error.empty()) {
    return protocol::fail(FailureKind::internal, "--token-file: " + file.error);
  }
  token = std::move(file.text);
  return protocol::Done{};
}

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

void add_explain_route(Commands& commands) {
  auto shared = std::make_shared<ExplainOptions>();
  ExplainOptions& options = *shared;
  auto* command = commands.app().add_subcommand(
      "explain-route",
      "tell which route a session would take, what middleware would say to it and to a statement, "
      "and why; nothing is opened but the files that the configuration names");
  auto& question = options.question;
  command->add_option("-c,--config", options.path, "configuration file (YAML)")
      ->type_name("FILE")
      ->required();
  command->add_flag("--offline", options.offline, "open none of the files that it names");
  command->add_option("-u,--user", question.user, "who logs in")->required();
  command->add_option("-d,--database", question.database,
                      "to which database; without it: PostgreSQL's is the user's, MySQL has none");
  command->add_option("--protocol", options.protocol, "postgresql or mysql; or name a listener")
      ->check(CLI::IsMember({"postgresql", "mysql"}));
  command->add_option("--listener", question.listener,
                      "by which listener; without it: the first of the protocol");
  command->add_option("--address", question.address, "from which address");
  command->add_option("--application-name", question.application_name,
                      "application_name, or MySQL's program_name");
  command
      ->add_option("--attribute", options.attributes,
                   "NAME=VALUE: a startup parameter or connection attribute; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--claim", options.claims,
                   "NAME=VALUE: of the token, which is taken for good; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--token-file", options.token_file,
                   "file with the token, which is checked then as at a login")
      ->type_name("FILE");
  command->add_option("--tls-subject", question.tls_subject,
                      "of the client's certificate, such as CN=app,O=Example");
  command->add_option("--statement", options.statement,
                      "what the session would run; - reads it from standard input");
  command->add_flag("--json", options.json, "as JSON");
  command->footer(
      examples({"sluice explain-route -c sluice.yaml -u app -d pets --statement 'DROP TABLE pets'",
                "sluice explain-route -c sluice.yaml -u reports --protocol mysql --address "
                "10.0.0.7 --json"}));
  commands.on(command, [command, shared] {
    return run_explain_route(*shared, command->count("--statement") > 0);
  });
}

Status read_question(ExplainOptions& options, bool statement_given) {
  auto& question = options.question;
  if (question.user.empty()) {
    return protocol::fail(FailureKind::internal, "--user must not be empty");
  }
  if (!options.protocol.empty()) {
    question.protocol =
        options.protocol == "mysql" ? config::Protocol::mysql : config::Protocol::postgresql;
  }
  if (!question.address.empty() && !config::parse_ip(question.address)) {
    return protocol::fail(
        FailureKind::internal,
        "--address takes an IP address without a port, not " + config::quoted(question.address));
  }
  if (!options.token_file.empty() && !options.claims.empty()) {
    return protocol::fail(FailureKind::internal,
                          "--claim is for a token that is taken for good; the claims of "
                          "--token-file are its own");
  }
  if (auto read = read_pairs(options.attributes, "--attribute", question.attributes); !read) {
    return read;
  }
  if (auto read = read_pairs(options.claims, "--claim", question.assumed.claims); !read) {
    return read;
  }
  if (auto read = read_token(options.token_file, question.assumed.token); !read) {
    return read;
  }
  if (statement_given) {
    question.statement =
        options.statement == "-" ? read_all(std::cin) : std::move(options.statement);
    if (question.statement->find_first_not_of(" \t\r\n;") == std::string::npos) {
      return protocol::fail(FailureKind::internal, "--statement has no statement in it");
    }
  }
  return protocol::Done{};
}

int run_explain_route(ExplainOptions& options, bool statement_given) {
  if (auto read = read_question(options, statement_given); !read) {
    std::cerr << "sluice: " << read.failure().text << '\n';
    return 1;
  }
  config::LoadOptions how;
  how.offline = options.offline;
  const config::Loaded loaded = config::load_file(options.path, how);
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << config::to_string(problem) << '\n';
  }
  if (loaded.config == nullptr) {
    return 1;
  }
  const proxy::middleware::Now now{std::chrono::steady_clock::now(),
                                   std::chrono::system_clock::now()};
  auto told = proxy::explain::explain(loaded.config, options.question, now);
  if (!told) {
    std::cerr << "sluice: " << told.failure().text << '\n';
    return 1;
  }
  std::cout << (options.json ? explanation_json(*told, options.question)
                             : explanation_text(*told, options.question));
  return 0;
}

}  // namespace sluice::cli
