#include "cli/top.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/admin_client.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "cli/top_view.hpp"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct TopOptions {
  AdminOptions admin;
  double interval = 2;
  bool once = false;
};

// Asks again and again, and knows what was counted the last time.
class Source {
 public:
  explicit Source(AdminClient client) : client_(std::move(client)) {}

  protocol::Result<TopData> fetch() {
    auto status = client_.get("/api/v1/status");
    auto pools = status ? client_.get("/api/v1/pools") : std::move(status.failure());
    auto sessions = pools ? client_.get("/api/v1/sessions") : std::move(pools.failure());
    auto totals = sessions ? client_.get("/api/v1/totals") : std::move(sessions.failure());
    if (!totals) {
      return std::move(totals.failure());
    }
    TopData out = make_top_data(*status, *pools, *sessions);
    const TopTotals counted = totals_of(*totals);
    const auto now = Clock::now();
    if (counted_) {
      const std::chrono::duration<double> passed = now - counted_at_;
      out.headline += rate_text(*counted_, counted, passed.count());
    }
    counted_ = counted;
    counted_at_ = now;
    return out;
  }

 private:
  AdminClient client_;
  std::optional<TopTotals> counted_;
  Clock::time_point counted_at_;
};

void print(const TopData& data) {
  std::cout << printable(data.headline) << "\n\n"
            << aligned(data.pools) << '\n'
            << aligned(data.sessions);
}

// A failure is shown, and the next refresh tries again: sluice may be about to restart.
void refresh(Source& source, TopView& view) {
  auto data = source.fetch();
  if (data) {
    view.set_data(std::move(*data));
  } else {
    view.set_error(data.failure().text);
  }
}

int run_live(Source& source, const TopOptions& options, TopData first) {
  TopView view(std::getenv("NO_COLOR") == nullptr);
  view.set_interval(options.interval);
  view.set_data(std::move(first));
  Terminal terminal;
  if (!terminal.ready()) {
    std::cerr << "sluice top: the terminal cannot be set\n";
    return kFailed;
  }
  auto refreshed = Clock::now();
  while (!view.quit() && !terminal.ended()) {
    terminal.show(view.render(terminal.size()));
    const auto due =
        refreshed + std::chrono::milliseconds(static_cast<long>(view.interval() * 1000));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now());
    const auto most = std::chrono::milliseconds(view.paused() ? 60000 : std::max(left.count(), 0L));
    for (const Key& key : read_keys(terminal.read(most))) {
      view.on_key(key);
    }
    if (!view.paused() && !view.quit() && Clock::now() >= due) {
      refresh(source, view);
      refreshed = Clock::now();
    }
  }
  return kDone;
}

int run_top(const TopOptions& options) {
  auto client = make_admin_client(options.admin);
  if (!client) {
    std::cerr << "sluice top: " << client.failure().text << '\n';
    return kFailed;
  }
  Source source(std::move(*client));
  auto data = source.fetch();
  if (!data) {
    std::cerr << "sluice top: " << data.failure().text << '\n';
    return kFailed;
  }
  if (options.once || !Terminal::available()) {
    print(*data);
    return kDone;
  }
  return run_live(source, options, std::move(*data));
}

}  // namespace

void add_top(Commands& commands) {
  auto options = std::make_shared<TopOptions>();
  auto* command = commands.app().add_subcommand(
      "top", "show the pools and sessions of a running sluice, live; h tells the keys");
  add_admin_options(*command, options->admin);
  command->add_option("--interval", options->interval, "seconds between refreshes")
      ->check(CLI::Range(0.5, 60.0))
      ->capture_default_str();
  command->add_flag("--once", options->once,
                    "print once and end, as it does where standard output is no terminal");
  command->footer(
      examples({"sluice top -c sluice.yaml", "sluice top --admin http://127.0.0.1:9127 --user ops",
                "sluice top -c sluice.yaml --once | grep waiting"}));
  commands.on(command, [options] { return run_top(*options); });
}

}  // namespace sluice::cli
