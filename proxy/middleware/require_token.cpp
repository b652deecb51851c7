#include "proxy/middleware/require_token.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <utility>
#include <variant>

#include "config/pattern.hpp"
#include "config/secret.hpp"
#include "metrics/log.hpp"
#include "proxy/middleware/session_setting.hpp"
#include "proxy/middleware/token/claims.hpp"
#include "proxy/middleware/token/fixed.hpp"
#include "proxy/middleware/token/jwks.hpp"
#include "proxy/middleware/token/jwt.hpp"

namespace sluice::proxy::middleware {
namespace {

namespace json = boost::json;
using config::RequireToken;
using protocol::FailureKind;
using token::Refused;

constexpr std::size_t kMaxToken = std::size_t{8} << 10U;
constexpr std::size_t kMaxJwksFile = std::size_t{256} << 10U;
constexpr std::size_t kMinSecret = 32;  // bytes; RFC 7518, 3.2

// Both servers take the names of parameters and attributes in any case of letters.
bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The one value of the parameter; refused when there is none, or more than one.
std::variant<std::string_view, Refused> presented(const protocol::Parameters& attributes,
                                                  const std::string& parameter) {
  const std::string* found = nullptr;
  for (const auto& [name, value] : attributes) {
    if (!same_name(name, parameter)) {
      continue;
    }
    if (found != nullptr && *found != value) {
      return Refused{RefusalReason::token_malformed, "there are two of them"};
    }
    found = &value;
  }
  if (found == nullptr || found->empty()) {
    return Refused{RefusalReason::token_missing, "there is none"};
  }
  if (found->size() > kMaxToken) {
    return Refused{RefusalReason::token_oversized, "it is longer than 8 KiB"};
  }
  return std::string_view(*found);
}

std::vector<std::string> claim_texts(const json::object& claims, const std::string& name) {
  const json::value* claim = claims.if_contains(name);
  return claim == nullptr ? std::vector<std::string>() : token::texts_of(*claim);
}

// A list is one text with commas, so an element must not hold one: it would pass for two.
std::optional<std::string> exposed_text(const json::object& claims, const std::string& name) {
  const auto texts = claim_texts(claims, name);
  if (texts.empty()) {
    return std::nullopt;
  }
  std::string joined;
  for (const auto& text : texts) {
    const bool splits = texts.size() > 1 && text.find(',') != std::string::npos;
    if (splits || text.find('\0') != std::string::npos) {
      return std::nullopt;
    }
    joined += (&text == &texts.front() ? "" : ",") + text;
  }
  return joined;
}

class TokenPart final : public Part {
 public:
  TokenPart(const RequireToken& options, token::Check& check) : options_(options), check_(check) {}

  void on_login(Login& login, Verdict& verdict) override {
    if (auto refused = admit(login)) {
      verdict.refuse(refused->reason,
                     protocol::fail(FailureKind::token_invalid,
                                    "token missing or not valid: send a good one as the startup "
                                    "parameter or connection attribute " +
                                        options_.parameter,
                                    refused->detail));
    }
  }

 private:
  // Empty: come in.
  std::optional<Refused> admit(Login& login) {
    auto given = presented(login.attributes, options_.parameter);
    if (auto* refused = std::get_if<Refused>(&given)) {
      return std::move(*refused);
    }
    auto checked = check_.check(std::get<std::string_view>(given), login.now.wall);
    if (auto* refused = std::get_if<Refused>(&checked)) {
      return std::move(*refused);
    }
    const json::object& claims = *std::get<token::Claims>(checked);
    if (auto refused = hold_against_patterns(claims)) {
      return refused;
    }
    if (auto refused = expose(claims, login)) {
      return refused;
    }
    for (const auto& member : claims) {
      for (auto& text : token::texts_of(member.value())) {
        login.claims.emplace_back(member.key(), std::move(text));
      }
    }
    return std::nullopt;
  }

  std::optional<Refused> hold_against_patterns(const json::object& claims) const {
    for (const auto& wanted : options_.claims) {
      const std::string& name = wanted.first;
      const auto texts = claim_texts(claims, name);
      const bool fits = std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return config::matches(wanted.second, text);
      });
      if (!fits) {
        return Refused{RefusalReason::token_claim,
                       "its claim " + name + (texts.empty() ? " is missing" : " does not match")};
      }
    }
    return std::nullopt;
  }

