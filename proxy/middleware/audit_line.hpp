#pragma once

// One line of the audit as JSON, and what of a statement may stand in it.
//
//   {"time":"2026-01-31T09:15:00.125001Z","event":"statement","session":7,...}

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

// Keys are literals of our own; texts are escaped. Builds into `out`, whose content it replaces.
class AuditLine {
 public:
  AuditLine(std::string& out, WallTime time, std::string_view event, const Identity& who);

  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, std::uint64_t value);
  void flag(std::string_view key, bool value);
  void fingerprint(std::string_view key, std::uint64_t value);       // 16 hex digits
  void thousandths(std::string_view key, std::int64_t value);        // 1234 is written as 1.234
  void names(std::string_view key, const protocol::Parameters& of);  // not their values
  // The line with its newline.
  std::string_view done();

 private:
  void key(std::string_view name);

  std::string& out_;
};

// Whether the text may hold a password, a key or a token, whose literals are left out then. It says
// so rather too often: by words, wherever they stand.
bool may_carry_secret(std::string_view statement);

}  // namespace sluice::proxy::middleware
