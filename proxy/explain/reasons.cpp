#include "proxy/explain/reasons.hpp"

#include <algorithm>
#include <string_view>

#include "config/suggest.hpp"

namespace sluice::proxy::explain {
namespace {

std::string beside(std::string_view member, std::string_view has, std::string_view wants) {
  return std::string(member) + " " + (has.empty() ? "is not there" : config::quoted(has)) +
         (has.empty() ? ", and must match " : " does not match ") + config::quoted(wants);
}

std::string_view pattern_of(std::string_view member, const config::Match& match) {
  if (member == "listener") {
    return match.listener;
  }
  if (member == "user") {
    return match.user;
  }
  if (member == "database") {
    return match.database;
  }
  return member == "application_name" ? std::string_view(match.application_name)
                                      : std::string_view(match.tls_subject);
}

std::string_view text_of(std::string_view member, const Candidate& candidate) {
  if (member == "listener") {
    return candidate.listener;
  }
  if (member == "user") {
    return candidate.user;
  }
  if (member == "database") {
    return candidate.database;
  }
  return member == "application_name" ? candidate.application_name : candidate.tls_subject;
}

std::string named(std::string_view what, const config::TextPairs& wanted, std::string_view name,
                  std::initializer_list<const protocol::Parameters*> shown) {
  std::string has;
  for (const protocol::Parameters* list : shown) {
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      if ((*list)[i].first == name) {
        has += (has.empty() ? "" : ", ") + (*list)[i].second;
      }
    }
  }
  const auto pair = std::find_if(wanted.begin(), wanted.end(),
                                 [&](const auto& one) { return one.first == name; });
  return beside(std::string(what) + " " + std::string(name), has,
                pair == wanted.end() ? std::string_view() : std::string_view(pair->second));
}

}  // namespace

std::string why_not(const RouteMatch::Mismatch& mismatch, const config::Route& route,
                    const Candidate& candidate) {
  const config::Match& match = route.match;
  if (mismatch.member == "protocol") {
    return std::string("it is for clients of ") +
           (candidate.protocol == config::Protocol::mysql ? "postgresql" : "mysql");
  }
  if (mismatch.member == "address") {
    std::string all;
    for (const std::string& block : match.address) {
      all += (all.empty() ? "" : ", ") + block;
    }
    return candidate.address.empty()
               ? "the client has no address, which must be within " + all
               : "address " + config::quoted(candidate.address) + " is not within " + all;
  }
  if (mismatch.member == "attributes") {
    // What is for sluice alone may be a secret: only whether it is there is told.
    return named("attribute", match.attributes, mismatch.name, {candidate.parameters});
  }
  if (mismatch.member == "claims") {
    return named("claim", match.claims, mismatch.name, {candidate.claims});
  }
  return beside(mismatch.member, text_of(mismatch.member, candidate),
                pattern_of(mismatch.member, match));
}

std::string_view why_pinned(protocol::Pin pin) {
  using enum protocol::Pin;
  switch (pin) {
    case settings:
      return "it sets what cannot be carried to another backend";
    case role:
      return "it changes the role of the session";
    case listen:
      return "notifications come to the backend that has asked for them";
    case temporary:
      return "temporary tables and views are on one backend";
    case prepared:
      return "PREPARE in SQL makes a statement of one backend";
    case cursor:
      return "it may leave a cursor open behind the transaction";
    case lock:
      return "it takes a lock that belongs to the session";
    case user_variable:
      return "user variables are on one backend";
    case found_rows:
      return "FOUND_ROWS() asks the backend that has run it";
    case backend_identity:
      return "it tells the client which backend it has";
    default:
      return "it leaves state behind that only this backend has";
  }
}

}  // namespace sluice::proxy::explain
