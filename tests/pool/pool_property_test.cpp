// Seeded random lives of a pool against a model: bounds, order, nobody forgotten, nothing opened
// that may not be, after every single step.

#include <gtest/gtest.h>

#include "tests/pool/world.hpp"

namespace sluice::pool::test {
namespace {

Limits random_limits(std::uint32_t seed) {
  std::mt19937 random(seed * 7919U);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  Limits limits;
  limits.pool_size = random() % 6;
  limits.max_overflow = static_cast<int>(random() % 5) - 1;
  limits.overflow_delay = one_in(3) ? 30ms : 0ms;
  limits.max_waiting = one_in(3) ? 1 + random() % 6 : 0;
  limits.max_connecting = one_in(2) ? 1 + random() % 3 : 0;
  limits.min_idle = one_in(3) ? 1 + random() % 3 : 0;
  limits.idle_timeout = one_in(2) ? 600ms : 0ms;
  limits.keepalive_time = one_in(2) ? 400ms : 0ms;
  limits.recycle = one_in(2) ? Duration(2s) : Duration(-1);
  limits.lifo = one_in(2);
  limits.pre_ping = one_in(2);
  limits.pre_ping_idle = 300ms;
  limits.connect_retry_min = 40ms;
  limits.connect_retry_max = 700ms;
  limits.outage_grace = one_in(2) ? 300ms : 0ms;
  limits.jitter_seed = seed;
  return limits;
}

TEST(PoolProperty, RandomLivesKeepEveryPromise) {
  std::map<std::string, int> happened;
  for (std::uint32_t seed = 1; seed <= 2000 && !HasFailure(); ++seed) {
    World world(seed, random_limits(seed));
    world.run(120);
    for (const auto& [what, times] : world.happened) {
      happened[what] += times;
    }
  }
  for (const char* what :
       {"queued",      "evicted",          "pinged",      "reused",    "handed over",
        "passed over", "closed on return", "lost",        "withdrawn", "down",
        "refused",     "failed",           "asked again", "replaced",  "idle",
        "lifetime",    "kept alive",       "warmed",      "paused",    "retired"}) {
    EXPECT_GT(happened[what], 100) << what << ": the test does not reach it";
  }
}

}  // namespace
}  // namespace sluice::pool::test
