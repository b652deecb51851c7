#include "config/middleware_checks.hpp"

#include <array>
#include <fstream>
#include <string>
#include <type_traits>
#include <variant>

#include "config/middleware_kinds.hpp"
#include "config/rules.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kGoodSecret = 32;  // RFC 7518, section 3.2

struct Check {
  Rules rules;
  Report& report;
  bool offline;

  void operator()(const AddressRules& o) {
    rules.refuse_all(o.allow.empty() && o.deny.empty() && !rules.doubtful({"allow", "deny"}),
                     "has no rule; give it allow or deny");
  }

  void operator()(const ConnectionLimit& o) {
    const bool none = o.total == 0 && o.per_user == 0 && o.per_address == 0 &&
                      o.per_database == 0 &&
                      !rules.doubtful({"total", "per_user", "per_address", "per_database"});
    rules.refuse_all(none,
                     "has no bound; give it total, per_user, per_address or per_database, above 0");
    const std::array<std::pair<std::string_view, std::size_t>, 3> parts{
        {{"per_user", o.per_user},
         {"per_address", o.per_address},
         {"per_database", o.per_database}}};
    for (const auto& [name, value] : parts) {
      rules.warn({name, "total"}, o.total > 0 && value > o.total,
                 "has no effect: it is more than total (" + std::to_string(value) + " > " +
                     std::to_string(o.total) + ")");
    }
  }

  void operator()(const RateLimit& o) {
    rules.warn({"max_delay", "on_excess"},
               o.on_excess == OnExcess::refuse && o.max_delay != RateLimit{}.max_delay,
               "has no effect: on_excess is refuse");
  }

  void operator()(const RequireToken& o) {
    const int given =
        (o.tokens ? 1 : 0) + (o.hmac_sha256_secret ? 1 : 0) + (rules.given("jwks_file") ? 1 : 0);
    rules.refuse_all(given != 1,
                     std::string(given == 0 ? "does not say" : "says more than once") +
                         " what a token is; give one of tokens, hmac_sha256_secret and jwks_file, "
                         "or its *_file");
    if (!o.jwks_file.empty() && !offline && !rules.doubtful({"jwks_file"})) {
      rules.refuse({"jwks_file"}, !std::ifstream(o.jwks_file),
                   "cannot read the file " + quoted(o.jwks_file));
    }
    const std::array<std::pair<std::string_view, bool>, 3> of_jwts{
        {{"audience", !o.audience.empty()},
         {"issuer", !o.issuer.empty()},
         {"leeway", o.leeway != RequireToken{}.leeway}}};
    for (const auto& [name, asked] : of_jwts) {
      rules.refuse({name}, asked && o.tokens && given == 1,
                   "is of JWTs, and a token of `tokens` has no such claims");
    }
    const std::string_view secret =
        rules.given("hmac_sha256_secret") ? "hmac_sha256_secret" : "hmac_sha256_secret_file";
    rules.refuse({secret, "hmac_sha256_secret", "hmac_sha256_secret_file"},
                 o.hmac_sha256_secret && o.hmac_sha256_secret->size() < kGoodSecret,
                 "is too short: HS256 needs a secret of 32 bytes at least");
  }

  void operator()(const SessionSettings& o) {
    rules.refuse_all(o.values.empty(), "has no setting; give it `name: value`");
  }

  void operator()(const StatementRules& o) {
    rules.refuse_all(o.rules.empty(), "has no rule; give it a list of them");
    for (std::size_t i = 0; i < o.rules.size(); ++i) {
      check_rule(o.rules[i], Rules(rules.path() + "[" + std::to_string(i) + "]", report));
    }
  }

  void operator()(const Tag& o) {
    rules.refuse_all(!o.route && !o.traceparent && o.values.empty() && !rules.doubtful({"values"}),
                     "adds nothing; give it route, traceparent or values");
  }

  template <typename Other>
  void operator()(const Other& /*o*/) {}

 private:
  static void check_rule(const StatementRule& o, Rules rule) {
    const bool conditions = rule.given("deny") || rule.given("match") || rule.given("kinds");
    const bool acts = rule.given("deny") || o.refuse || o.timeout.count() > 0 || !o.pool.empty();
    rule.refuse_all(!conditions || (o.kinds.empty() && o.deny.empty() && o.match.empty() &&
                                    !rule.doubtful({"deny", "match", "kinds", "kinds[0]"})),
                    "does not say for which statements it is; give it deny, match or kinds");
    rule.refuse({"deny"}, rule.given("match"),
                "cannot stand beside match: it is match and refuse in one");
    rule.refuse_all(conditions && !acts && !rule.doubtful({"refuse", "timeout", "pool"}),
                    "does nothing; give it refuse, timeout or pool, or write deny for match");
    const bool refuses = rule.given("deny") || o.refuse;
    const std::array<std::pair<std::string_view, bool>, 2> actions{
        {{"timeout", o.timeout.count() > 0}, {"pool", !o.pool.empty()}}};
    for (const auto& [name, asked] : actions) {
      rule.refuse({name, "refuse"}, asked && refuses,
                  "has nothing to act on: the statements are refused");
    }
    rule.refuse({"message", "refuse"}, !refuses, "is for a rule that refuses");
    for (const auto& [name, pattern] : {std::pair("deny", &o.deny), std::pair("match", &o.match)}) {
      rule.warn({name}, !pattern->empty() && Regex::matches_all(*pattern),
                "matches every statement");
    }
  }
};

}  // namespace

void check_options(const MiddlewareOptions& options, const OptionsPlace& place, Report& report) {
  if (!report.doubtful(place.path)) {
    std::visit(Check{Rules(place.path, report), report, place.offline}, options);
  }
}

}  // namespace sluice::config
