#pragma once

// What sluice can answer to the authentication methods of a backend, from a password or from what a
// client's login has taught.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/login.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::mysql {

class BackendCredentials {
 public:
  // `name` is "USER on HOST", for error texts.
  BackendCredentials(const BackendTarget& target, std::string name);

  // A plugin of the two with a token that can be answered; `offered` where that one can.
  std::string_view best_plugin(std::string_view offered) const;
  // The answer to a nonce; empty for an empty password.
  Result<Buffer> token(std::string_view plugin, Bytes nonce) const;
  // The password and a NUL, for methods that need it itself; `why` completes the error's text.
  Result<Buffer> clear_password(std::string_view why) const;
  // Nothing is known: what a user without a password sends.
  bool empty() const { return !native_stage1_ && !sha2_stage1_; }

 private:
  std::string name_;
  std::optional<std::string> password_;
  std::optional<std::string> native_stage1_;
  std::optional<std::string> sha2_stage1_;
};

}  // namespace sluice::protocol::mysql