  std::optional<Refused> expose(const json::object& claims, Login& login) const {
    for (const auto& [claim, setting] : options_.expose) {
      auto name = setting_name(setting, login.identity.protocol);
      if (!name) {
        continue;
      }
      auto text = exposed_text(claims, claim);
      if (!text) {
        // Left unset, the client could set it to what it likes.
        return Refused{RefusalReason::token_claim,
                       "its claim " + claim + ", which is to be exposed, is missing or not a text"};
      }
      fix_setting(login, std::move(*name), std::move(*text));
    }
    return std::nullopt;
  }

  const RequireToken& options_;
  token::Check& check_;
};

class TokenMiddleware final : public Middleware {
 public:
  TokenMiddleware(const RequireToken& options, std::unique_ptr<token::Check> check)
      : options_(options), check_(std::move(check)) {
    options_.tokens.reset();  // kept as digests and keys alone
    options_.hmac_sha256_secret.reset();
  }

  std::string_view name() const override { return "require_token"; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& /*place*/) override {
    return std::make_unique<TokenPart>(options_, *check_);
  }

 private:
  RequireToken options_;
  const std::unique_ptr<token::Check> check_;
};

// ---- from the options

using MadeCheck = protocol::Result<std::unique_ptr<token::Check>>;

protocol::Failure unusable(const std::string& why) {
  return protocol::fail(FailureKind::internal, "require_token: " + why);
}

MadeCheck fixed_tokens(const RequireToken& options) {
  if (!options.audience.empty() || !options.issuer.empty()) {
    return unusable("audience and issuer are of JWTs: fixed tokens have none");
  }
  auto parsed = token::parse_fixed_tokens(*options.tokens);
  if (const auto* problem = std::get_if<std::string>(&parsed)) {
    return unusable("the tokens cannot be used: " + *problem);
  }
  return std::unique_ptr<token::Check>(std::make_unique<token::FixedCheck>(
      std::get<std::vector<token::FixedCheck::Entry>>(std::move(parsed))));
}

protocol::Result<std::vector<token::Key>> secret_key(const std::string& secret) {
  if (secret.size() < kMinSecret) {
    return unusable("hmac_sha256_secret has " + std::to_string(secret.size()) +
                    " bytes: HS256 needs at least " + std::to_string(kMinSecret));
  }
  return std::vector<token::Key>{token::Key::hmac(secret)};
}

protocol::Result<std::vector<token::Key>> jwks_keys(const std::string& path) {
  const auto file = config::read_file(path, kMaxJwksFile);
  if (!file.error.empty()) {
    return unusable("jwks_file: " + file.error);
  }
  auto parsed = token::parse_jwks(file.text);
  if (const auto* problem = std::get_if<std::string>(&parsed)) {
    return unusable("jwks_file " + path + ": " + *problem);
  }
  auto& set = std::get<token::KeySet>(parsed);
  for (const auto& problem : set.unusable) {
    metrics::log::warning("jwks_key_unusable", {{"file", path}, {"error", problem}});
  }
  return std::move(set.keys);
}

MadeCheck make_check(const RequireToken& options) {
  const int kinds = (options.tokens ? 1 : 0) + (options.hmac_sha256_secret ? 1 : 0) +
                    (options.jwks_file.empty() ? 0 : 1);
  if (kinds != 1) {
    return unusable("needs exactly one of tokens, hmac_sha256_secret and jwks_file");
  }
  if (options.tokens) {
    return fixed_tokens(options);
  }
  auto keys = options.hmac_sha256_secret ? secret_key(*options.hmac_sha256_secret)
                                         : jwks_keys(options.jwks_file);
  if (!keys) {
    return std::move(keys.failure());
  }
  return std::unique_ptr<token::Check>(std::make_unique<token::JwtCheck>(
      std::move(*keys), token::Expected{options.audience, options.issuer, options.leeway}));
}

}  // namespace

Made make(const RequireToken& options) {
  if (options.parameter.empty()) {
    return unusable("parameter must name where the token travels");
  }
  for (const auto& [claim, setting] : options.expose) {
    if (const auto problem = setting_problem(setting); !problem.empty()) {
      return unusable(std::string("expose: '").append(setting).append("' ").append(problem));
    }
  }
  for (const auto& [claim, pattern] : options.claims) {
    if (!config::is_pattern(pattern)) {
      return unusable("claims: the pattern of '" + claim + "' is not a shell pattern");
    }
  }
  auto check = make_check(options);
  if (!check) {
    return std::move(check.failure());
  }
  return std::unique_ptr<Middleware>(std::make_unique<TokenMiddleware>(options, std::move(*check)));
}

}  // namespace sluice::proxy::middleware
