#pragma once

// Middleware that does its work and writes down what it said, for who asks what a chain would do.
// What must not happen because somebody asks (a line in an audit file) is left out.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/middleware.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::explain {

// What one entry of a chain said of the login, or of the statement.
struct Said {
  enum class Phase : std::uint8_t { login, request };

  Phase phase = Phase::login;
  const config::MiddlewareOptions* options = nullptr;  // which entry
  // Of the entry alone: what those before it had said is not in it.
  middleware::Verdict verdict;
  bool failed = false;  // it threw
};

// What is taken for granted.
struct Assumed {
  // Of a good token, where `token` is empty.
  protocol::Parameters claims;
  // To be checked as at a login.
  std::optional<std::string> token;
};

class Trace {
 public:
  explicit Trace(Assumed assumed) : assumed_(std::move(assumed)) {}

  // The middleware of these options, which it tells apart by their address. It borrows the trace.
  middleware::Made make(const config::MiddlewareOptions& options);
  void add(Said said) { said_.push_back(std::move(said)); }
  // The last that an entry said in a phase; null when it was not asked.
  const Said* find(const config::MiddlewareOptions& options, Said::Phase phase) const;

 private:
  Assumed assumed_;
  std::vector<Said> said_;
};

// It looks on and is not asked, or its token is taken for good: "" when it does its own work.
std::string_view stand_in(const config::MiddlewareOptions& options, bool token_given);

}  // namespace sluice::proxy::explain
