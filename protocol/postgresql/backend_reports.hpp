#pragma once

// What a backend says beside the login proper, and how its refusal is put into words.

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/login.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::postgresql {

// 'backend HOST: WHAT (user "u", database "d")'.
Failure backend_failure(FailureKind kind, const BackendTarget& target, std::string_view what);
// The backend's own ErrorResponse, with its SQLSTATE. Any field of it may be missing.
Failure backend_refusal(const BackendTarget& target, Bytes error_body);

// Takes the messages that may come at any time of a login, within bounds.
class Reports {
 public:
  // Opens a frame. Gives a message that belongs to the login proper, or nullopt when it was a
  // notice or a ParameterStatus. An ErrorResponse is a failure, and so is a flood.
  Result<std::optional<Message>> take(const BackendTarget& target, Bytes frame);

  const Parameters& parameters() const { return parameters_; }
  std::string_view find(std::string_view name) const;  // empty when it was not reported

 private:
  bool set(Bytes body);

  Parameters parameters_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::protocol::postgresql
