#pragma once

// Tokens that are written in a file, one a line: TOKEN, or NAME and TOKEN with a blank between
// them. The name becomes the claim `sub`. Empty lines and those that begin with # are left out.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/middleware/token/token.hpp"
#include "proxy/middleware/token/verified.hpp"

namespace sluice::proxy::middleware::token {

// Keeps digests alone. How long a look-up takes tells nothing of the tokens: it looks at all.
class FixedCheck final : public Check {
 public:
  struct Entry {
    Fingerprint digest{};
    Claims claims;
  };
  explicit FixedCheck(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  std::variant<Claims, Refused> check(std::string_view token, WallTime now) override;

 private:
  const std::vector<Entry> entries_;
};

// A text when they cannot be used: what is wrong in which line, without the line.
std::variant<std::vector<FixedCheck::Entry>, std::string> parse_fixed_tokens(std::string_view text);

}  // namespace sluice::proxy::middleware::token
