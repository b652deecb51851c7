#include "tests/pool/world.hpp"

#include <algorithm>

namespace sluice::pool::test {

World::~World() {
  pool_.shut_down(CloseReason::drain).deliveries.deliver();
}

void World::run(int steps) {
  for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
    if (pick(3) != 0) {
      now_ += std::chrono::milliseconds(pick(8) == 0 ? pick(400) : pick(6));
    }
    step();
    check();
  }
  finish();
}

void World::check() {
  const Snapshot snapshot = pool_.snapshot(now_);
  ASSERT_EQ(snapshot.idle, count(Place::idle)) << where();
  ASSERT_EQ(snapshot.in_use, lent()) << where();
  ASSERT_EQ(snapshot.opening, openings_.size()) << where();
  ASSERT_EQ(snapshot.closing, count(Place::closing)) << where();
  ASSERT_EQ(snapshot.waiting, queue_.size()) << where();
  ASSERT_EQ(static_cast<int>(snapshot.failures), failures_) << where();
  ASSERT_EQ(snapshot.paused, paused_) << where();
  ASSERT_EQ(static_cast<std::ptrdiff_t>(snapshot.retiring),
            std::count_if(members_.begin(), members_.end(),
                          [this](const auto& member) {
                            const bool out =
                                member->place == Place::lent || member->place == Place::pinged;
                            return out && retired(*member);
                          }))
      << where();
  ASSERT_LE(existing(), bound()) << where();
  ASSERT_LE(snapshot.idle, keep()) << where();
  for (const ModelSession* session : queue_) {
    ASSERT_FALSE(session->told.has_value()) << "told, and not heard, " << where();
  }
  // What time alone has brought since is for the next tick.
  if (!paused_ && !queue_.empty() && (settled_at_ == now_ || pool_.next_tick(now_) > now_)) {
    check_waiting();
  }
}

// Whoever waits cannot be served at this moment.
void World::check_waiting() {
  for (const auto& member : members_) {
    for (const ModelSession* session : queue_) {
      ASSERT_FALSE(member->place == Place::idle && !maybe_old(*member) &&
                   member->fit_class == session->ask.fit_class)
          << "waits beside an idle member, " << where();
    }
  }
  ASSERT_FALSE(hopeless() && !maybe_may_open() && openings_.empty())
      << "waits for a backend that is down, " << where();
  if (!surely_may_open()) {
    return;
  }
  ASSERT_EQ(count(Place::idle), 0U) << "waits beside what could be evicted, " << where();
  ASSERT_GE(existing(), keep()) << "waits beside a free slot, " << where();
  const bool waited = now_ - first()->since >= limits_.overflow_delay;
  ASSERT_TRUE(existing() >= bound() || !waited) << "waits beside overflow, " << where();
}

ModelMember* World::any(Place place) {
  std::vector<ModelMember*> there;
  for (const auto& member : members_) {
    if (member->place == place) {
      there.push_back(member.get());
    }
  }
  return there.empty() ? nullptr
                       : there[static_cast<std::size_t>(pick(static_cast<int>(there.size())))];
}

std::size_t World::count(Place place) const {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(),
                    [place](const auto& member) { return member->place == place; }));
}

std::size_t World::existing() const {
  return count(Place::idle) + lent() + count(Place::closing) + openings_.size();
}

std::size_t World::bound() const {
  return limits_.pool_size == 0 || limits_.max_overflow < 0
             ? 1U << 30U
             : limits_.pool_size + static_cast<std::size_t>(limits_.max_overflow);
}

bool World::surely_old(const ModelMember& member) const {
  return limits_.recycle >= Duration(0) && now_ - member.opened >= limits_.recycle;
}

bool World::maybe_old(const ModelMember& member) const {
  return limits_.recycle >= Duration(0) && now_ - member.opened >= limits_.recycle * 9 / 10;
}

bool World::surely_may_open() const {
  return maybe_may_open() && (failures_ == 0 || now_ >= retry_until_);
}

bool World::maybe_may_open() const {
  if (paused_) {
    return false;
  }
  if (limits_.max_connecting != 0 && openings_.size() >= limits_.max_connecting) {
    return false;
  }
  return failures_ == 0 || (openings_.empty() && now_ >= retry_from_);
}

bool World::hopeless() const {
  return failures_ > 0 && lent() == 0 &&
         (!up_before_ || permanent_ || now_ >= outage_since_ + limits_.outage_grace);
}

ModelSession* World::first() const {
  return *std::min_element(queue_.begin(), queue_.end(),
                           [](const auto* a, const auto* b) { return a->turn < b->turn; });
}

std::string World::where() const {
  return "seed " + std::to_string(seed_) + " at " +
         std::to_string(
             std::chrono::duration_cast<std::chrono::milliseconds>(now_ - t(0s)).count()) +
         " ms";
}

}  // namespace sluice::pool::test
