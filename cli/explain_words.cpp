#include "cli/explain_words.hpp"

#include <cstdio>

#include "metrics/labels.hpp"

namespace sluice::cli {

using Kind = protocol::Verdict::Kind;

std::array<LimitRow, 5> limit_rows(const config::Limits& limits) {
  return {{{"client_idle_timeout", limits.client_idle_timeout},
           {"idle_transaction_timeout", limits.idle_transaction_timeout},
           {"transaction_timeout", limits.transaction_timeout},
           {"query_timeout", limits.query_timeout},
           {"client_max_lifetime", limits.client_max_lifetime}}};
}

std::string protocol_word(config::Protocol protocol) {
  return protocol == config::Protocol::mysql ? "mysql" : "postgresql";
}

std::string mode_word(config::PoolMode mode) {
  switch (mode) {
    case config::PoolMode::session:
      return "session";
    case config::PoolMode::statement:
      return "statement";
    case config::PoolMode::transaction:
      break;
  }
  return "transaction";
}

std::chrono::milliseconds in_milliseconds(proxy::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration);
}

std::string fingerprint_text(std::uint64_t fingerprint) {
  std::array<char, 17> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%016llx",
                static_cast<unsigned long long>(fingerprint));
  return buffer.data();
}

std::string_view verdict_word(const proxy::explain::Said& said) {
  if (said.failed) {
    return "failed";
  }
  switch (said.verdict.kind) {
    case Kind::refuse:
      return "refused";
    case Kind::delay:
      return "delayed";
    case Kind::rewrite:
      return "rewritten";
    case Kind::allow:
      break;
  }
  return "allowed";
}

std::string failure_words(const protocol::Failure& failure) {
  return failure.text + " (" + std::string(failure.sqlstate()) + ", " +
         std::to_string(failure.mysql_errno()) + ")";
}

std::string said_words(const proxy::explain::Said& said) {
  const auto& verdict = said.verdict;
  std::string out(verdict_word(said));
  if (verdict.failure) {
    out += ": " + failure_words(*verdict.failure);
    out += ", reason " + std::string(metrics::label_of(verdict.reason));
    return verdict.failure->detail.empty() ? out : out + ": " + verdict.failure->detail;
  }
  if (verdict.kind == Kind::delay) {
    return out + " by " + config::print_duration(in_milliseconds(verdict.delay));
  }
  if (verdict.timeout.count() > 0) {
    out += ", at most " + config::print_duration(in_milliseconds(verdict.timeout));
  }
  if (verdict.limits.rows > 0) {
    out += ", at most " + std::to_string(verdict.limits.rows) + " rows";
  }
  if (verdict.limits.bytes > 0) {
    out += ", at most " + config::print_size(verdict.limits.bytes);
  }
  if (!verdict.pool.empty()) {
    out += ", to pool " + verdict.pool;
  }
  return out;
}

std::string statement_words(const proxy::explain::StatementStory& story) {
  const auto& digest = story.digest;
  std::string out(protocol::sql::kind_name(digest.kind));
  if (digest.statements > 1) {
    out += " and more, " + std::to_string(digest.statements) + " statements";
  }
  return out + (digest.writes ? ", writes" : ", reads") + ", fingerprint " +
         fingerprint_text(digest.fingerprint);
}

}  // namespace sluice::cli
