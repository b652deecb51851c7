#include "cli/probe.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <memory>
#include <string>

#include "cli/admin_client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace sluice::cli {
namespace {

struct ProbeOptions {
  AdminOptions admin;
  bool started = false;
  bool live = false;
  bool ready = false;
};

struct ProbePage {
  const char* path;
  const char* word;
  bool ProbeOptions::*wanted;
};

constexpr std::array<ProbePage, 3> kProbePages{{
    {"/startupz", "started", &ProbeOptions::started},
    {"/livez", "live", &ProbeOptions::live},
    {"/readyz", "ready", &ProbeOptions::ready},
}};

// "ready", "not ready: draining"; whether it is.
bool tell_page(AdminClient& client, const ProbePage& page) {
  auto answer = client.page(page.path);
  if (!answer) {
    std::cerr << "sluice probe: " << answer.failure().text << '\n';
    return false;
  }
  if (answer->status == 200) {
    std::cout << page.word << '\n';
    return true;
  }
  const std::string reason =
      answer->status == 503
          ? printable(answer->body.substr(0, answer->body.find('\n')))
          : to_string(client.address()) + " answers HTTP " + std::to_string(answer->status);
  std::cout << "not " << page.word << ": " << reason << '\n';
  return false;
}

int run_probe(const ProbeOptions& options) {
  auto client = make_nameless_client(options.admin);
  if (!client) {
    std::cerr << "sluice probe: " << client.failure().text << '\n';
    return kFailed;
  }
  bool all = true;
  for (const ProbePage& page : kProbePages) {
    if (options.*page.wanted) {
      all = tell_page(*client, page) && all;
    }
  }
  return all ? kDone : kFailed;
}

}  // namespace

void add_probe(Commands& commands) {
  auto options = std::make_shared<ProbeOptions>();
  auto* command = commands.app().add_subcommand(
      "probe",
      "ask a running sluice how it is, as a container's health check does; exit status 0: all that "
      "was asked for is true, 1: it is not, or nobody answers");
  add_admin_place(*command, options->admin);
  command->add_option("--ca-file", options->admin.ca_file,
                      "certificates in PEM that https is verified by; without it any certificate "
                      "is taken, since nothing secret is sent");
  command->add_flag("--started", options->started, "its listeners accept");
  command->add_flag("--live", options->live, "its workers work; no backend is asked");
  command->add_flag("--ready", options->ready,
                    "it takes new clients: it does not drain, and pools reach their servers as "
                    "admin.readiness says; asked for when nothing is");
  command->footer(examples({"sluice probe -c sluice.yaml",
                            "sluice probe --admin http://127.0.0.1:9127 --started --live",
                            "until sluice probe -c sluice.yaml; do sleep 1; done"}));
  commands.on(command, [options] {
    options->ready = options->ready || !(options->started || options->live);
    return run_probe(*options);
  });
}

}  // namespace sluice::cli
