#include "cli/ctl.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cli/admin_client.hpp"
#include "cli/commands.hpp"

namespace sluice::cli {
namespace {

namespace json = boost::json;
using protocol::FailureKind;

constexpr auto kPollInterval = std::chrono::milliseconds(200);

int failed(const char* command, const protocol::Failure& failure) {
  std::cerr << "sluice " << command << ": " << failure.text << '\n';
  return kFailed;
}

std::string member_text(const json::value& value, const char* pointer) {
  boost::system::error_code missing;
  const json::value* found = value.find_pointer(pointer, missing);
  return found == nullptr ? "" : cell_text(*found);
}

std::string list_text(const json::value& value, const char* pointer, const std::string& lead) {
  boost::system::error_code missing;
  const json::value* found = value.find_pointer(pointer, missing);
  std::string out;
  if (found != nullptr && found->is_array()) {
    for (const json::value& one : found->get_array()) {
      out += lead + printable(cell_text(one)) + "\n";
    }
  }
  return out;
}

struct CtlOptions {
  AdminOptions admin;
  std::vector<std::string> words;
  bool json = false;
};

protocol::Result<json::value> ask(AdminClient& client, const std::string& command) {
  return client.post("/api/v1/console", {{"command", command}});
}

// As the console does. Who does not want to wait ends this process; what was begun goes on. Each
// look is a line in the server's log: less and less often.
std::optional<protocol::Failure> wait_until_done(AdminClient& client, const std::string& question) {
  constexpr auto kLongest = std::chrono::milliseconds(2000);
  for (auto pause = kPollInterval;; pause = std::min(2 * pause, kLongest)) {
    std::this_thread::sleep_for(pause);
    auto answer = ask(client, question);
    if (!answer) {
      return std::move(answer.failure());
    }
    if (is_done(*answer)) {
      return std::nullopt;
    }
  }
}

int run_ctl(const CtlOptions& options) {
  std::string command;
  for (const std::string& word : options.words) {
    command += (command.empty() ? "" : " ") + word;
  }
  auto client = make_admin_client(options.admin);
  if (!client) {
    return failed("ctl", client.failure());
  }
  auto answer = ask(*client, command);
  if (!answer) {
    return failed("ctl", answer.failure());
  }
  const std::string tag = member_text(*answer, "/tag");
  std::cerr << list_text(*answer, "/notes", "");
  if (const auto question = question_about(command, tag); !is_done(*answer) && !question.empty()) {
    std::cerr << "waiting: what is in use is not free yet\n";
    if (const auto failure = wait_until_done(*client, question)) {
      return failed("ctl", *failure);
    }
  }
  auto table = table_of(*answer);
  if (!table) {
    return failed("ctl", table.failure());
  }
  if (options.json) {
    std::cout << rows_as_json(*table, *answer);
  } else if (!table->columns.empty()) {
    std::cout << aligned(*table);
  } else {
    std::cout << tag << '\n';
  }
  return kDone;
}

int run_reload(const AdminOptions& options) {
  auto client = make_admin_client(options);
  if (!client) {
    return failed("reload", client.failure());
  }
  auto answer = client->post("/api/v1/reload", json::object());
  if (!answer) {
    return failed("reload", answer.failure());
  }
  std::cout << reload_text(*answer);
  return kDone;
}

struct DrainOptions {
  AdminOptions admin;
  std::string mode = "drain";
  bool wait = false;
};

// Until nobody answers: it has ended. What it says meanwhile goes to standard error.
int wait_for_end(AdminClient& client) {
  std::string shown;
  for (;;) {
    auto status = client.get("/api/v1/status");
    if (!status && client.unreachable()) {
      std::cerr << "ended\n";
      return kDone;
    }
    if (!status) {
      return failed("drain", status.failure());
    }
    const std::string clients = member_text(*status, "/data/clients") + " clients are left";
    if (clients != shown) {
      std::cerr << clients << '\n';
      shown = clients;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

int run_drain(const DrainOptions& options) {
  auto client = make_admin_client(options.admin);
  if (!client) {
    return failed("drain", client.failure());
  }
  auto answer = client->post("/api/v1/drain", {{"mode", options.mode}});
  if (!answer) {
    return failed("drain", answer.failure());
  }
  std::cerr << "draining\n";
  return options.wait ? wait_for_end(*client) : kDone;
}

}  // namespace

std::string cell_text(const json::value& value) {
  if (value.is_null()) {
    return {};
  }
  if (value.is_double()) {  // not with the exponent that JSON's writer gives every number
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.9g", value.get_double());
    return text.data();
  }
  return value.is_string() ? std::string(value.get_string().c_str(), value.get_string().size())
                           : json::serialize(value);
}

protocol::Result<Table> table_of(const json::value& answer) {
  const auto wrong = [] {
    return protocol::fail(FailureKind::internal, "the answer is not a table");
  };
  const json::object* object = answer.if_object();
  const json::value* columns = object == nullptr ? nullptr : object->if_contains("columns");
  const json::value* rows = object == nullptr ? nullptr : object->if_contains("rows");
  if (columns == nullptr || rows == nullptr || !columns->is_array() || !rows->is_array()) {
    return wrong();
  }
  Table out;
  for (const json::value& column : columns->get_array()) {
    out.columns.push_back(printable(cell_text(column)));
  }
  for (const json::value& row : rows->get_array()) {
    if (!row.is_array() || row.get_array().size() != out.columns.size()) {
      return wrong();
    }
    auto& cells = out.rows.emplace_back();
    for (const json::value& cell : row.get_array()) {
      cells.push_back(cell_text(cell));
    }
  }
  return out;
}

std::string rows_as_json(const Table& table, const json::value& answer) {
  json::array out;
  if (const auto* rows = answer.as_object().if_contains("rows")) {
    for (const json::value& row : rows->as_array()) {
      json::object& one = out.emplace_back(json::object()).get_object();
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        one[table.columns[i]] = row.as_array()[i];
      }
    }
  }
  return json::serialize(out) + "\n";
}

bool is_done(const json::value& answer) {
  const json::object* object = answer.if_object();
  const json::value* done = object == nullptr ? nullptr : object->if_contains("done");
  return done == nullptr || !done->is_bool() || done->get_bool();
}

std::string question_about(const std::string& command, std::string_view tag) {
  constexpr std::string_view kPause = "PAUSE";
  if (tag != kPause) {
    return tag.starts_with("WAIT_") ? command : "";
  }
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  const auto same = [&](char a, char b) { return upper(a) == b; };
  const auto at = std::search(command.begin(), command.end(), kPause.begin(), kPause.end(), same);
  return at == command.end() ? "" : "WAIT_" + std::string(at, command.end());
}

std::string reload_text(const json::value& answer) {
  const std::string changed = list_text(answer, "/data/changed", "  ");
  const std::string later = list_text(answer, "/data/needs_restart", "  ");
  std::string out = list_text(answer, "/data/warnings", "warning: ");
  out += changed.empty() ? "nothing has changed\n" : "changed:\n" + changed;
  return out + (later.empty() ? "" : "wait for a restart:\n" + later);
}

void add_ctl(Commands& commands) {
  auto options = std::make_shared<CtlOptions>();
  auto* command = commands.app().add_subcommand(
      "ctl", "run a command of the console in a running sluice, and print what it answers");
  add_admin_options(*command, options->admin);
  command->add_flag("--json", options->json, "rows as a JSON array of objects");
  command->add_option("COMMAND", options->words, "SHOW POOLS, PAUSE pets, ...; SHOW HELP tells all")
      ->required();
  command->footer(
      examples({"sluice ctl -c sluice.yaml SHOW POOLS",
                "sluice ctl --admin unix:/run/sluice/admin.sock pause pets",
                "SLUICE_ADMIN=http://127.0.0.1:9127 sluice ctl -u ops --json show clients",
                "sluice ctl --admin https://db1.example:9127 --ca-file ca.crt -u ops SHOW POOLS",
                "sluice ctl -c sluice.yaml SHOW HELP"}));
  commands.on(command, [options] { return run_ctl(*options); });
}

void add_reload(Commands& commands) {
  auto options = std::make_shared<AdminOptions>();
  auto* command = commands.app().add_subcommand(
      "reload",
      "have a running sluice read its file again; an error in it changes nothing and is told");
  add_admin_options(*command, *options);
  command->footer(examples({"sluice check -c sluice.yaml && sluice reload -c sluice.yaml"}));
  commands.on(command, [options] { return run_reload(*options); });
}

void add_drain(Commands& commands) {
  auto options = std::make_shared<DrainOptions>();
  auto* command =
      commands.app().add_subcommand("drain", "have a running sluice end once its sessions have");
  add_admin_options(*command, options->admin);
  command
      ->add_option("--mode", options->mode,
                   "drain: sessions end with their transactions, drain.timeout at most; "
                   "wait_for_clients: as they leave; immediate: now")
      ->check(CLI::IsMember({"drain", "wait_for_clients", "immediate"}))
      ->capture_default_str();
  command->add_flag("--wait", options->wait, "return when it has ended, and count its clients");
  command->footer(examples({"sluice drain -c sluice.yaml --wait",
                            "sluice drain --admin unix:/run/sluice/admin.sock --mode immediate"}));
  commands.on(command, [options] { return run_drain(*options); });
}

}  // namespace sluice::cli
