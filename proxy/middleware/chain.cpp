#include "proxy/middleware/chain.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "metrics/log.hpp"

namespace sluice::proxy::middleware {
namespace {

using metrics::MiddlewareVerdict;
using protocol::FailureKind;
using protocol::RequestKind;

// A Part that says "later" without saying when is asked again soon, but not at once.
constexpr auto kShortestDelay = std::chrono::milliseconds(1);
// Answered requests that are kept before the queue is moved up.
constexpr std::size_t kMoveUp = 32;

template <typename T>
T shorter(T a, T b) {
  return a == T{} ? b : b == T{} ? a : std::min(a, b);
}

// What a chain says together of bounds that each Part sets for itself.
struct Bounds {
  explicit Bounds(const Verdict& verdict) : timeout(verdict.timeout), limits(verdict.limits) {}
  void put_together(Verdict& verdict) const {
    verdict.timeout = shorter(timeout, verdict.timeout);
    verdict.limits.rows = shorter(limits.rows, verdict.limits.rows);
    verdict.limits.bytes = shorter(limits.bytes, verdict.limits.bytes);
  }
  Duration timeout;
  protocol::AnswerLimits limits;
};

Wants joined(const Wants& a, const Wants& b) {
  Wants all;
  all.request = a.request || b.request;
  all.bind = a.bind || b.bind;
  all.decided = a.decided || b.decided;
  all.answer = a.answer || b.answer;
  all.digest = a.digest || b.digest;
  all.text = a.text || b.text;
  all.transaction_end = a.transaction_end || b.transaction_end;
  all.tick = a.tick || b.tick;
  all.gate = (a.gate || !a.request) && (b.gate || !b.request);
  return all;
}

}  // namespace

Chain::Chain(Identity identity, const Surroundings& around)
    : identity_(std::move(identity)), around_(around) {}

Chain::~Chain() {
  close();
}

Chain::Refusal Chain::enter(const Entries& entries, Login& login) {
  slots_.reserve(slots_.size() + entries.size());
  for (const Entry& entry : entries) {
    Verdict verdict;
    let_in(entry, login, verdict);
    if (verdict.kind == Verdict::Kind::refuse) {
      refused(entry, verdict, nullptr);
      refused_for_ = verdict.reason;
      return std::move(verdict.failure);
    }
    if (!entry.wants.request) {  // else its requests are what it is about
      instruments(entry).verdicts(MiddlewareVerdict::allowed).add();
    }
    Part& part = *slots_.back().part;
    if (entry.wants.bind) {
      holders_.push_back(&part);
    }
    if (entry.wants.gate) {
      gates_.push_back(
          {&part, &instruments(entry).verdicts(MiddlewareVerdict::allowed), slots_.size() - 1});
      gates_timeout_ = shorter(gates_timeout_, part.timeout());
    }
    wants_ = joined(wants_, entry.wants);
  }
  return std::nullopt;
}

void Chain::let_in(const Entry& entry, Login& login, Verdict& verdict) {
  try {
    auto part = entry.middleware->begin(
        {identity_, instruments(entry), around_.background, around_.statements});
    Part& begun = *part;
    slots_.push_back({&entry, std::move(part)});  // reserved: from here on it gets its on_close
    begun.on_login(login, verdict);
  } catch (const std::exception& error) {
    verdict.refuse(RefusalReason::failed, own_failure(entry, error.what()));
  } catch (...) {
    verdict.refuse(RefusalReason::failed, own_failure(entry, "unknown exception"));
  }
}

void Chain::login_ended(const Login& login, const protocol::Failure* refused) {
  Verdict verdict;
  if (refused != nullptr) {
    verdict.refuse(refused_for_, *refused);
  }
  for (Slot& slot : slots_) {
    guarded(slot, "on_login_end", [&](Part& part) { part.on_login_end(login, verdict); });
  }
}

void Chain::take_route(const config::Route& route) {
  identity_.route = route.name;
  identity_.pool = route.pool;
  on_refuse_ = &route.on_refuse;
}

// For the phases that nothing can be refused in.
template <typename Call>
void Chain::guarded(Slot& slot, std::string_view phase, Call call) {
  try {
    call(*slot.part);
  } catch (const std::exception& error) {
    failed(*slot.entry, phase, error.what());
  } catch (...) {
    failed(*slot.entry, phase, "unknown exception");
  }
}

bool Chain::waves_through(RequestKind kind) {
  if (!has_gates_alone() || delayed_ || closed_) {
    return false;
  }
  const Now now = this->now();
  if (kind == RequestKind::prepare) {
    return std::all_of(gates_.begin(), gates_.end(),
                       [&](const Gate& gate) { return gate.part->passes(kind, now); });
  }
  for (const Gate& gate : gates_) {
    if (gate.slot < passed_) {
      continue;
    }
    if (!gate.part->passes(kind, now)) {
      passed_ = gate.slot;
      return false;
    }
    gate.allowed->add();
  }
  passed_ = 0;
  return true;
}

protocol::Verdict Chain::ask(const protocol::Request& request) {
  const Now now = this->now();
  Verdict verdict;
  if (closed_) {
    verdict.refuse(RefusalReason::none,
                   protocol::fail(FailureKind::shutting_down, "the session is being closed"));
    return {protocol::Verdict::Kind::refuse, std::move(verdict.failure), {}, {}};
  }
  for (std::size_t at = begin(request, verdict); at < slots_.size() && verdict.goes_on(); ++at) {
    const Wants& wants = slots_[at].entry->wants;
    if (request.bound ? wants.bind : wants.request) {
      consult(slots_[at], request, now, verdict);
    }
    if (verdict.kind == Verdict::Kind::delay) {
      delay(at, request.in_transaction, now, verdict);
      return {protocol::Verdict::Kind::delay, std::nullopt, {}, {}};
    }
  }
  end_delay(now);
  decided(request, now, verdict);
  if (verdict.goes_on()) {
    remember(request, now, verdict);
  }
  protocol::Verdict told;
  told.kind = verdict.kind;
  told.limits = verdict.limits;
  if (told.kind == Verdict::Kind::refuse) {
    told.failure = std::move(verdict.failure);
  } else if (told.kind == Verdict::Kind::rewrite) {
    told.text = std::move(verdict.text);
  }
  return told;
}

// Somebody may delay or move what the next Bind is for.
bool Chain::may_hold() const {
  const Now now = this->now();
  return std::any_of(holders_.begin(), holders_.end(),
                     [&now](const Part* part) { return part->may_hold(now); });
}

std::size_t Chain::begin(const protocol::Request& request, Verdict& verdict) {
  pool_.clear();
  if (!delayed_) {
    if (request.kind == RequestKind::prepare) {
      return 0;  // what has passed already is what will run
    }
    if (passed_ != 0) {
      verdict.timeout = gates_timeout_;
    }
    return std::exchange(passed_, 0);
  }
  verdict = delayed_->so_far;
  if (delayed_->given_up) {
    verdict.refuse(RefusalReason::none, *delayed_->given_up);
  }
  return delayed_->slot;
}

void Chain::consult(Slot& slot, const protocol::Request& request, const Now& now,
                    Verdict& verdict) {
  const Entry& entry = *slot.entry;
  const Bounds before(verdict);
  const std::size_t rewritten =
      verdict.kind == Verdict::Kind::rewrite ? verdict.text.size() : std::string::npos;
  try {
    slot.part->on_request(request, now, verdict);
  } catch (const std::exception& error) {
    verdict.refuse(RefusalReason::failed, own_failure(entry, error.what()));
  } catch (...) {
    verdict.refuse(RefusalReason::failed, own_failure(entry, "unknown exception"));
  }
  before.put_together(verdict);
  auto& verdicts = instruments(entry).verdicts;
  switch (verdict.kind) {
    case Verdict::Kind::refuse:
      refused(entry, verdict, &request);
      return;
    case Verdict::Kind::delay:
      return;
    case Verdict::Kind::rewrite:
      verdicts(verdict.text.size() == rewritten ? MiddlewareVerdict::allowed
                                                : MiddlewareVerdict::rewritten)
          .add();
      break;
    case Verdict::Kind::allow:
      verdicts(MiddlewareVerdict::allowed).add(request.kind == RequestKind::prepare ? 0 : 1);
      break;
  }
}

void Chain::delay(std::size_t slot, bool in_transaction, const Now& now, const Verdict& verdict) {
  if (!delayed_) {
    delayed_ = std::make_unique<Delayed>();
    delayed_->since = now.steady;
    delayed_->in_transaction = in_transaction;
    delayed_->slot = slots_.size();
  }
  if (delayed_->slot != slot) {
    instruments(*slots_[slot].entry).verdicts(MiddlewareVerdict::delayed).add();
    delayed_->slot = slot;
  }
  const bool rewritten = !verdict.text.empty();
  delayed_->so_far = verdict;
  delayed_->so_far.kind = rewritten ? Verdict::Kind::rewrite : Verdict::Kind::allow;
  delayed_->so_far.delay = Duration::zero();
  delayed_->resume_at = now.steady + std::max<Duration>(verdict.delay, kShortestDelay);
}

void Chain::end_delay(const Now& now) {
  if (delayed_) {
    instruments(*slots_[delayed_->slot].entry).delay.observe(now.steady - delayed_->since);
    delayed_.reset();
  }
}

void Chain::decided(const protocol::Request& request, const Now& now, const Verdict& verdict) {
  if (!wants_.decided) {
    return;
  }
  for (Slot& slot : slots_) {
    if (slot.entry->wants.decided) {
      guarded(slot, "on_decided", [&](Part& part) { part.on_decided(request, now, verdict); });
    }
  }
}

void Chain::remember(const protocol::Request& request, const Now& now, const Verdict& verdict) {
  if (request.may_move && verdict.pool != moved_to_) {
    moved_to_ = verdict.pool;
  }
  if (request.may_move && !verdict.pool.empty()) {
    pool_ = verdict.pool;
  }
  if (request.kind == RequestKind::prepare) {
    return;
  }
  if (answered_ == open_.size()) {
    oldest_since_ = now.steady;
  }
  Open& open = open_.emplace_back();
  open.timeout = verdict.timeout;
  open.asked.kind = request.kind;
  open.asked.at = now.steady;
  open.asked.in_transaction = request.in_transaction;
  open.asked.truncated = request.truncated;
  if (!moved_to_.empty()) {
    open.asked.pool = moved_to_;
  }
  if (wants_.digest && request.kind != RequestKind::other) {
    open.asked.digest = request.shared_digest();
  }
  if (wants_.text) {
    open.asked.text = request.text;
  }
}

void Chain::answered(const protocol::Answer& answer) {
  if (closed_ || answered_ == open_.size()) {
    return;
  }
  if (!wants_.answer) {
    take_oldest();
    return;
  }
  const Asked asked = std::move(open_[answered_].asked);
  take_oldest();
  const Now now = this->now();
  for (Slot& slot : slots_) {
    if (slot.entry->wants.answer) {
      guarded(slot, "on_answer", [&](Part& part) { part.on_answer(asked, answer, now); });
    }
  }
}

// The oldest request is not open any more.
void Chain::take_oldest() {
  if (++answered_ == open_.size()) {
    open_.clear();
    answered_ = 0;
    return;
  }
  oldest_since_ = now().steady;
  if (answered_ >= kMoveUp && answered_ * 2 >= open_.size()) {
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(answered_));
    answered_ = 0;
  }
}

