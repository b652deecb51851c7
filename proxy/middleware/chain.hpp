#pragma once

// The middleware of one session: the Parts of the global chain's entries and then of its route's,
// and the order of their phases as middleware.hpp tells it. It catches what a Part throws, words
// refusals as the route wants them, counts and logs them, and remembers each allowed request until
// its answer. On the session's worker alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

// One entry of a chain of the configuration, made; shared by all sessions and workers.
struct Entry {
  std::shared_ptr<Middleware> middleware;
  Wants wants;
  std::vector<std::shared_ptr<metrics::MiddlewareInstruments>> instruments;  // by worker
};
using Entries = std::vector<Entry>;

// What tells a chain the time: its worker, or a test.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual Now now() const = 0;
};

// What a chain is made with. All outlive it.
struct Surroundings {
  const TimeSource& time;
  Background& background;
  std::uint32_t worker = 0;
  StatementTable* statements = nullptr;  // see Place
};

class Chain final : public protocol::Inspector {
 public:
  Chain(Identity identity, const Surroundings& around);
  ~Chain() override;  // closes it
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  using Refusal = std::optional<protocol::Failure>;

  // ---- the login

  const Identity& identity() const { return identity_; }
  Now now() const { return around_.time.now(); }
  // Begins a Part of each entry and lets the login pass it, up to the first that refuses. `entries`
  // outlive the chain.
  Refusal enter(const Entries& entries, Login& login);
  // Tells the Parts that the login is over; `refused` is why the session is not let in, or null.
  void login_ended(const Login& login, const protocol::Failure* refused);
  // From now on refusals of all Parts are worded as the route wants them. It outlives the chain.
  void take_route(const config::Route& route);

  bool empty() const { return slots_.empty(); }
  const Wants& wants() const { return wants_; }
  // It wants to be asked about requests, or to be told of them.
  bool inspects() const { return wants_.request || wants_.decided || wants_.answer; }

  // ---- requests

  bool waves_through(protocol::RequestKind kind) override;
  protocol::Verdict ask(const protocol::Request& request) override;
  void answered(const protocol::Answer& answer) override;
  bool reads_answers() const override { return wants_.answer; }
  bool asks_at_bind() const override { return wants_.bind && (delayed_ || may_hold()); }

  // A request is delayed: when it is to be asked about again.
  std::optional<TimePoint> resume_at() const;
  bool delayed_in_transaction() const { return delayed_ && delayed_->in_transaction; }
  // When it is asked about again, it is refused with this.
  void give_up_delayed(protocol::Failure why);

  // The pool that the request at the head goes to; "" = the route's. Told once.
  std::string take_pool() { return pool_.empty() ? std::string() : std::exchange(pool_, {}); }

  // The oldest request that was allowed and has no answer yet. Of those that were waved through
  // only the timeout is known: they count as asked when the session says that they were.
  struct Running {
    Duration timeout{0};  // 0 = none of the chain's
    TimePoint since{};    // when it became the oldest
  };
  Running running() const;

  // ---- what else happens to the session

  void transactions_ended(std::uint32_t count);
  struct Ended {
    protocol::Failure why;
    std::string_view middleware;
  };
  // Why the session is to end, if somebody wants that.
  std::optional<Ended> tick(const Moment& moment);
  // Every Part's on_close, in reverse order, and the end of the Part. Idempotent.
  void close() noexcept;

 private:
  struct Slot {
    const Entry* entry;
    std::unique_ptr<Part> part;
  };
  // A Part that can allow requests unseen.
  struct Gate {
    Part* part;
    metrics::Counter* allowed;
    std::size_t slot;
  };
  struct Open {
    Asked asked;
    Duration timeout{0};
  };
  // A request that a Part has delayed: where the chain stopped, and what it had said by then.
  struct Delayed {
    std::size_t slot = 0;
    Verdict so_far;
    TimePoint since;
    TimePoint resume_at;
    bool in_transaction = false;
    Refusal given_up;
  };

  metrics::MiddlewareInstruments& instruments(const Entry& entry) const {
    return *entry.instruments[around_.worker];
  }
  void let_in(const Entry& entry, Login& login, Verdict& verdict);
  // No Part needs to see the requests that its gates let pass.
  bool has_gates_alone() const {
    return wants_.request && wants_.gate && !wants_.decided && !wants_.answer;
  }
  // Where the chain begins: anew, or where it stopped.
  std::size_t begin(const protocol::Request& request, Verdict& verdict);
  void consult(Slot& slot, const protocol::Request& request, const Now& now, Verdict& verdict);
  void delay(std::size_t slot, bool in_transaction, const Now& now, const Verdict& verdict);
  void end_delay(const Now& now);
  void decided(const protocol::Request& request, const Now& now, const Verdict& verdict);
  void remember(const protocol::Request& request, const Now& now, const Verdict& verdict);
  bool may_hold() const;
  void take_oldest();
  void refused(const Entry& entry, Verdict& verdict, const protocol::Request* request);
  void word(protocol::Failure& failure) const;
  static protocol::Failure own_failure(const Entry& entry, std::string_view what);
  void failed(const Entry& entry, std::string_view phase, std::string_view what) const;
  template <typename Call>
  void guarded(Slot& slot, std::string_view phase, Call call);

  Identity identity_;
  const Surroundings around_;
  const config::OnRefuse* on_refuse_ = nullptr;
  std::vector<Slot> slots_;
  Wants wants_;
  std::vector<Part*> holders_;  // who may delay or move what a Bind is for
  std::vector<Gate> gates_;     // in the order of their slots
  std::size_t passed_ = 0;      // slots that have let the next request pass, before one did not
  Duration gates_timeout_{0};   // the shortest of the gates; 0 = none
  RefusalReason refused_for_ = RefusalReason::none;  // the login
  bool closed_ = false;
  std::vector<Open> open_;  // allowed and not answered; the first `answered_` are
  std::size_t answered_ = 0;
  TimePoint oldest_since_{};
  std::unique_ptr<Delayed> delayed_;
  std::string pool_;      // that take_pool() has still to tell
  std::string moved_to_;  // where the requests go now; "" = the route's pool
};

}  // namespace sluice::proxy::middleware
