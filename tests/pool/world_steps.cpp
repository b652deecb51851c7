// What may happen to a pool.

#include <algorithm>
#include <array>

#include "tests/pool/world.hpp"

namespace sluice::pool::test {

void World::step() {
  const int kind = pick(33);
  if (kind < 10) {
    arrive();
  } else if (kind < 16) {
    give_back();
  } else if (kind < 20) {
    finish_opening(pick(4) != 0);
  } else if (kind < 23) {
    end_closing();
  } else if (kind < 27) {
    tick();
  } else if (kind == 27) {
    pick(2) == 0 ? forget() : replace();
  } else if (kind == 28) {
    lose();
  } else if (kind == 29) {
    withdraw();
  } else if (kind == 30) {
    answer_ping(pick(4) != 0);
  } else if (kind == 31) {
    if (pick(5) == 0) {
      pool_.distrust(now_);
      distrusted_ = now_;
    }
  } else if (pick(4) == 0) {
    retire();
  } else {
    pause_or_resume();
  }
}

void World::arrive() {
  ModelSession& session = *sessions_.emplace_back(std::make_unique<ModelSession>());
  session.ask.worker = static_cast<std::uint32_t>(pick(3));
  session.ask.fit_class = static_cast<std::uint64_t>(pick(10) / 8);
  session.ask.state_hash = static_cast<std::uint64_t>(pick(3));
  session.since = now_;
  session.turn = ++turns_;
  const std::size_t waiting = queue_.size();
  const Decision decision = pool_.acquire(session, session.ask, now_);
  if (paused_) {
    EXPECT_TRUE(queued(decision)) << where();
  } else if (refused(decision)) {
    EXPECT_TRUE(limits_.max_waiting != 0 && waiting >= limits_.max_waiting) << where();
  } else if (queued(decision)) {
    EXPECT_TRUE(limits_.max_waiting == 0 || waiting < limits_.max_waiting) << where();
  }
  told(session, decision);
}

// A member that is kept counts as idle until somebody turns out to have been told of it.
void World::give_back() {
  ModelMember* member = any(Place::lent);
  if (member == nullptr) {
    return;
  }
  member->state_hash = static_cast<std::uint64_t>(pick(3));
  if (pick(2) == 0) {
    PoolState::proven(*member, now_);
    member->proven = now_;
  }
  release(*member);
}

void World::release(ModelMember& member) {
  const std::size_t idle = count(Place::idle);
  const bool pinged = member.place == Place::pinged;
  PoolState::Released released = pool_.release(member, now_);
  if (released.returned.kept) {
    EXPECT_FALSE(paused_) << where();
    EXPECT_TRUE(!retired(member) || !released.deliveries.empty()) << where();
    member.place = Place::idle;
    member.idle_since = pinged ? member.idle_since : now_;
  } else {
    member.place = Place::closing;
    const CloseReason reason = released.returned.reason;
    EXPECT_EQ(reason == CloseReason::admin, paused_ || retired(member)) << where();
    EXPECT_TRUE(reason == CloseReason::admin ||
                (reason == CloseReason::lifetime ? maybe_old(member) : idle >= keep()))
        << where();
    ++happened["closed on return"];
  }
  hear(released.deliveries);
}

void World::finish_opening(bool success) {
  if (openings_.empty()) {
    return;
  }
  if (!success) {
    fail_opening();
    return;
  }
  const auto [session, era] = take_opening();
  ModelMember& member = *members_.emplace_back(std::make_unique<ModelMember>());
  member.worker = session != nullptr ? session->ask.worker : 0;
  member.fit_class = session != nullptr ? session->ask.fit_class : 0;
  member.opened = member.proven = now_;
  member.era = era;
  Deliveries deliveries = pool_.opened(member, now_);
  note_success(member);
  hear(deliveries);
  if (session == nullptr) {
    release(member);
  }
}

Opening World::take_opening() {
  const auto which = openings_.begin() + pick(static_cast<int>(openings_.size()));
  const Opening opening = *which;
  openings_.erase(which);
  return opening;
}

void World::fail_opening() {
  ModelSession* session = take_opening().session;
  const OpenFailure failure = pick(8) == 0   ? OpenFailure::permanent
                              : pick(4) == 0 ? OpenFailure::given_up
                                             : OpenFailure::transient;
  note_failure(failure);
  if (session == nullptr || failure == OpenFailure::given_up || pick(3) == 0) {
    Deliveries deliveries = pool_.open_failed(now_, failure);
    hear(deliveries);
    return;
  }
  PoolState::Answer answer = pool_.open_again(*session, now_, failure);
  told(*session, answer.decision);
  hear(answer.deliveries);
  ++happened["asked again"];
}

void World::replace() {
  for (const auto& session : sessions_) {
    if (session->holds == nullptr || session->holds->place != Place::lent || session->queued) {
      continue;
    }
    ModelMember& member = *session->holds;
    const bool ended = pick(2) == 0;
    PoolState::Answer answer = pool_.replace(member, *session, now_, ended);
    session->holds = nullptr;
    member.place = ended || opens(answer.decision) ? Place::gone : Place::closing;
    if (const Open* open = std::get_if<Open>(&answer.decision)) {
      EXPECT_EQ(open->evict, ended ? nullptr : &member) << where();
      EXPECT_TRUE(maybe_may_open()) << where();
      openings_.push_back({session.get(), era_});
    } else {
      told(*session, answer.decision);
    }
    hear(answer.deliveries);
    ++happened["replaced"];
    return;
  }
}

void World::forget() {
  ModelMember* member = any(Place::lent);
  if (member == nullptr) {
    return;
  }
  const bool ended = pick(2) == 0;
  member->place = ended ? Place::gone : Place::closing;
  Deliveries deliveries = pool_.forget(*member, now_, ended);
  hear(deliveries);
}

void World::lose() {
  constexpr std::array kPlaces{Place::idle, Place::lent, Place::gone, Place::closing};
  ModelMember* member = any(kPlaces.at(static_cast<std::size_t>(pick(4))));
  if (member == nullptr) {
    return;
  }
  PoolState::Lost lost = pool_.lost(*member, now_);
  EXPECT_EQ(lost.forgotten, member->place == Place::idle) << where();
  if (lost.forgotten) {
    member->place = Place::gone;
    ++happened["lost"];
    hear(lost.deliveries);
  }
}

void World::end_closing() {
  ModelMember* member = any(Place::closing);
  if (member == nullptr) {
    return;
  }
  member->place = Place::gone;
  Deliveries deliveries = pool_.closed(now_);
  hear(deliveries);
}

void World::withdraw() {
  if (queue_.empty()) {
    return;
  }
  ModelSession* session = queue_[static_cast<std::size_t>(pick(static_cast<int>(queue_.size())))];
  EXPECT_TRUE(pool_.withdraw(*session)) << where();
  EXPECT_FALSE(pool_.withdraw(*session)) << where();
  session->queued = false;
  std::erase(queue_, session);
  ++happened["withdrawn"];
}

void World::tick() {
  PoolState::Ticked ticked = pool_.tick(now_);
  hear(ticked.deliveries);
  std::size_t timed = 0;
  for (const Tick::Close& close : ticked.todo.close) {
    ModelMember& member = as_model(*close.member);
    if (close.reason == CloseReason::admin) {
      EXPECT_EQ(member.place, Place::closing) << where();
      continue;
    }
    EXPECT_LE(++timed, PoolState::kMaxRetired) << where();
    EXPECT_EQ(member.place, Place::idle) << where();
    if (close.reason == CloseReason::idle) {
      EXPECT_GT(count(Place::idle), limits_.min_idle) << where();
      EXPECT_GE(now_ - member.idle_since, limits_.idle_timeout) << where();
    } else {
      EXPECT_EQ(close.reason, CloseReason::lifetime) << where();
      EXPECT_TRUE(maybe_old(member)) << where();
    }
    member.place = Place::closing;
    ++happened[close_reason_label(close.reason)];
  }
  for (Member* pinged : ticked.todo.ping) {
    ModelMember& member = as_model(*pinged);
    EXPECT_EQ(member.place, Place::idle) << where();
    EXPECT_GE(now_ - member.proven, limits_.keepalive_time * 9 / 10) << where();
    member.place = Place::pinged;
    ++happened["kept alive"];
  }
  for (std::size_t i = 0; i < ticked.todo.open; ++i) {
    EXPECT_TRUE(queue_.empty() && maybe_may_open()) << where();
    EXPECT_TRUE(failures_ == 0 || (!permanent_ && !alive())) << "probes for nothing, " << where();
    EXPECT_LT(existing(), keep()) << "warms into overflow, " << where();
    openings_.push_back({nullptr, era_});
    ++happened["warmed"];
  }
  if (queue_.empty() && failures_ == 0 && maybe_may_open() && existing() < keep()) {
    EXPECT_GE(count(Place::idle) + count(Place::pinged) + openings_.size(), limits_.min_idle)
        << "not kept warm, " << where();
  }
  if (queue_.empty() && failures_ > 0 && !permanent_ && !alive() && surely_may_open() &&
      existing() < keep()) {
    EXPECT_FALSE(openings_.empty()) << "nobody finds out that it is back, " << where();
  }
}

bool World::alive() {
  return count(Place::idle) + count(Place::pinged) + lent() > 0;
}

void World::answer_ping(bool alive) {
  ModelMember* member = any(Place::pinged);
  if (member == nullptr) {
    return;
  }
  if (alive) {
    PoolState::proven(*member, now_);
    member->proven = now_;
    release(*member);
    return;
  }
  member->place = Place::closing;
  Deliveries deliveries = pool_.forget(*member, now_, false);
  hear(deliveries);
}

// The next tick says so.
void World::close_all_idle() {
  for (const auto& member : members_) {
    if (member->place == Place::idle) {
      member->place = Place::closing;
    }
  }
}

void World::pause_or_resume() {
  const Duration before = pool_.paused_for(now_);
  if (paused_) {
    resume();
  } else {
    paused_ = true;
    pool_.pause(now_);
    close_all_idle();
    tick();
    ++happened["paused"];
  }
  EXPECT_EQ(pool_.paused_for(now_), before) << where();
}

void World::resume() {
  Deliveries deliveries = pool_.resume(now_);
  paused_ = false;
  hear(deliveries);
}

void World::retire() {
  Deliveries deliveries = pool_.retire(CloseReason::admin, now_);
  ++era_;
  failures_ = 0;
  permanent_ = false;
  stale_ = openings_.size();
  close_all_idle();
  hear(deliveries);
  tick();
  ++happened["retired"];
}

// Everything comes back; then everybody must have been told, and every slot must be free.
void World::finish() {
  resume();
  for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) {
    if (queue_.empty() && existing() == count(Place::idle)) {
      break;
    }
    now_ += std::chrono::milliseconds(100);
    finish_opening(true);
    answer_ping(true);
    give_back();
    end_closing();
    tick();
    check();
  }
  EXPECT_TRUE(queue_.empty()) << where();
  PoolState::ShutDown ended = pool_.shut_down(CloseReason::drain);
  ended.deliveries.deliver();
  EXPECT_EQ(ended.members.size(), count(Place::idle)) << where();
  while (openings_.size() > 0) {
    openings_.pop_back();
    pool_.open_failed(now_, OpenFailure::given_up).deliver();
  }
  if (testing::Test::HasFailure()) {
    return;
  }
  const Snapshot before = pool_.snapshot(now_);
  for (std::size_t i = 0; i < before.closing; ++i) {
    pool_.closed(now_).deliver();
  }
  const Snapshot snapshot = pool_.snapshot(now_);
  EXPECT_EQ(snapshot.idle + snapshot.in_use + snapshot.opening + snapshot.closing,
            count(Place::lent) + count(Place::pinged))
      << where();
}

}  // namespace sluice::pool::test
