#include "pool/lanes.hpp"

#include <cassert>

namespace sluice::pool {
namespace {

constexpr int kSameState = 2;

int state_rank(const Member& member, const Ask& ask) {
  if (member.state_hash == ask.state_hash) {
    return kSameState;
  }
  return member.state_hash == 0 ? 1 : 0;
}

// Who asks again, after a failure, goes back to the front, where the old ones are.
template <typename List>
void insert_by_turn(List& list, Waiter& waiter, std::uint64_t turn,
                    std::uint64_t (*turn_of)(const Waiter&)) {
  Waiter* place = list.front();
  if (place == nullptr || turn_of(*list.back()) < turn) {
    list.push_back(waiter);
    return;
  }
  while (turn_of(*place) < turn) {
    place = list.next(*place);
  }
  list.insert_before(place, waiter);
}

}  // namespace

void Lanes::add_idle(Member& member) {
  Idle& idle = enter(member.fit_class, member.worker).idle;
  Member* place = nullptr;
  if (idle.back() != nullptr && idle.back()->idle_since_ > member.idle_since_) {
    place = idle.front();  // back from a keepalive ping: among the coldest
    while (place != nullptr && place->idle_since_ <= member.idle_since_) {
      place = Idle::next(*place);
    }
  }
  idle.insert_before(place, member);
  member.idle_ = true;
  ++idle_;
}

void Lanes::remove_idle(Member& member) {
  leave(member.fit_class, member.worker).idle.erase(member);
  member.idle_ = false;
  --idle_;
}

Lanes::Pick Lanes::pick(const Ask& ask, TimePoint now, bool lifo) const {
  Pick pick;
  const FitClass* fit_class = find(ask.fit_class);
  if (fit_class == nullptr || idle_ == 0) {
    return pick;
  }
  int best_rank = -1;
  const auto look_at = [&](const Lane& lane, std::size_t limit) {
    Member* member = lifo ? lane.idle.back() : lane.idle.front();
    for (std::size_t seen = 0; member != nullptr && seen < limit;) {
      if (now >= member->expires_at_) {
        pick.expired = member;
      } else {
        ++seen;
        const int rank = state_rank(*member, ask);
        const bool further_out =
            pick.best != nullptr && (lifo ? member->idle_since_ > pick.best->idle_since_
                                          : member->idle_since_ < pick.best->idle_since_);
        if (rank > best_rank || (rank == best_rank && further_out)) {
          best_rank = rank;
          pick.best = member;
        }
        if (rank == kSameState) {
          return;
        }
      }
      member = lifo ? Idle::previous(*member) : Idle::next(*member);
    }
  };
  const std::vector<Lane>& lanes = fit_class->by_worker;
  if (ask.worker < lanes.size()) {
    look_at(lanes[ask.worker], kScan);
  }
  if (pick.best != nullptr) {
    return pick;
  }
  for (std::size_t worker = 0; worker < lanes.size(); ++worker) {
    if (worker != ask.worker) {
      look_at(lanes[worker], kScanElsewhere);
    }
  }
  return pick;
}

Member* Lanes::coldest() const {
  Member* coldest = nullptr;
  if (idle_ == 0) {
    return nullptr;
  }
  for (const FitClass& fit_class : classes_) {
    for (const Lane& lane : fit_class.by_worker) {
      Member* member = lane.idle.front();
      if (member != nullptr && (coldest == nullptr || member->idle_since_ < coldest->idle_since_)) {
        coldest = member;
      }
    }
  }
  return coldest;
}

void Lanes::add_waiting(Waiter& waiter) {
  const auto turn = [](const Waiter& other) { return other.turn_; };
  insert_by_turn(queue_, waiter, waiter.turn_, turn);
  insert_by_turn(enter(waiter.ask_.fit_class, waiter.ask_.worker).waiting, waiter, waiter.turn_,
                 turn);
  waiter.queued_ = true;
}

void Lanes::remove_waiting(Waiter& waiter) {
  queue_.erase(waiter);
  leave(waiter.ask_.fit_class, waiter.ask_.worker).waiting.erase(waiter);
  waiter.queued_ = false;
}

Waiter* Lanes::first_waiting_here(const Member& member) const {
  const FitClass* fit_class = find(member.fit_class);
  if (fit_class == nullptr || member.worker >= fit_class->by_worker.size()) {
    return nullptr;
  }
  return fit_class->by_worker[member.worker].waiting.front();
}

Waiter* Lanes::first_waiting_of(std::uint64_t fit_class) const {
  Waiter* first = nullptr;
  if (const FitClass* found = find(fit_class); found != nullptr) {
    for (const Lane& lane : found->by_worker) {
      Waiter* waiter = lane.waiting.front();
      if (waiter != nullptr && (first == nullptr || waiter->turn_ < first->turn_)) {
        first = waiter;
      }
    }
  }
  return first;
}

const Lanes::FitClass* Lanes::find(std::uint64_t fit_class) const {
  for (const FitClass& candidate : classes_) {
    if (candidate.id == fit_class && candidate.used > 0) {
      return &candidate;
    }
  }
  return nullptr;
}

// Reuses the place of a class that is not in use, so that the vector stays small and a busy pool
// allocates nothing.
Lanes::FitClass& Lanes::find_or_make(std::uint64_t fit_class) {
  FitClass* unused = nullptr;
  for (FitClass& candidate : classes_) {
    if (candidate.id == fit_class) {
      return candidate;
    }
    if (candidate.used == 0) {
      unused = &candidate;
    }
  }
  if (unused == nullptr) {
    unused = &classes_.emplace_back();
  }
  unused->id = fit_class;
  return *unused;
}

Lanes::Lane& Lanes::enter(std::uint64_t fit_class, std::uint32_t worker) {
  FitClass& found = find_or_make(fit_class);
  if (worker >= found.by_worker.size()) {
    found.by_worker.resize(worker + 1);
  }
  ++found.used;
  return found.by_worker[worker];
}

Lanes::Lane& Lanes::leave(std::uint64_t fit_class, std::uint32_t worker) {
  FitClass& found = find_or_make(fit_class);
  assert(found.used > 0 && worker < found.by_worker.size());
  --found.used;
  return found.by_worker[worker];
}

}  // namespace sluice::pool
