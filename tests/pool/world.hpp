#pragma once

// A random life of a pool, and what must be true of it, stated without knowledge of how the pool
// decides. Where the pool draws jitter, the model knows only its range.

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/pool/fixtures.hpp"

namespace sluice::pool::test {

enum class Place : std::uint8_t { lent, pinged, idle, closing, gone };

struct ModelMember : TestMember {
  Place place = Place::lent;
  TimePoint opened;
  TimePoint proven;
  TimePoint idle_since;
};

// A session: asks, waits, opens, holds. Told through deliver() only while it is queued.
struct ModelSession : TestWaiter {
  Ask ask;
  TimePoint since;
  std::uint64_t turn = 0;
  std::uint32_t passed = 0;
  bool queued = false;
  ModelMember* holds = nullptr;
};

// What is being opened, and for whom; null: for warming.
struct Opening {
  ModelSession* session;
  std::uint32_t era;
};

class World {
 public:
  World(std::uint32_t seed, const Limits& limits)
      : random_(seed), limits_(limits), pool_(limits), seed_(seed) {}
  ~World();

  void run(int steps);

  std::map<std::string, int> happened;

 private:
  // world_steps.cpp: what may happen.
  void step();
  void arrive();
  void give_back();
  void release(ModelMember& member);
  void finish_opening(bool success);
  void fail_opening();
  void replace();
  void forget();
  void lose();
  void end_closing();
  void withdraw();
  void tick();
  void answer_ping(bool alive);
  void pause_or_resume();
  void resume();
  void retire();
  void close_all_idle();
  Opening take_opening();
  void finish();

  // world_told.cpp: what somebody is told.
  void told(ModelSession& session, const Decision& decision);
  void told_reuse(ModelSession& session, const Reuse& reuse);
  void told_open(ModelSession& session, const Open& open);
  void hear(Deliveries& deliveries);
  void enqueue(ModelSession& session);
  void note_failure(OpenFailure failure);
  void note_success(const ModelMember& member);

  // world.cpp: what is so, and what must be.
  void check();
  void check_waiting();
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  ModelMember* any(Place place);
  std::size_t count(Place place) const;
  std::size_t lent() const { return count(Place::lent) + count(Place::pinged); }
  std::size_t existing() const;
  std::size_t keep() const { return limits_.pool_size == 0 ? 1U << 30U : limits_.pool_size; }
  std::size_t bound() const;
  bool retired(const ModelMember& member) const { return member.era != era_; }
  bool surely_old(const ModelMember& member) const;
  bool maybe_old(const ModelMember& member) const;
  bool surely_may_open() const;
  bool alive();  // a connection that serves or could serve somebody
  bool maybe_may_open() const;
  bool hopeless() const;
  ModelSession* first() const;
  static ModelMember& as_model(Member& member) { return static_cast<ModelMember&>(member); }
  std::string where() const;

  std::mt19937 random_;
  Limits limits_;
  std::vector<std::unique_ptr<ModelMember>> members_;
  std::vector<std::unique_ptr<ModelSession>> sessions_;
  PoolState pool_;
  std::uint32_t seed_;
  TimePoint now_ = t(0s);
  TimePoint distrusted_ = TimePoint::min();
  TimePoint settled_at_ = TimePoint::min();  // the last time that something was freed
  std::uint64_t turns_ = 0;
  std::vector<Opening> openings_;
  std::vector<ModelSession*> queue_;
  bool paused_ = false;
  std::uint32_t era_ = 0;
  // The outage, as far as it is known.
  bool up_before_ = false;
  bool permanent_ = false;
  int failures_ = 0;
  std::size_t stale_ = 0;
  TimePoint outage_since_;
  TimePoint retry_from_;   // with the least jitter
  TimePoint retry_until_;  // with the most
};

}  // namespace sluice::pool::test
