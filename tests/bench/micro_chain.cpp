// What a request costs its session's chain: asked, allowed and answered.

#include <benchmark/benchmark.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/registry.hpp"
#include "proxy/middleware/background.hpp"
#include "proxy/middleware/catalogue.hpp"
#include "proxy/middleware/chain.hpp"

namespace {

using namespace sluice;
using namespace sluice::proxy::middleware;
using std::chrono::milliseconds;

constexpr std::string_view kPoint = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";

// None of them ever refuses or delays here: what is measured is that they are asked.
std::vector<config::MiddlewareOptions> cheap_ones() {
  config::ConnectionLimit connections;
  connections.per_user = 100000;
  config::RateLimit rate;
  rate.requests_per_second = 10'000'000;
  rate.burst = 10'000'000;
  return {connections, config::StatementTimeout{milliseconds(60000)}, rate};
}

std::vector<config::MiddlewareOptions> ten() {
  std::vector<config::MiddlewareOptions> all = cheap_ones();
  config::AddressRules addresses;
  addresses.allow = {"127.0.0.0/8"};
  config::StatementRules rules;
  rules.rules.resize(1);
  rules.rules[0].deny = "^(drop|truncate|grant) ";
  all.insert(all.end(), {addresses, config::ReadOnly{}, rules, config::RowLimit{1000000},
                         config::ResultLimit{std::uint64_t{1} << 30U},
                         config::NPlusOne{1000000, milliseconds(1000)}, config::SnapshotAge{}});
  return all;
}

class WallTime final : public TimeSource {
 public:
  Now now() const override { return {at, std::chrono::system_clock::now()}; }
  proxy::middleware::TimePoint at = std::chrono::steady_clock::now();
};

void chain_request(benchmark::State& state, const std::vector<config::MiddlewareOptions>& options) {
  metrics::Registry registry("bench");
  Background background(16);
  const WallTime time;
  Entries entries;
  for (const config::MiddlewareOptions& one : options) {
    Entry& entry = entries.emplace_back();
    entry.middleware = std::move(*make(one));
    entry.wants = entry.middleware->wants();
    entry.instruments = {registry.lend_middleware("", std::string(entry.middleware->name()))};
  }
  Identity identity;
  identity.user = "app";
  identity.address = "127.0.0.1";
  Chain chain(std::move(identity), {time, background, 0});
  const protocol::Parameters attributes;
  Login login{chain.identity(), attributes, chain.now()};
  if (chain.enter(entries, login)) {
    state.SkipWithError("the login was refused");
    return;
  }
  for (auto _ : state) {
    // As a conversation does it.
    if (!chain.waves_through(protocol::RequestKind::query)) {
      protocol::Request request;
      request.text = kPoint;
      benchmark::DoNotOptimize(chain.ask(request));
      chain.answered({});
    }
    chain.transactions_ended(1);
  }
}
BENCHMARK_CAPTURE(chain_request, three, cheap_ones());
BENCHMARK_CAPTURE(chain_request, ten, ten());

}  // namespace
