#include <string>
#include <string_view>
#include <variant>

#include "config/docs.hpp"
#include "config/middleware_fields.hpp"
#include "config/middleware_table.hpp"
#include "config/reference.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Middleware

Generated from config/middleware_table.cpp and config/middleware_fields.hpp by
`config_reference middleware`; do not edit.

Middleware stands between a session's client and its pool. There is a global chain, for every
session, and each route may have a chain of its own, which comes after it:

    middleware:                          # the global chain
      - connection_limit: {per_user: 200}
    routes:
      - name: reports
        match: {user: "report_*"}
        pool: pets_pg
        middleware:                      # for the sessions of this route
          - read_only
          - rate_limit: {requests_per_second: 200, burst: 50}
        on_refuse: {message: "ask the data team", sqlstate: "28000"}

An entry is a name, or a name with its options. The entries act in the order of the file, and the
first that refuses a request, or lets it wait, decides. Options that bound something (a time, a
number of rows) add up to the strictest. A chain that is empty costs nothing.

| phase | when |
|---|---|
| on_login | after the password was right, before any backend is touched |
| on_request | before a statement goes to a backend |
| on_answer | when it has been answered |
| on_transaction_end | when a transaction has ended, or a statement outside of one |
| on_tick | now and then, up to a quarter of a second late |
| on_close | when the session ends, whatever happened |

A request that is refused reaches no backend. Within a transaction PostgreSQL's is failed then, as
after any other error; MySQL's stays open, as its server would leave it. `on_refuse` of a route
replaces the text, the SQLSTATE and MySQL's error number of whatever its chains refuse. When
middleware itself fails, the request is refused (`middleware_failed`, XX000 / 1815) and the log
tells why. A session that ends is rolled back and its backend given back, whatever its middleware
does.

Every entry counts its verdicts (`sluice_middleware_verdicts_total`) and the reasons of its
refusals (`sluice_middleware_refusals_total`), with the labels `route` (empty for the global chain)
and `middleware`. `sluice explain-route` shows which route a session would take and what its chain
would say to a statement.
)";

std::string refusals_of(const MiddlewareRow& row) {
  std::string out;
  for (const protocol::FailureKind kind : row.refusals) {
    if (kind != protocol::FailureKind::count_) {
      const auto& failure = protocol::failure_row(kind);
      out += (out.empty() ? "" : "; ") + code(std::string(failure.label)) + ": SQLSTATE " +
             std::string(failure.sqlstate) + ", MySQL " + std::to_string(failure.mysql_errno);
    }
  }
  return out.empty() ? "none" : out;
}

// As a code block of Markdown.
std::string indented(std::string_view text) {
  std::string out = "    ";
  for (const char c : text) {
    out += c;
    out += c == '\n' ? "    " : "";
  }
  return out + "\n";
}

template <std::size_t I = 0>
void render(std::string& out) {
  if constexpr (I < kMiddlewareCount) {
    const MiddlewareRow& row = middleware_rows()[I];
    std::variant_alternative_t<I, MiddlewareOptions> options;
    Reference reference;
    fields(reference, options);
    const std::string table = reference.table();
    out += "\n## " + std::string(row.name) + "\n\n" + std::string(row.what) + "\n\n";
    out += indented(row.example) + "\n";
    out += table.empty() ? "It has no options.\n" : table;
    out += "\n" + std::string(row.notes) + "\n\n";
    out += "* Phases: " + std::string(row.phases) + "\n";
    out += "* Errors: " + refusals_of(row) + "\n";
    out += row.metric.empty() ? "" : "* Metrics: " + std::string(row.metric) + "\n";
    render<I + 1>(out);
  }
}

}  // namespace

std::string render_middleware() {
  std::string out(kIntroduction);
  out += "\nKinds of statement, for `kinds`: " + StatementKindName::all() + ".\n";
  render(out);
  return out;
}

}  // namespace sluice::config
