#include "protocol/sql/digest.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "protocol/bytes.hpp"
#include "protocol/sql/normal_text.hpp"
#include "protocol/sql/statement_judge.hpp"

namespace sluice::protocol::sql {
namespace {

// In the order of the enum.
constexpr std::array<std::string_view, static_cast<std::size_t>(StatementKind::count_)> kNames{
    "empty",    "select",    "insert", "update",   "delete",  "merge", "copy",
    "create",   "alter",     "drop",   "truncate", "grant",   "begin", "commit",
    "rollback", "savepoint", "set",    "show",     "explain", "call",  "prepare",
    "cursor",   "lock",      "listen", "maintain", "kill",    "other"};

// Fingerprints are written to logs and files: this stays as it is.
std::uint64_t hash(std::string_view text) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  std::uint64_t sum = kOdd ^ text.size();
  const auto mix = [&sum](std::uint64_t word) {
    word *= kOdd;
    word ^= word >> 32U;
    sum = (sum ^ word) * 0xff51afd7ed558ccdU;
    sum ^= sum >> 29U;
  };
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    mix(word);
  }
  std::uint64_t word = 0;
  if (!text.empty()) {
    std::memcpy(&word, text.data(), text.size());
  }
  mix(word);
  sum *= 0xc4ceb9fe1a85ec53U;
  sum ^= sum >> 33U;
  return sum == 0 ? 1 : sum;
}

// There may be a character of two bytes whose second looks like a sign that ends or escapes things.
bool hides_signs(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    const bool lead = static_cast<unsigned char>(text[at - 1]) >= 0x80;
    if (lead && (text[at] == '\\' || text[at] == '`')) {
      return true;
    }
  }
  return false;
}

template <typename Take>
bool each_token(std::string_view text, ScannerOptions options, Take take) {
  Scanner scanner(options);
  Token token;
  Bytes rest = as_bytes(text);
  while (scanner.next(rest, token)) {
    take(token);
  }
  while (scanner.finish(token)) {
    take(token);
  }
  return !scanner.lost() && !scanner.conditional() && !(options.double_byte && hides_signs(text));
}

}  // namespace

std::string_view kind_name(StatementKind kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

std::optional<StatementKind> find_kind(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    return std::nullopt;
  }
  return static_cast<StatementKind>(found - kNames.begin());
}

Digest digest(std::string_view text, ScannerOptions options) {
  NormalText normal(text, options.mysql, kMaxDigest);
  StatementJudge judge(text, options);
  const bool read = each_token(text, options, [&](const Token& token) {
    const Term term = term_of(token);
    judge.take(token, term);
    normal.take(token, term);
  });
  judge.finish();
  const bool clear = read && !judge.unclear();
  Digest made;
  made.text = normal.finish();
  made.kind = judge.kind();
  made.kinds = judge.kinds();
  made.statements = judge.statements();
  made.writes = judge.writes() || !clear;
  made.cut = normal.cut();
  made.unclear = !clear;
  if (!clear) {
    made.text.assign(1, '?');
  }
  made.fingerprint = hash(made.text);
  return made;
}

std::string normal_text(std::string_view text, ScannerOptions options) {
  NormalText normal(text, options.mysql, std::numeric_limits<std::size_t>::max());
  const bool clear =
      each_token(text, options, [&](const Token& token) { normal.take(token, term_of(token)); });
  return clear ? normal.finish() : "?";
}

}  // namespace sluice::protocol::sql