std::optional<TimePoint> Chain::resume_at() const {
  return delayed_ ? std::optional(delayed_->resume_at) : std::nullopt;
}

void Chain::give_up_delayed(protocol::Failure why) {
  if (delayed_) {
    delayed_->given_up = std::move(why);
  }
}

Chain::Running Chain::running() const {
  if (answered_ == open_.size()) {
    return {has_gates_alone() ? gates_timeout_ : Duration{0}};
  }
  return {open_[answered_].timeout, oldest_since_};
}

void Chain::transactions_ended(std::uint32_t count) {
  if (!wants_.transaction_end || closed_) {
    return;
  }
  const TransactionEnd end{now()};
  for (; count > 0; --count) {
    for (Slot& slot : slots_) {
      if (slot.entry->wants.transaction_end) {
        guarded(slot, "on_transaction_end", [&](Part& part) { part.on_transaction_end(end); });
      }
    }
  }
}

std::optional<Chain::Ended> Chain::tick(const Moment& moment) {
  for (Slot& slot : slots_) {
    if (!slot.entry->wants.tick) {
      continue;
    }
    Ending ending;
    guarded(slot, "on_tick", [&](Part& part) { ending = part.on_tick(moment); });
    if (ending) {
      instruments(*slot.entry).ended.add();
      return Ended{std::move(*ending), slot.entry->middleware->name()};
    }
  }
  return std::nullopt;
}

void Chain::close() noexcept {
  if (std::exchange(closed_, true)) {
    return;
  }
  const Now at = now();
  gates_.clear();
  holders_.clear();
  while (!slots_.empty()) {
    slots_.back().part->on_close(at);
    slots_.pop_back();
  }
  open_.clear();
  answered_ = 0;
  delayed_.reset();
}

}  // namespace sluice::proxy::middleware
