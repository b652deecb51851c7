#include "proxy/explain/explain.hpp"

#include <algorithm>
#include <array>

#include "config/suggest.hpp"
#include "metrics/registry.hpp"
#include "protocol/dialect.hpp"
#include "protocol/sql/pins.hpp"
#include "proxy/explain/reasons.hpp"
#include "proxy/middleware/background.hpp"

namespace sluice::proxy::explain {
namespace {

using protocol::FailureKind;
using protocol::Status;

class FixedTime final : public middleware::TimeSource {
 public:
  explicit FixedTime(const middleware::Now& now) : now_(now) {}
  middleware::Now now() const override { return now_; }

 private:
  const middleware::Now now_;
};

protocol::Failure unfit(std::string text) {
  return protocol::fail(FailureKind::internal, std::move(text));
}

std::string_view protocol_name(config::Protocol protocol) {
  return protocol == config::Protocol::mysql ? "mysql" : "postgresql";
}

std::string value_of(const protocol::Parameters& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == parameters.end() ? std::string() : found->second;
}

// The listener that the question names or leaves to be found.
protocol::Result<const config::Listener*> find_listener(const config::Config& config,
                                                        const Question& question) {
  std::vector<std::string> names;
  const config::Listener* first = nullptr;
  bool both = false;
  for (const config::Listener& one : config.listeners) {
    names.push_back(one.name);
    if (!question.listener.empty() && one.name == question.listener) {
      if (question.protocol.value_or(one.protocol) != one.protocol) {
        return unfit("the listener " + config::quoted(one.name) + " speaks " +
                     std::string(protocol_name(one.protocol)));
      }
      return &one;
    }
    if (question.protocol.value_or(one.protocol) == one.protocol) {
      both = both || (first != nullptr && first->protocol != one.protocol);
      first = first == nullptr ? &one : first;
    }
  }
  if (!question.listener.empty()) {
    return unfit("there is no listener " + config::quoted(question.listener) +
                 config::did_you_mean(question.listener, names));
  }
  if (both) {
    return unfit("there are listeners of both protocols: say which with --protocol or --listener");
  }
  if (first == nullptr) {
    return unfit("no listener speaks " +
                 std::string(protocol_name(question.protocol.value_or(config::Protocol::mysql))));
  }
  return first;
}

// One question on its way to its answer.
class Asking {
 public:
  Asking(const Question& question, const middleware::Now& now, Explanation& out)
      : question_(question),
        time_(now),
        policy_(*out.policy),
        out_(out),
        mysql_(out.protocol == config::Protocol::mysql) {}

  void run(const config::Listener& listener) {
    protocol::ClientLogin login;
    login.user = question_.user;
    login.database = out_.database;
    login.parameters = question_.attributes;
    add_application_name(login);
    add_token(login);
    const protocol::Dialect& dialect =
        protocol::dialect(mysql_ ? protocol::Protocol::mysql : protocol::Protocol::postgresql);
    const auto attributes = dialect.take_attributes(login, policy_.attribute_names());
    application_name_ = value_of(login.parameters, name_parameter());
    middleware::Chain chain(identity(dialect, listener, attributes), {time_, background(), 0});
    middleware::Login left{chain.identity(), attributes, time_.now()};
    Candidate candidate = this->candidate(listener, login);
    candidate.attributes = &attributes;
    out_.refused = chain.enter(policy_.chain(), left);
    if (!out_.refused) {
      candidate.claims = &left.claims;
      take_route(candidate, chain, left);
    }
    if (!out_.refused && question_.statement) {
      ask(chain);
    }
    tell_entries();
  }

 private:
  middleware::Background& background() {
    if (!policy_.has_middleware()) {
      own_background_ = std::make_unique<middleware::Background>(1);
    }
    return own_background_ ? *own_background_ : policy_.background();
  }

  void add_application_name(protocol::ClientLogin& login) const {
    if (!question_.application_name.empty()) {
      login.parameters.emplace_back(name_parameter(), question_.application_name);
    }
  }
  // Some require_token may have taken it for its own.
  const char* name_parameter() const { return mysql_ ? "program_name" : "application_name"; }

  // As every parameter that some chain may look for it in.
  void add_token(protocol::ClientLogin& login) const {
    if (!question_.assumed.token) {
      return;
    }
    for (const std::string& name : policy_.attribute_names()) {
      if (name != "traceparent" &&
          std::none_of(login.parameters.begin(), login.parameters.end(),
                       [&](const auto& one) { return one.first == name; })) {
        login.parameters.emplace_back(name, *question_.assumed.token);
      }
    }
  }

  middleware::Identity identity(const protocol::Dialect& dialect, const config::Listener& listener,
                                const protocol::Parameters& attributes) const {
    middleware::Identity identity;
    identity.protocol = dialect.protocol();
    identity.session = 1;
    identity.listener = listener.name;
    identity.user = question_.user;
    identity.database = out_.database;
    identity.address = question_.address;
    identity.application_name = application_name_;
    identity.tls_subject = question_.tls_subject;
    identity.tls = !question_.tls_subject.empty();
    identity.traceparent = value_of(attributes, "traceparent");
    return identity;
  }

  Candidate candidate(const config::Listener& listener, const protocol::ClientLogin& login) const {
    Candidate made;
    made.protocol = out_.protocol;
    made.listener = listener.name;
    made.user = login.user;
    made.database = login.database;
    made.application_name = application_name_;
    made.address = question_.address;
    made.tls_subject = question_.tls_subject;
    made.parameters = &login.parameters;
    return made;
  }

