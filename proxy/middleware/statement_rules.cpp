#include "proxy/middleware/statement_rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/sql/digest.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using protocol::RequestKind;
namespace sql = protocol::sql;

struct Rule {
  std::vector<std::unique_ptr<const RE2>> patterns;  // all must match
  std::uint32_t kinds = 0;                           // one must occur; 0 = any
  bool refuse = false;
  std::string message;
  Duration timeout{0};
  std::string pool;

  bool applies(const sql::Digest& digest, std::string_view text) const {
    return (kinds == 0 || (digest.kinds & kinds) != 0) &&
           std::all_of(patterns.begin(), patterns.end(), [text](const auto& pattern) {
             return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern);
           });
  }
};

// How many bytes the character at the front has; 0: it is no UTF-8.
std::size_t character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xc2 ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                                         : 4;
  if (size > text.size() || lead > 0xf4) {
    return 0;
  }
  for (std::size_t at = 1; at < size; ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80) {
      return 0;
    }
  }
  return size;
}

// RE2 never matches across what is no UTF-8: names in other encodings must not hide the rest.
std::string with_characters_only(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character(text);
    out += size == 0 ? std::string_view("?") : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Failure unseen() {
  return protocol::fail(FailureKind::statement_unseen,
                        "the statement was refused: rules apply to this route, and it is too long "
                        "or too unclear to be held against them; send it in smaller parts, without "
                        "version comments (limits.max_pinned_buffer bounds its length)");
}

class Rules final : public Middleware {
 public:
  explicit Rules(std::vector<Rule> rules) : rules_(std::move(rules)) {
    for (const Rule& rule : rules_) {
      refuses_ = refuses_ || rule.refuse;
      patterns_ = patterns_ || !rule.patterns.empty();
    }
  }

  std::string_view name() const override { return "statement_rules"; }
  Wants wants() const override {
    Wants wants;
    wants.request = true;
    wants.bind = std::any_of(rules_.begin(), rules_.end(),
                             [](const Rule& rule) { return !rule.pool.empty(); });
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& place) override;

  void judge(const protocol::Request& request, Verdict& verdict) const;

 private:
  const Rule* find(const protocol::Request& request) const;

  std::vector<Rule> rules_;
  bool refuses_ = false;
  bool patterns_ = false;
};

class RulesPart final : public Part {
 public:
  explicit RulesPart(const Rules& rules) : rules_(rules) {}

  void on_request(const protocol::Request& request, const Now& /*now*/, Verdict& verdict) override {
    rules_.judge(request, verdict);
  }

 private:
  const Rules& rules_;
};

std::unique_ptr<Part> Rules::begin(const Place& /*place*/) {
  return std::make_unique<RulesPart>(*this);
}

const Rule* Rules::find(const protocol::Request& request) const {
  const sql::Digest& digest = request.digest();
  // What is executed was held against the refusing rules, whole, when it was prepared.
  const bool whole = digest.cut && patterns_ && request.kind != RequestKind::execute;
  std::string longer = whole ? sql::normal_text(request.text, request.syntax()) : std::string();
  std::string_view text = whole ? longer : digest.text;
  if (!is_ascii(text)) {
    longer = with_characters_only(text);
    text = longer;
  }
  const auto found = std::find_if(rules_.begin(), rules_.end(),
                                  [&](const Rule& rule) { return rule.applies(digest, text); });
  return found == rules_.end() ? nullptr : &*found;
}

void Rules::judge(const protocol::Request& request, Verdict& verdict) const {
  if (request.kind == RequestKind::other) {
    return;  // no text
  }
  if (refuses_ && (request.truncated || request.digest().unclear)) {
    verdict.refuse(RefusalReason::unseen, unseen());
    return;
  }
  const Rule* const rule = find(request);
  if (rule == nullptr) {
    return;
  }
  if (rule->refuse) {
    verdict.refuse(RefusalReason::rule,
                   protocol::fail(FailureKind::statement_refused, rule->message));
    return;
  }
  if (rule->timeout > Duration::zero() &&
      (verdict.timeout == Duration::zero() || rule->timeout < verdict.timeout)) {
    verdict.timeout = rule->timeout;
  }
  if (!rule->pool.empty()) {
    verdict.pool = rule->pool;
  }
}

protocol::Result<std::unique_ptr<const RE2>> compile(const std::string& pattern) {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  auto made = std::make_unique<const RE2>(pattern, options);
  if (!made->ok()) {
    return protocol::fail(FailureKind::internal,
                          "statement_rules: the pattern \"" + pattern + "\": " + made->error());
  }
  return made;
}

protocol::Result<Rule> make_rule(const config::StatementRule& options) {
  Rule rule;
  for (const std::string* pattern : {&options.deny, &options.match}) {
    if (pattern->empty()) {
      continue;
    }
    auto compiled = compile(*pattern);
    if (!compiled) {
      return compiled.failure();
    }
    rule.patterns.push_back(std::move(*compiled));
  }
  for (const std::string& name : options.kinds) {
    const auto kind = sql::find_kind(name);
    if (!kind) {
      return protocol::fail(FailureKind::internal,
                            "statement_rules: unknown kind of statement \"" + name + "\"");
    }
    rule.kinds |= 1U << static_cast<unsigned>(*kind);
  }
  rule.refuse = options.refuse || !options.deny.empty();
  rule.message = options.message.empty()
                     ? "the statement was refused by a rule of this route; ask who runs the gateway"
                     : options.message;
  rule.timeout = options.timeout;
  rule.pool = options.pool;
  return rule;
}

}  // namespace

Made make(const config::StatementRules& options) {
  std::vector<Rule> rules;
  for (const config::StatementRule& one : options.rules) {
    auto rule = make_rule(one);
    if (!rule) {
      return rule.failure();
    }
    rules.push_back(std::move(*rule));
  }
  return std::unique_ptr<Middleware>(std::make_unique<Rules>(std::move(rules)));
}

}  // namespace sluice::proxy::middleware
