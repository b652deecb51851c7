#include "proxy/middleware/rate_limit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "proxy/middleware/rate_bucket.hpp"

namespace sluice::proxy::middleware {
namespace {

using config::OnExcess;
using config::RateScope;
using protocol::FailureKind;

constexpr double kNanoseconds = 1e9;
constexpr double kLongestFill = 366.0 * 24 * 3600;  // seconds until an empty bucket is full

class RateLimit final : public Middleware {
 public:
  RateLimit(const config::RateLimit& options, Rate rate) : options_(options), rate_(rate) {}

  std::string_view name() const override { return "rate_limit"; }
  Wants wants() const override {
    Wants wants;
    wants.request = wants.gate = true;
    wants.bind = delays();
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& /*place*/) override;

  std::shared_ptr<Bucket> bucket_of(const Identity& identity, TimePoint now) {
    switch (options_.per) {
      case RateScope::user:
        return buckets_.of(identity.user, now);
      case RateScope::address:
        return buckets_.of(identity.address, now);
      case RateScope::session:
        return std::make_shared<Bucket>();
      case RateScope::route:
        break;
    }
    return route_;
  }
  const config::RateLimit& options() const { return options_; }
  bool delays() const { return options_.on_excess == OnExcess::delay; }
  const Rate& rate() const { return rate_; }
  protocol::Failure too_many() const;

 private:
  const config::RateLimit options_;
  const Rate rate_;
  const std::shared_ptr<Bucket> route_ = std::make_shared<Bucket>();
  Buckets buckets_;
};

class RatePart final : public Part {
 public:
  explicit RatePart(RateLimit& limit) : limit_(limit) {}

  void on_login(Login& login, Verdict& /*verdict*/) override {
    bucket_ = limit_.bucket_of(login.identity, login.now.steady);
  }

  void on_request(const protocol::Request& request, const Now& now, Verdict& verdict) override {
    // What is prepared now runs next, as a rule: it waits here, before it takes a backend, for the
    // turn of what runs.
    const bool prepares = request.kind == protocol::RequestKind::prepare;
    if (prepares && (!request.may_move || !limit_.delays())) {
      return;
    }
    if (!turn_ && !take_turn(now.steady)) {
      if (prepares) {
        return;  // refused when it is to run
      }
      verdict.refuse(RefusalReason::rate, limit_.too_many());
    } else if (*turn_ > now.steady) {
      verdict.kind = Verdict::Kind::delay;
      verdict.delay = *turn_ - now.steady;
    } else if (!prepares) {
      turn_.reset();
    }
  }

  bool passes(protocol::RequestKind kind, const Now& now) override {
    if (kind == protocol::RequestKind::prepare) {
      return !limit_.delays() || !may_hold(now);
    }
    return !turn_ && bucket_->take(limit_.rate(), now.steady, Duration{0});
  }

  // Far from the limit nobody waits; near it the turn is taken at the Bind.
  bool may_hold(const Now& now) const override {
    return turn_ || !bucket_->has_room(limit_.rate(), now.steady);
  }

 private:
  bool take_turn(TimePoint now) {
    const Duration most = limit_.delays() ? Duration(limit_.options().max_delay) : Duration{0};
    const auto wait = bucket_->take(limit_.rate(), now, most);
    if (wait) {
      turn_ = now + *wait;
    }
    return wait.has_value();
  }

  RateLimit& limit_;
  std::shared_ptr<Bucket> bucket_;
  // When the request may go that was told to wait, or was prepared for: asked about again, it has
  // paid already. One that was given up meanwhile leaves its turn to the next.
  std::optional<TimePoint> turn_;
};

std::unique_ptr<Part> RateLimit::begin(const Place& /*place*/) {
  return std::make_unique<RatePart>(*this);
}

protocol::Failure RateLimit::too_many() const {
  std::array<char, 32> rate{};
  std::snprintf(rate.data(), rate.size(), "%g", options_.requests_per_second);
  return protocol::fail(
      FailureKind::rate_limited,
      "more than " + std::string(rate.data()) + " requests per second" +
          (delays() ? ", and this one would have to wait longer than max_delay" : "") +
          ": slow down and try again");
}

}  // namespace

Made make(const config::RateLimit& options) {
  const double rate = options.requests_per_second;
  const auto burst = static_cast<double>(options.burst);
  const auto wrong = [](const char* why) {
    return protocol::fail(FailureKind::internal, std::string("rate_limit: ") + why);
  };
  if (!std::isfinite(rate) || rate <= 0 || rate > kNanoseconds) {
    return wrong("requests_per_second must be more than 0, and a billion at most");
  }
  if (options.burst == 0) {
    return wrong("burst must be at least 1");
  }
  if (burst / rate > kLongestFill) {
    return wrong("a burst must be earned back within a year: make it smaller, or the rate higher");
  }
  const Rate::Duration interval(std::llround(kNanoseconds / rate));
  const Rate::Duration tolerance(std::llround((burst - 1) * kNanoseconds / rate));
  return std::unique_ptr<Middleware>(
      std::make_unique<RateLimit>(options, Rate{interval, tolerance}));
}

}  // namespace sluice::proxy::middleware