  void take_route(const Candidate& candidate, middleware::Chain& chain, middleware::Login& left) {
    for (const auto& route : policy_.routes()) {
      const auto mismatch = route->match.check(candidate);
      if (mismatch.member.empty()) {
        out_.route = route.get();
        break;
      }
      out_.passed.push_back({&route->config, why_not(mismatch, route->config, candidate)});
    }
    if (out_.route == nullptr) {
      out_.refused =
          protocol::fail(FailureKind::no_route, "no route matches user \"" + question_.user +
                                                    "\" and database \"" + out_.database + "\"");
      return;
    }
    chain.take_route(out_.route->config);
    out_.refused = chain.enter(out_.route->chain, left);
    const config::Pool& pool = out_.route->pool;
    out_.backend_user = pool.user;
    out_.backend_database = pool.database.empty() ? out_.database : pool.database;
    out_.defaults = *out_.route->defaults;
    out_.defaults.read_only = out_.defaults.read_only || left.read_only;
    out_.defaults.read_only_fixed = left.read_only;
    auto& settings = out_.defaults.settings;
    settings.insert(settings.end(), left.settings.begin(), left.settings.end());
    out_.defaults.fixed.insert(out_.defaults.fixed.end(), left.fixed.begin(), left.fixed.end());
  }

  void ask(middleware::Chain& chain) {
    StatementStory& story = out_.statement.emplace();
    const std::size_t keep = policy_.config().limits.max_pinned_buffer;
    protocol::Request request;
    request.truncated = question_.statement->size() > keep;
    request.text = std::string_view(*question_.statement).substr(0, keep);
    request.may_move = true;
    request.read_as({mysql_, mysql_, false});
    story.digest = request.digest();
    auto verdict = chain.ask(request);
    story.text = *question_.statement;
    if (verdict.kind == protocol::Verdict::Kind::rewrite) {
      story.text = std::move(verdict.text);
    }
    story.refused = std::move(verdict.failure);
    story.delayed = verdict.kind == protocol::Verdict::Kind::delay;
    story.limits = verdict.limits;
    story.timeout = chain.running().timeout;
    if (const Duration limit = out_.route->limits.query_timeout;
        limit.count() > 0 && (story.timeout.count() == 0 || limit < story.timeout)) {
      story.timeout = limit;
    }
    story.pool = chain.take_pool();
    if (!story.refused) {
      tell_state(story, request.syntax());
    }
  }

  // What becomes of the state of the session; a conversation refuses some of it.
  void tell_state(StatementStory& story, protocol::sql::ScannerOptions syntax) const {
    const auto pins = protocol::sql::pins_of(*question_.statement, syntax);
    for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(protocol::Pin::count_); ++i) {
      const auto pin = static_cast<protocol::Pin>(i);
      if (pins.has(pin)) {
        story.pins.push_back({protocol::pin_label(pin), why_pinned(pin)});
      }
    }
    auto sets = protocol::sql::plain_sets(*question_.statement, syntax);
    if (sets && !sets->empty()) {
      story.carried = std::move(*sets);
    }
    for (const auto& [name, value] : story.carried) {
      const auto& fixed = out_.defaults.fixed;
      if (std::find(fixed.begin(), fixed.end(), name) != fixed.end()) {
        story.refused = protocol::fail(FailureKind::statement_refused,
                                       "the setting " + name + " cannot be changed here");
      }
    }
    if (pins.any() && out_.defaults.refuse_unsupported) {
      story.refused = protocol::fail(FailureKind::unsupported_feature,
                                     "the pool refuses session state that cannot be carried "
                                     "(unsupported_state: refuse)");
    }
  }

  void tell_entries() {
    const auto add = [this](const std::vector<config::Middleware>& entries, bool global) {
      for (const config::Middleware& entry : entries) {
        out_.entries.push_back({&entry, global,
                                stand_in(entry.options, question_.assumed.token.has_value()),
                                out_.trace->find(entry.options, Said::Phase::login),
                                out_.trace->find(entry.options, Said::Phase::request)});
      }
    };
    add(policy_.config().middleware, true);
    if (out_.route != nullptr) {
      add(out_.route->config.middleware, false);
    }
  }

  const Question& question_;
  const FixedTime time_;
  const Policy& policy_;
  Explanation& out_;
  const bool mysql_;
  std::string application_name_;
  std::unique_ptr<middleware::Background> own_background_;
};

}  // namespace

protocol::Result<Explanation> explain(std::shared_ptr<const config::Config> config,
                                      const Question& question, const middleware::Now& now) {
  auto listener = find_listener(*config, question);
  if (!listener) {
    return std::move(listener.failure());
  }
  Explanation out;
  out.config = config;
  out.listener = (*listener)->name;
  out.protocol = (*listener)->protocol;
  out.database = question.database;
  if (out.database.empty() && out.protocol == config::Protocol::postgresql) {
    out.database = question.user;
  }
  auto trace = std::make_shared<Trace>(question.assumed);
  out.trace = trace;
  out.registry = std::make_shared<metrics::Registry>("");
  auto policy = Policy::make(config, *out.registry, 1,
                             [trace = trace.get()](const config::MiddlewareOptions& options) {
                               return trace->make(options);
                             });
  if (!policy) {
    return std::move(policy.failure());
  }
  out.policy = std::move(*policy);
  Asking(question, now, out).run(**listener);
  return out;
}

}  // namespace sluice::proxy::explain
