#include "proxy/middleware/token/fixed.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <utility>

#include "protocol/crypto.hpp"

namespace sluice::proxy::middleware::token {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// Cuts the next word off.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

FixedCheck::Entry entry(std::string_view name, std::string_view token) {
  boost::json::object claims;
  if (!name.empty()) {
    claims["sub"] = boost::json::string_view(name.data(), name.size());
  }
  return {fingerprint(token), std::make_shared<const boost::json::object>(std::move(claims))};
}

}  // namespace

std::variant<Claims, Refused> FixedCheck::check(std::string_view token, WallTime /*now*/) {
  const Fingerprint asked = fingerprint(token);
  const Entry* found = nullptr;
  for (const Entry& one : entries_) {
    found = protocol::constant_time_equal(one.digest, asked) ? &one : found;
  }
  if (found == nullptr) {
    return Refused{metrics::RefusalReason::token_unknown, "it is none of the tokens of the file"};
  }
  return found->claims;
}

std::variant<std::vector<FixedCheck::Entry>, std::string> parse_fixed_tokens(
    std::string_view text) {
  std::vector<FixedCheck::Entry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string where = "line " + std::to_string(number);
    const std::string_view first = next_word(line);
    if (first.empty() || first.front() == '#') {
      continue;
    }
    const std::string_view second = next_word(line);
    if (!next_word(line).empty()) {
      return where + " has more than a name and a token";
    }
    auto made = second.empty() ? entry({}, first) : entry(first, second);
    if (std::any_of(entries.begin(), entries.end(),
                    [&](const auto& other) { return other.digest == made.digest; })) {
      return where + " repeats the token of an earlier line";
    }
    entries.push_back(std::move(made));
  }
  if (entries.empty()) {
    return "there is no token in it";
  }
  return entries;
}

}  // namespace sluice::proxy::middleware::token
