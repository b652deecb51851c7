#pragma once

// The options of each middleware as plain structs with defaults. What each does is told in
// proxy/middleware/; config/middleware_fields.hpp is the table that loads and documents them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/mark.hpp"

namespace sluice::config {

using std::chrono::milliseconds;

using TextPairs = std::vector<std::pair<std::string, std::string>>;  // in the order of the file

enum class OnExcess : std::uint8_t { delay, refuse };
enum class OnReport : std::uint8_t { report, end };  // only say so, or end the session too
enum class RateScope : std::uint8_t { route, user, address, session };
enum class AuditStatements : std::uint8_t { none, fingerprint, text };

// One of `tokens`, `hmac_sha256_secret` and `jwks_file` says what a token is.
struct RequireToken {
  std::string parameter = "sluice.token";         // startup parameter or connection attribute
  std::optional<std::string> tokens;              // fixed ones, a line each: TOKEN or "NAME TOKEN"
  std::optional<std::string> hmac_sha256_secret;  // JWT HS256
  std::string jwks_file;                          // JWT RS256 and ES256
  std::string audience;                           // "" = any
  std::string issuer;                             // "" = any
  milliseconds leeway{30000};                     // of exp and nbf
  TextPairs claims;                               // claim -> shell pattern that it must match
  TextPairs expose;  // claim -> setting of the database session that gets its value
};

struct ReadOnly {};

// A statement to which `match` and `kinds` apply (both, where both are given). `deny` is `match`
// with the action of refusing.
struct StatementRule {
  std::string deny;                // RE2 on the normalised text, in any case
  std::string match;               // likewise
  std::vector<std::string> kinds;  // names of sql::StatementKind
  bool refuse = false;
  std::string message;  // of the refusal
  milliseconds timeout{0};
  std::string pool;
};

struct StatementRules {
  std::vector<StatementRule> rules;  // the first that applies decides
};

struct StatementStatistics {
  std::size_t max_fingerprints = 1000;  // of each worker
  std::size_t max_text = 1024;          // bytes of a normalised text that are kept
};

struct StatementTimeout {
  milliseconds limit{0};
};

struct RateLimit {
  double requests_per_second = 0;
  std::size_t burst = 1;
  OnExcess on_excess = OnExcess::delay;
  milliseconds max_delay{10000};  // a request that would wait longer is refused
  RateScope per = RateScope::route;
};

// Sessions at once; 0 = no bound.
struct ConnectionLimit {
  std::size_t total = 0;
  std::size_t per_user = 0;
  std::size_t per_address = 0;
  std::size_t per_database = 0;
};

struct RowLimit {
  std::uint64_t rows = 0;
};

struct ResultLimit {
  std::uint64_t bytes = 0;
};

struct IdleInTransaction {
  milliseconds limit{0};
  OnReport action = OnReport::end;
};

// CIDR; `deny` first; where `allow` is given, what is not in it is refused.
struct AddressRules {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
};

struct Audit {
  std::string file;
  AuditStatements statements = AuditStatements::fingerprint;
  std::vector<std::string> kinds;                  // names of sql::StatementKind; none: all
  std::size_t max_size = std::size_t{100} << 20U;  // rotated above it
  std::size_t keep = 5;                            // rotated files
  std::size_t queue = 10000;  // lines that wait to be written; more are dropped
};

struct Tag {
  bool route = true;        // the name of the route
  bool traceparent = true;  // of the client's statement comment or connection parameter
  TextPairs values;         // others, fixed
};

struct NPlusOne {
  std::size_t threshold = 20;
  milliseconds window{1000};
};

struct SnapshotAge {
  milliseconds limit{60000};
  OnReport action = OnReport::report;
};

struct SessionSettings {
  TextPairs values;  // setting -> value
};

using MiddlewareOptions =
    std::variant<AddressRules, Audit, ConnectionLimit, IdleInTransaction, NPlusOne, RateLimit,
                 ReadOnly, RequireToken, ResultLimit, RowLimit, SessionSettings, SnapshotAge,
                 StatementRules, StatementStatistics, StatementTimeout, Tag>;

struct Middleware {
  MiddlewareOptions options;
  Mark mark;  // where it stands in the file
};

}  // namespace sluice::config
