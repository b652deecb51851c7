#pragma once

// The options of middleware, as fields.hpp has the others'. What is told of each as a whole stands
// in middleware_table.cpp.

#include "config/kinds.hpp"
#include "config/middleware.hpp"
#include "config/middleware_kinds.hpp"
#include "config/secret.hpp"

namespace sluice::config {

inline constexpr std::int64_t kMostAtOnce = 10'000'000;

inline Choice<OnReport> report_actions() {
  return {{{"report", OnReport::report}, {"end", OnReport::end}}, {}};
}

template <typename V>
void fields(V& v, AddressRules& o) {
  v.texts("allow", o.allow, Network{}, "where it is given, other clients are refused");
  v.texts("deny", o.deny, Network{}, "these are refused, whatever `allow` says");
}

template <typename V>
void fields(V& v, Audit& o) {
  v.required("file", o.file, Text{"path"}, "where the lines go; its directory must exist");
  const Choice<AuditStatements> forms{{{"none", AuditStatements::none},
                                       {"fingerprint", AuditStatements::fingerprint},
                                       {"text", AuditStatements::text}},
                                      {}};
  v.option("statements", o.statements, forms,
           "what a line has of its statement: nothing, a number that is equal for equal "
           "statements, or the text as it was sent, with its literals");
  v.texts("kinds", o.kinds, StatementKindName{}, "statements to write down; without it: all");
  v.option("max_size", o.max_size, Size{std::uint64_t{1} << 12U, std::uint64_t{1} << 40U},
           "a file that is larger is put aside as FILE.1");
  v.option("keep", o.keep, Integer{0, 1000}, "files that are put aside and kept");
  v.option("queue", o.queue, Integer{1, kMostAtOnce},
           "lines that may wait to be written; more are dropped and counted");
}

template <typename V>
void fields(V& v, ConnectionLimit& o) {
  const Integer count{0, kMostAtOnce};
  v.option("total", o.total, count, "of all sessions together; 0 = no bound");
  v.option("per_user", o.per_user, count, "of each user; 0 = no bound");
  v.option("per_address", o.per_address, count, "of each client address; 0 = no bound");
  v.option("per_database", o.per_database, count, "of each database; 0 = no bound");
}

template <typename V>
void fields(V& v, IdleInTransaction& o) {
  v.required("limit", o.limit, Span{milliseconds(1)}, "how long a transaction may be left alone");
  v.option("action", o.action, report_actions(),
           "`end` ends the session, which rolls its transaction back; `report` only says so");
}

template <typename V>
void fields(V& v, NPlusOne& o) {
  v.option("threshold", o.threshold, Integer{2, 1'000'000},
           "runs of one fingerprint that are reported");
  v.option("window", o.window, Span{milliseconds(1)},
           "within a transaction, or within so long outside of one");
}

template <typename V>
void fields(V& v, RateLimit& o) {
  v.required("requests_per_second", o.requests_per_second, Number{0.001, 10'000'000},
             "in the long run");
  v.option("burst", o.burst, Integer{1, kMostAtOnce}, "requests that may come at once");
  const Choice<OnExcess> actions{{{"delay", OnExcess::delay}, {"refuse", OnExcess::refuse}}, {}};
  v.option("on_excess", o.on_excess, actions, "a request too many waits, or is refused");
  v.option("max_delay", o.max_delay, Span{milliseconds(1)},
           "a request that would have to wait longer is refused");
  const Choice<RateScope> scopes{{{"route", RateScope::route},
                                  {"user", RateScope::user},
                                  {"address", RateScope::address},
                                  {"session", RateScope::session}},
                                 {}};
  v.option("per", o.per, scopes,
           "who shares the rate: all sessions of this entry, those of one user, of one client "
           "address, or none");
}

template <typename V>
void fields(V& /*v*/, ReadOnly& /*o*/) {}

template <typename V>
void fields(V& v, RequireToken& o) {
  v.option("parameter", o.parameter, ParameterName{},
           "the startup parameter or connection attribute that carries the token");
  v.secret("tokens", o.tokens, SecretForm::password,
           "fixed tokens, a line each: `TOKEN` or `NAME TOKEN`");
  v.secret("hmac_sha256_secret", o.hmac_sha256_secret, SecretForm::password,
           "tokens are JWTs signed with HS256 and this secret");
  v.option("jwks_file", o.jwks_file, Text{"path"},
           "tokens are JWTs signed with RS256 or ES256 by a key of this JWKS");
  v.option("audience", o.audience, Text{}, "what `aud` must hold; without it: anything");
  v.option("issuer", o.issuer, Text{}, "what `iss` must be; without it: anything");
  v.option("leeway", o.leeway, Span{}, "of clocks that differ, for `exp`, `nbf` and `iat`");
  v.pairs("claims", o.claims, Text{"claim"}, Pattern{}, "claims that must match");
  v.pairs("expose", o.expose, Text{"claim"}, SettingName{},
          "settings of the database session that get the value of a claim; the client cannot "
          "change them");
}

template <typename V>
void fields(V& v, ResultLimit& o) {
  v.required("bytes", o.bytes, Size{1, std::uint64_t{1} << 50U},
             "the rows of one answer, as they travel");
}

template <typename V>
void fields(V& v, RowLimit& o) {
  v.required("rows", o.rows, Integer{1, INT64_MAX}, "of one answer");
}

template <typename V>
void fields(V& v, SessionSettings& o) {
  v.entries(o.values, SettingName{}, AnyText{},
            "what sessions start with, beyond what their clients ask for");
}

template <typename V>
void fields(V& v, SnapshotAge& o) {
  v.option("limit", o.limit, Span{milliseconds(1)}, "how old a snapshot may be");
  v.option("action", o.action, report_actions(),
           "`report` says so once per transaction; `end` ends the session too");
}

template <typename V>
void fields(V& v, StatementRule& o) {
  v.option("deny", o.deny, Regex{}, "statements whose normalised text it matches are refused");
  v.option("match", o.match, Regex{},
           "the rule is for statements whose normalised text it matches");
  v.texts("kinds", o.kinds, StatementKindName{}, "the rule is for these kinds of statement");
  v.option("refuse", o.refuse, Boolean{}, "refuse them");
  v.option("message", o.message, Text{}, "what the client is told when they are refused");
  v.option("timeout", o.timeout, Span{}, "cancel them after so long; 0s = no limit of its own");
  v.option("pool", o.pool, Name{},
           "serve them from this pool, where the session is free to change it");
}

template <typename V>
void fields(V& v, StatementRules& o) {
  v.items(o.rules, "the first that applies decides");
}

template <typename V>
void fields(V& v, StatementStatistics& o) {
  v.option("max_fingerprints", o.max_fingerprints, Integer{10, 100'000},
           "kinds of statement that each worker keeps apart, the most of what entries say; the "
           "rarest of more are put together");
  v.option("max_text", o.max_text, Size{32, 4096}, "of a normalised text; what is longer is cut");
}

template <typename V>
void fields(V& v, StatementTimeout& o) {
  v.required("limit", o.limit, Span{milliseconds(1)},
             "a statement that runs longer is cancelled on the server");
}

template <typename V>
void fields(V& v, Tag& o) {
  v.option("route", o.route, Boolean{}, "the name of the route");
  v.option("traceparent", o.traceparent, Boolean{},
           "the client's, from a comment of the statement or from its connection parameters");
  v.pairs("values", o.values, Text{"key"}, AnyText{}, "others, the same for all statements");
}

}  // namespace sluice::config
