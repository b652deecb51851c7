#include "config/middleware_table.hpp"

namespace sluice::config {
namespace {

using enum protocol::FailureKind;

constexpr std::array<MiddlewareRow, kMiddlewareCount> kRows{{
    {"address_rules",
     "Lets clients in by their address.",
     "on_login",
     {address_refused, count_},
     "",
     "Networks are written as `10.0.0.0/8` or `2001:db8::/32`, a single address without its "
     "length. "
     "A client on a unix socket has no address: `deny` does not hold for it, and it passes "
     "`allow`.",
     "- address_rules: {allow: [10.0.0.0/8, \"2001:db8::/32\"], deny: [10.6.6.6]}"},
    {"audit",
     "Writes a line of JSON for each login, each statement and each close.",
     "on_login, on_request, on_answer, on_close",
     {count_, count_},
     "`sluice_middleware_dropped_total`: lines that found the queue full; "
     "`sluice_middleware_lost_total`: lines that could not be written, of a full disk for one",
     "[audit.md](audit.md) tells what is in a line. It never delays a reply: lines go through a "
     "bounded queue to a thread of their own. A line never holds a secret: what may carry one is "
     "written without its literals, whatever `statements` says; `text` holds the literals of all "
     "others. SIGUSR1 opens the file anew. Entries that name the same file share it.",
     "- audit: {file: /var/log/sluice/audit.jsonl, statements: fingerprint}"},
    {"connection_limit",
     "Bounds how many sessions there are at once.",
     "on_login, on_close",
     {connection_limit, count_},
     "",
     "The counts are exact over all workers. They belong to the entry: in the global chain they "
     "are of all sessions, in the chain of a route of its sessions. At least one bound must be "
     "given.",
     "- connection_limit: {total: 5000, per_user: 200, per_address: 100}"},
    {"idle_in_transaction",
     "Looks for transactions that are open while their client asks nothing.",
     "on_tick",
     {idle_transaction_timeout, count_},
     "`sluice_middleware_reports_total`: those found; `sluice_middleware_ended_total`: sessions "
     "ended",
     "`idle_transaction_timeout` of `limits` and of routes does the same and is all that most "
     "need; this one can only report, and can differ by chain.",
     "- idle_in_transaction: {limit: 30s, action: report}"},
    {"n_plus_one",
     "Reports the same query, run again and again with other values: lazy loading in a loop.",
     "on_request, on_answer, on_transaction_end",
     {count_, count_},
     "`sluice_middleware_reports_total`: those found",
     "The log line `n_plus_one` has the route, the query without its literals, how often it ran "
     "and the time that it took. Only queries that read are counted, and only runs whose values "
     "differ: the values of parameters are not seen, so that each execution of a statement that "
     "has "
     "some counts as another. A transaction is one run, however long it takes; outside of one the "
     "window bounds it.",
     "- n_plus_one: {threshold: 20, window: 1s}"},
    {"rate_limit",
     "Bounds how many requests are made in a second.",
     "on_request",
     {rate_limited, count_},
     "`sluice_middleware_delay_seconds`: how long requests had to wait",
     "A rate of 200 with a burst of 50 lets 50 requests through at once and then one every 5 ms. "
     "What was not used is saved up to the burst. Preparing a statement is no request.",
     "- rate_limit: {requests_per_second: 200, burst: 50, on_excess: delay, per: user}"},
    {"read_only",
     "Lets only statements through that read.",
     "on_login, on_request",
     {read_only_route, statement_unseen},
     "",
     "Each statement is judged by its text before it goes to a backend, and the transaction on the "
     "backend is read only as well, so that what hides in a function is refused by the server. "
     "The client cannot make its transactions writable. A statement that is longer than "
     "`limits.max_pinned_buffer` is refused, since it cannot be seen whole. "
     "[statements.md](statements.md) tells what counts as writing.",
     "- read_only"},
    {"require_token",
     "Lets only clients in that bring a token.",
     "on_login",
     {token_invalid, count_},
     "`sluice_middleware_refusals_total` tells the reasons apart: missing, oversized, malformed, "
     "algorithm, unknown, signature, expired, not yet valid, issuer, audience, claim",
     "One of `tokens`, `hmac_sha256_secret` and `jwks_file` says what a token is. PostgreSQL "
     "clients send it as a startup parameter or in `options=-c sluice.token=...`, MySQL clients as "
     "a connection attribute of the same name. It goes no further than sluice: no backend and no "
     "log ever has it. The client is told one thing only, whatever is wrong with the token; the "
     "metric and the log tell the reason.\n\n"
     "[tokens.md](tokens.md) shows how clients send it. A JWT must say when it expires (`exp`); "
     "`nbf` and `iat` must not lie in the future. A secret "
     "for HS256 has 32 bytes at least. The name of a fixed token is its claim `sub`. The claims of "
     "a token that the global chain has verified can be matched by routes.",
     "- require_token:\n"
     "    jwks_file: /etc/sluice/jwks.json\n"
     "    audience: reports\n"
     "    issuer: https://login.example.org/\n"
     "    claims: {scope: \"*reports*\"}\n"
     "    expose: {sub: app.user}"},
    {"result_limit",
     "Bounds how large an answer may be.",
     "on_request",
     {result_limit, count_},
     "`sluice_middleware_cut_total`: answers that were cut",
     "An answer that goes beyond is cut: the client gets an error in the place of the next row, "
     "and what runs is cancelled.",
     "- result_limit: {bytes: 64MiB}"},
    {"row_limit",
     "Bounds how many rows an answer may have.",
     "on_request",
     {row_limit, count_},
     "`sluice_middleware_cut_total`: answers that were cut",
     "An answer that goes beyond is cut: the client gets an error in the place of the next row, "
     "and what runs is cancelled. A reader with a cursor is free to fetch it in pieces.",
     "- row_limit: {rows: 100000}"},
    {"settings",
     "Gives the database session settings to start with.",
     "on_login",
     {count_, count_},
     "",
     "Its options are the settings themselves. They stand below what the client asks for in its "
     "startup parameters, and RESET brings them back. A name with a dot is one's own: `app.tenant` "
     "is that setting of PostgreSQL, and the user variable `@app_tenant` of MySQL. A name with an "
     "`@` is for MySQL alone.",
     "- settings: {search_path: pets, statement_timeout: 30s}"},
    {"snapshot_age",
     "Looks for sessions that keep reading from an old snapshot and do not see what others have "
     "committed since.",
     "on_request, on_answer, on_tick",
     {snapshot_too_old, count_},
     "`sluice_middleware_reports_total`: those found; `sluice_middleware_ended_total`: sessions "
     "ended",
     "They read under REPEATABLE READ, SERIALIZABLE or autocommit=0 and never end their "
     "transaction: \"my read does not see the row that was just created\". The log line "
     "`snapshot_age` has the route, the user, the age and what to do.",
     "- snapshot_age: {limit: 60s, action: report}"},
    {"statement_rules",
     "Refuses statements, bounds their time or sends them to another pool, by what they are.",
     "on_request",
     {statement_refused, statement_unseen},
     "",
     "Its options are a list of rules. A rule says for which statements it is (`deny` or `match`, "
     "`kinds`, or both) and what happens to them (`deny` or `refuse`, `timeout`, `pool`). The "
     "first that applies decides.\n\n"
     "The patterns are RE2, in any case, and are looked for in the normalised text: without "
     "comments, with single blanks, with `?` in the place of every literal and parameter, unquoted "
     "words in lower case; [statements.md](statements.md) has it all. `deny: \"DROP|TRUNCATE\"` "
     "finds a table `drop_log` too: write "
     "`\"^(drop|truncate) \"` or name `kinds`. Where a rule refuses, a statement that is longer "
     "than `limits.max_pinned_buffer` is refused, since it cannot be seen whole.",
     "- statement_rules:\n"
     "    - {kinds: [drop, truncate, grant], refuse: true, message: \"schema changes go through "
     "migrations\"}\n"
     "    - {match: \"from big_table\", timeout: 5s}\n"
     "    - {kinds: [select], match: \"from archive\\\\.\", timeout: 1m}"},
    {"statement_statistics",
     "Counts each kind of statement: runs, errors, rows, and how long they took.",
     "on_answer",
     {count_, count_},
     "`sluice_statement_fingerprints`: kinds of statement in the tables; "
     "`sluice_statement_fingerprints_evicted_total`: those put together for lack of room. No label "
     "has a fingerprint",
     "SHOW FINGERPRINTS, `/api/v1/fingerprints` and the dashboard show them: the normalised text, "
     "which has no literals ([statements.md](statements.md)), its fingerprint, which is that of "
     "the "
     "audit too, the pool, the count, errors, rows, p50, p95, p99 and the longest time, and when "
     "it was seen last. Percentiles are within 7% of the truth.\n\n"
     "Each worker counts in a table of its own, without a lock; they are added up when somebody "
     "asks. A kind takes about 1 KiB and its text. When a table is full, the tenth of it that was "
     "used least lately is put together into one row for all others. The tables outlive reloads. "
     "In the global chain it counts the statements of all sessions.",
     "- statement_statistics: {max_fingerprints: 2000}"},
    {"statement_timeout",
     "Bounds how long a statement may run.",
     "on_request",
     {query_timeout, count_},
     "",
     "The statement is cancelled on the server. The shortest limit of the chain and of the route "
     "counts.",
     "- statement_timeout: {limit: 30s}"},
    {"tag",
     "Adds a comment to each statement that tells where it comes from.",
     "on_request",
     {count_, count_},
     "",
     "The comment has the form of sqlcommenter, `/*route='reports',traceparent='00-...'*/`, and "
     "stands at the end of the statement. Servers and their tools then show it. What the client's "
     "own "
     "comment says stays as it is. Prepared statements get what is the same for all their runs, "
     "that "
     "is no traceparent. CREATE and ALTER stay as they are, since servers keep their texts.",
     "- tag: {values: {service: pets}}"},
}};

}  // namespace

const std::array<MiddlewareRow, kMiddlewareCount>& middleware_rows() {
  return kRows;
}

}  // namespace sluice::config
