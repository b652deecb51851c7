#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/explain_print.hpp"
#include "cli/explain_words.hpp"
#include "config/middleware_table.hpp"
#include "config/url.hpp"
#include "metrics/labels.hpp"

namespace sluice::cli {
namespace {

namespace json = boost::json;
using proxy::explain::EntryStory;
using proxy::explain::Explanation;
using proxy::explain::Question;
using proxy::explain::Said;
using proxy::explain::StatementStory;

json::string text(std::string_view view) {
  return json::string(view.data(), view.size());
}

json::value failure_json(const std::optional<protocol::Failure>& failure) {
  if (!failure) {
    return nullptr;
  }
  return json::object{{"message", text(failure->text)},
                      {"label", text(failure->label())},
                      {"sqlstate", text(failure->sqlstate())},
                      {"errno", failure->mysql_errno()}};
}

json::value said_json(const Said* said) {
  if (said == nullptr) {
    return nullptr;
  }
  const auto& verdict = said->verdict;
  json::object out{{"verdict", text(verdict_word(*said))}};
  if (verdict.failure) {
    out["refusal"] = failure_json(verdict.failure);
    out["reason"] = text(metrics::label_of(verdict.reason));
    out["detail"] = text(verdict.failure->detail);
  }
  const auto put = [&out](std::string_view name, std::uint64_t value) {
    if (value > 0) {
      out[json::string_view(name.data(), name.size())] = value;
    }
  };
  put("delay_ms", static_cast<std::uint64_t>(in_milliseconds(verdict.delay).count()));
  put("timeout_ms", static_cast<std::uint64_t>(in_milliseconds(verdict.timeout).count()));
  put("rows", verdict.limits.rows);
  put("bytes", verdict.limits.bytes);
  if (!verdict.pool.empty()) {
    out["pool"] = text(verdict.pool);
  }
  return out;
}

json::array chain_json(const Explanation& told) {
  json::array out;
  for (const EntryStory& story : told.entries) {
    json::object entry{{"name", text(config::name_of(story.entry->options))},
                       {"line", story.entry->mark.line},
                       {"chain", story.global ? "global" : "route"},
                       {"login", said_json(story.login)},
                       {"request", said_json(story.request)}};
    if (!story.stand_in.empty()) {
      entry["note"] = text(story.stand_in);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

json::array routes_json(const Explanation& told) {
  json::array out;
  for (const auto& story : told.passed) {
    out.push_back(json::object{
        {"name", text(story.route->name)}, {"taken", false}, {"why", text(story.why_not)}});
  }
  if (told.route != nullptr) {
    out.push_back(json::object{{"name", text(told.route->config.name)}, {"taken", true}});
  }
  return out;
}

json::object starts_json(const Explanation& told) {
  const auto& d = told.defaults;
  json::object out{{"isolation_level", nullptr},
                   {"read_only", d.read_only},
                   {"read_only_fixed", d.read_only_fixed},
                   {"autocommit", nullptr}};
  if (!d.isolation_level.empty()) {
    out["isolation_level"] = text(d.isolation_level);
  }
  if (d.autocommit) {
    out["autocommit"] = *d.autocommit;
  }
  json::object settings;
  for (const auto& [name, value] : d.settings) {
    settings[name] = text(value);
  }
  json::array fixed;
  for (const std::string& name : d.fixed) {
    fixed.push_back(text(name));
  }
  json::object limits;
  for (const auto& [name, limit] : limit_rows(told.route->limits)) {
    limits[json::string_view(name.data(), name.size())] = limit.count();
  }
  out["settings"] = std::move(settings);
  out["fixed"] = std::move(fixed);
  out["limits_ms"] = std::move(limits);
  return out;
}

json::object pool_json(const Explanation& told, const Question& question) {
  const config::Pool& pool = told.route->pool;
  return {{"name", text(pool.name)},
          {"url", text(config::print_pool_url(pool))},
          {"pool_mode", text(mode_word(pool.pool_mode))},
          {"pool_size", pool.pool_size},
          {"max_overflow", pool.max_overflow},
          {"backend_user", text(told.backend_user.empty() ? question.user : told.backend_user)},
          {"backend_database", text(told.backend_database)}};
}

json::object statement_json(const Explanation& told, const Question& question,
                            const StatementStory& story) {
  json::array pins;
  for (const auto& pin : story.pins) {
    pins.push_back(json::object{{"pin", text(pin.label)}, {"why", text(pin.why)}});
  }
  json::object carried;
  for (const auto& [name, value] : story.carried) {
    carried[name] = text(value);
  }
  return {{"kind", text(protocol::sql::kind_name(story.digest.kind))},
          {"digest", text(story.digest.text)},
          {"fingerprint", text(fingerprint_text(story.digest.fingerprint))},
          {"statements", story.digest.statements},
          {"writes", story.digest.writes},
          {"refused", failure_json(story.refused)},
          {"delayed", story.delayed},
          {"rewritten", story.text != question.statement},
          {"sent", text(story.text)},
          {"pool", text(story.pool.empty() ? told.route->pool.name : story.pool)},
          {"timeout_ms", in_milliseconds(story.timeout).count()},
          {"rows", story.limits.rows},
          {"bytes", story.limits.bytes},
          {"carried", std::move(carried)},
          {"pins", std::move(pins)}};
}

}  // namespace

std::string explanation_json(const Explanation& told, const Question& question) {
  json::object out{{"session",
                    {{"user", text(question.user)},
                     {"database", text(told.database)},
                     {"protocol", text(protocol_word(told.protocol))},
                     {"listener", text(told.listener)}}},
                   {"chain", chain_json(told)},
                   {"routes", routes_json(told)},
                   {"route", nullptr},
                   {"refused", failure_json(told.refused)}};
  if (told.route != nullptr) {
    out["route"] = text(told.route->config.name);
    out["pool"] = pool_json(told, question);
    out["starts"] = starts_json(told);
  }
  if (told.statement) {
    out["statement"] = statement_json(told, question, *told.statement);
  }
  return json::serialize(out) + "\n";
}

}  // namespace sluice::cli
