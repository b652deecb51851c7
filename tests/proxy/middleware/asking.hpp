#pragma once

// One session of one middleware, for tests of what it decides about statements.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/middleware/background.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

class Asking {
 public:
  explicit Asking(Made made) : made_(std::move(made)) {
    identity.session = 7;
    identity.route = "pets";
    identity.user = "app";
    identity.database = "shop";
  }

  // Called once identity is as the test wants it.
  Part& part() {
    if (part_ == nullptr) {
      part_ = made_.value()->begin({identity, instruments, background_});
    }
    return *part_;
  }
  const Middleware& middleware() { return *made_.value(); }

  protocol::Request request(std::string_view text,
                            protocol::RequestKind kind = protocol::RequestKind::query) const {
    protocol::Request request;
    request.kind = kind;
    request.text = text;
    const bool mysql = identity.protocol == protocol::Protocol::mysql;
    request.read_as({mysql, mysql, false});
    return request;
  }

  // What it says of a text, after `verdict`.
  Verdict ask(const protocol::Request& request, Verdict verdict = {}) {
    part().on_request(request, now, verdict);
    return verdict;
  }
  Verdict ask(std::string_view text) { return ask(request(text)); }

  Identity identity;
  metrics::MiddlewareInstruments instruments;
  Now now{TimePoint(std::chrono::seconds(1000)), WallTime(std::chrono::seconds(1'700'000'000))};

 private:
  Made made_;
  Background background_{16};
  std::unique_ptr<Part> part_;
};

inline protocol::FailureKind failure_of(const Verdict& verdict) {
  return verdict.kind == Verdict::Kind::refuse && verdict.failure ? verdict.failure->kind
                                                                  : protocol::FailureKind::count_;
}

}  // namespace sluice::proxy::middleware
