#pragma once

// What a session would meet: its route, what the chains say to its login and to a statement, what
// it would pin, and why. The same Policy, Chain and middleware as sluice's own; no client, no
// backend.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "metrics/registry.hpp"
#include "protocol/sql/digest.hpp"
#include "protocol/sql/plain_sets.hpp"
#include "proxy/explain/trace.hpp"
#include "proxy/policy.hpp"

namespace sluice::proxy::explain {

struct Question {
  std::optional<config::Protocol> protocol;  // empty: that of the listener, or the only one
  std::string listener;                      // "": the first of the protocol
  std::string user;
  std::string database;  // "": PostgreSQL: the user's; MySQL: none
  std::string address;
  std::string application_name;
  std::string tls_subject;
  protocol::Parameters attributes;  // startup parameters or connection attributes
  Assumed assumed;
  std::optional<std::string> statement;
};

// An entry of a chain; what it was not asked is null.
struct EntryStory {
  const config::Middleware* entry = nullptr;
  bool global = false;
  std::string_view stand_in;  // "": it did its own work
  const Said* login = nullptr;
  const Said* request = nullptr;
};

// A route that comes before the one that is taken, and why it is not.
struct RouteStory {
  const config::Route* route = nullptr;
  std::string why_not;
};

struct PinStory {
  std::string_view label;
  std::string_view why;
};

struct StatementStory {
  protocol::sql::Digest digest;
  std::optional<protocol::Failure> refused;  // worded as the client would see it
  bool delayed = false;
  std::string text;  // what goes to the backend
  Duration timeout{0};
  protocol::AnswerLimits limits;
  std::string pool;  // "" = the route's
  std::vector<PinStory> pins;
  protocol::sql::NamedValues carried;  // settings that go with the session
};

struct Explanation {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<metrics::Registry> registry;
  std::shared_ptr<const Policy> policy;  // ends before what it was made with

  config::Protocol protocol = config::Protocol::postgresql;
  std::string listener;
  std::string database;
  std::vector<EntryStory> entries;
  std::vector<RouteStory> passed;
  const Policy::Route* route = nullptr;      // null: none, or refused before it
  std::optional<protocol::Failure> refused;  // the login
  std::string backend_user;                  // "": the client's own
  std::string backend_database;
  protocol::SessionDefaults defaults;  // with what middleware has left
  std::optional<StatementStory> statement;
};

// Fails when the question does not fit the configuration, or when a middleware cannot be made.
protocol::Result<Explanation> explain(std::shared_ptr<const config::Config> config,
                                      const Question& question, const middleware::Now& now);

}  // namespace sluice::proxy::explain
