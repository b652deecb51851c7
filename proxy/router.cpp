#include "proxy/router.hpp"

#include <algorithm>

#include "config/pattern.hpp"

namespace sluice::proxy {
namespace {

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Names of parameters are the same in any case of letters, those of claims are not.
bool same_parameter(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

template <typename Same>
bool any_matches(const protocol::Parameters* of, const std::pair<std::string, std::string>& wanted,
                 Same same) {
  return of != nullptr && std::any_of(of->begin(), of->end(), [&](const auto& one) {
           return same(one.first, wanted.first) && config::matches(wanted.second, one.second);
         });
}

}  // namespace

RouteMatch::RouteMatch(const config::Match& match, const config::Pool& pool)
    : match_(&match), pool_protocol_(pool.protocol) {
  for (const std::string& block : match.address) {
    config::Cidr parsed;
    if (config::parse_cidr(block, parsed).empty()) {
      blocks_.push_back(parsed);
    }
  }
}

bool RouteMatch::holds_address(std::string_view text) const {
  if (match_->address.empty()) {
    return true;
  }
  const auto address = config::parse_ip(text);
  return address && std::any_of(blocks_.begin(), blocks_.end(), [&](const config::Cidr& block) {
           return block.contains(*address);
         });
}

RouteMatch::Mismatch RouteMatch::check(const Candidate& candidate) const {
  const config::Match& m = *match_;
  if (candidate.protocol != m.protocol.value_or(pool_protocol_) ||
      candidate.protocol != pool_protocol_) {
    return {"protocol", {}};
  }
  const struct {
    std::string_view member;
    const std::string& pattern;
    std::string_view text;
  } patterns[] = {{"listener", m.listener, candidate.listener},
                  {"user", m.user, candidate.user},
                  {"database", m.database, candidate.database},
                  {"application_name", m.application_name, candidate.application_name},
                  {"tls_subject", m.tls_subject, candidate.tls_subject}};
  if (has_nul(candidate.user) || has_nul(candidate.database)) {
    return {has_nul(candidate.user) ? "user" : "database", {}};
  }
  for (const auto& one : patterns) {
    if (!config::matches(one.pattern, one.text)) {
      return {one.member, {}};
    }
  }
  if (!holds_address(candidate.address)) {
    return {"address", {}};
  }
  for (const auto& wanted : m.attributes) {
    if (!any_matches(candidate.parameters, wanted, same_parameter) &&
        !any_matches(candidate.attributes, wanted, same_parameter)) {
      return {"attributes", wanted.first};
    }
  }
  for (const auto& wanted : m.claims) {
    if (!any_matches(candidate.claims, wanted, std::equal_to<std::string_view>())) {
      return {"claims", wanted.first};
    }
  }
  return {};
}

}  // namespace sluice::proxy
