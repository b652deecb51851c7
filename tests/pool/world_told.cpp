// What somebody is told, checked against what the model knows.

#include <algorithm>
#include <iterator>

#include "tests/pool/world.hpp"

namespace sluice::pool::test {

void World::enqueue(ModelSession& session) {
  session.queued = true;
  queue_.push_back(&session);
  ++happened["queued"];
}

void World::hear(Deliveries& deliveries) {
  settled_at_ = now_;
  deliveries.deliver();
  const auto in_order = [](const auto* a, const auto* b) { return a->turn < b->turn; };
  std::vector<ModelSession*> heard;
  std::copy_if(queue_.begin(), queue_.end(), std::back_inserter(heard),
               [](const auto* session) { return session->told.has_value(); });
  std::sort(heard.begin(), heard.end(), in_order);
  // A member first, then slots, then bad news.
  std::stable_sort(heard.begin(), heard.end(), [](const auto* a, const auto* b) {
    const auto rank = [](const Decision& decision) {
      return reused(decision) != nullptr ? 0 : opens(decision) ? 1 : 2;
    };
    return rank(*a->told) < rank(*b->told);
  });
  for (ModelSession* session : heard) {
    EXPECT_EQ(session->deliveries, 1) << where();
    std::erase(queue_, session);
    session->queued = false;
    const Decision decision = *session->told;
    session->told.reset();
    session->deliveries = 0;
    told(*session, decision);
    ++happened["handed over"];
  }
  for (const auto& session : sessions_) {
    EXPECT_EQ(session->deliveries, 0) << "told though it does not wait, " << where();
  }
}

void World::told(ModelSession& session, const Decision& decision) {
  if (const Open* open = std::get_if<Open>(&decision)) {
    told_open(session, *open);
  } else if (const Reuse* reuse = std::get_if<Reuse>(&decision)) {
    told_reuse(session, *reuse);
  } else if (queued(decision)) {
    enqueue(session);
  } else if (down(decision)) {
    EXPECT_TRUE(hopeless() && !paused_) << where();
    ++happened["down"];
  } else {
    EXPECT_TRUE(refused(decision)) << where();
    ++happened["refused"];
  }
}

void World::told_reuse(ModelSession& session, const Reuse& reuse) {
  ModelMember& member = as_model(*reuse.member);
  EXPECT_EQ(member.place, Place::idle) << where();
  EXPECT_EQ(member.fit_class, session.ask.fit_class) << where();
  EXPECT_FALSE(surely_old(member)) << where();
  EXPECT_FALSE(paused_ || retired(member)) << where();
  const bool stale = limits_.pre_ping && now_ - member.proven >= limits_.pre_ping_idle;
  EXPECT_EQ(reuse.ping, stale || member.proven <= distrusted_) << where();
  for (ModelSession* other : queue_) {
    if (other->turn > session.turn || other->ask.fit_class != session.ask.fit_class) {
      continue;
    }
    EXPECT_NE(other->ask.worker, session.ask.worker) << "not in the order of asking, " << where();
    EXPECT_LE(now_ - other->since, PoolState::kMaxPassedWait) << where();
    if (other == first()) {
      EXPECT_LE(++other->passed, PoolState::kMaxPassed) << where();
      ++happened["passed over"];
    }
  }
  happened["pinged"] += reuse.ping ? 1 : 0;
  ++happened["reused"];
  member.place = Place::lent;
  session.holds = &member;
}

void World::told_open(ModelSession& session, const Open& open) {
  EXPECT_TRUE(maybe_may_open()) << "opens in a backoff or beyond max_connecting, " << where();
  for (const ModelSession* other : queue_) {
    EXPECT_GT(other->turn, session.turn) << "not in the order of asking, " << where();
  }
  if (open.evict == nullptr) {
    const bool waited = now_ - session.since >= limits_.overflow_delay;
    EXPECT_TRUE(existing() < keep() || waited) << where();
    EXPECT_LT(existing(), bound()) << where();
  } else {
    ModelMember& member = as_model(*open.evict);
    EXPECT_EQ(member.place, Place::idle) << where();
    EXPECT_EQ(open.reason == CloseReason::admin, retired(member)) << where();
    if (open.reason != CloseReason::validation && open.reason != CloseReason::admin) {
      EXPECT_TRUE(open.reason == CloseReason::lifetime ? maybe_old(member) : !surely_old(member));
      EXPECT_TRUE(maybe_old(member) || member.fit_class != session.ask.fit_class) << where();
      ++happened["evicted"];
    }
    member.place = Place::gone;
  }
  openings_.push_back({&session, era_});
}

void World::note_failure(OpenFailure failure) {
  const bool stale = stale_ > 0;
  stale_ -= stale ? 1 : 0;
  if (failure == OpenFailure::given_up || (stale && failures_ == 0)) {
    return;
  }
  permanent_ = permanent_ || failure == OpenFailure::permanent;
  if (stale) {
    return;
  }
  if (failures_ == 0) {
    outage_since_ = now_;
    stale_ = openings_.size();
  }
  ++failures_;
  const Duration wait = std::min<Duration>(
      limits_.connect_retry_min * (1 << std::min(failures_ - 1, 20)), limits_.connect_retry_max);
  retry_from_ = now_ + wait * 79 / 100;
  retry_until_ = now_ + wait * 121 / 100;
  ++happened["failed"];
}

void World::note_success(const ModelMember& member) {
  if (retired(member)) {
    stale_ -= stale_ > 0 ? 1 : 0;
    return;
  }
  failures_ = 0;
  stale_ = 0;
  permanent_ = false;
  up_before_ = true;
}

}  // namespace sluice::pool::test
