#pragma once

// A login as a Part sees it in a test: who comes, with which attributes, when.

#include <string>
#include <string_view>
#include <utility>

#include "proxy/middleware/background.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

class Door {
 public:
  Door() {
    identity.user = "app";
    identity.database = "pets";
    identity.address = "192.0.2.7";
  }

  std::unique_ptr<Part> begin(Middleware& middleware) {
    return middleware.begin({identity, instruments, background});
  }
  // What on_login says of who stands here; what it left behind is in `login`.
  Verdict enter(Part& part) {
    login.emplace(Login{identity, attributes, now});
    Verdict verdict;
    part.on_login(*login, verdict);
    return verdict;
  }
  Verdict enter(Middleware& middleware) { return enter(*begin(middleware)); }

  const std::string* setting(std::string_view name) const {
    return value_of(login->settings, name);
  }
  static const std::string* value_of(const protocol::Parameters& pairs, std::string_view name) {
    for (const auto& [key, value] : pairs) {
      if (key == name) {
        return &value;
      }
    }
    return nullptr;
  }

  Identity identity;
  protocol::Parameters attributes;
  Now now{TimePoint(std::chrono::hours(1)), WallTime(std::chrono::seconds(1'800'000'000))};
  std::optional<Login> login;
  metrics::MiddlewareInstruments instruments;
  Background background{4};
};

}  // namespace sluice::proxy::middleware
