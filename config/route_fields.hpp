#pragma once

// The options of routes, as fields.hpp has the others'.

#include "config/config.hpp"
#include "config/kinds.hpp"
#include "config/middleware_kinds.hpp"

namespace sluice::config {

inline Choice<Protocol> protocols() {
  return {{{"postgresql", Protocol::postgresql}, {"mysql", Protocol::mysql}}, {}};
}

template <typename V>
void fields(V& v, Match& m) {
  v.option("protocol", m.protocol, protocols(), "without it: that of the route's pool");
  v.option("listener", m.listener, Pattern{}, "name of the listener; without it: any");
  v.option("user", m.user, Pattern{}, "shell pattern (`*`, `?`, `[a-z]`); without it: any");
  v.option("database", m.database, Pattern{}, "shell pattern; without it: any");
  v.option("application_name", m.application_name, Pattern{},
           "PostgreSQL's startup parameter; MySQL's connection attribute `program_name`");
  v.pairs("attributes", m.attributes, ParameterName{}, Pattern{},
          "startup parameters or connection attributes, all of which must match");
  v.texts("address", m.address, Network{}, "of the client: one of these must hold it");
  v.option("tls_subject", m.tls_subject, Pattern{},
           "of the client's certificate, as `CN=app,O=Example`; for listeners that verify it");
  v.pairs("claims", m.claims, Text{"claim"}, Pattern{},
          "of the token that a `require_token` of the global chain has verified");
}

template <typename V>
void fields(V& v, RouteTimeouts& t) {
  const std::string_view help = "in place of the one of `limits`; 0s = none";
  v.option("client_idle_timeout", t.client_idle_timeout, Span{}, help);
  v.option("idle_transaction_timeout", t.idle_transaction_timeout, Span{}, help);
  v.option("transaction_timeout", t.transaction_timeout, Span{}, help);
  v.option("query_timeout", t.query_timeout, Span{}, help);
  v.option("client_max_lifetime", t.client_max_lifetime, Span{}, help);
}

template <typename V>
void fields(V& v, OnRefuse& o) {
  v.option("message", o.message, Text{}, "what the client is told");
  v.option("sqlstate", o.sqlstate, SqlState{}, "its SQLSTATE");
  v.option("errno", o.mysql_errno, ErrorNumber{}, "its number, for clients of MySQL");
}

template <typename V>
void fields(V& v, Route& r) {
  v.required("name", r.name, Name{}, "how metrics and logs call it");
  v.texts("tags", r.tags, Name{}, "words for people");
  v.group("match", r.match, "which sessions take this route; all that is given must match");
  v.required("pool", r.pool, Name{}, "the pool that serves them");
  v.option("isolation_level", r.isolation_level, Isolation{}, "without it: the pool's");
  v.option("read_only", r.read_only, Boolean{},
           "whether transactions start read only; without it: the pool's");
  v.option("autocommit", r.autocommit, Boolean{},
           "what MySQL sessions start with; without it: the pool's");
  v.group("timeouts", r.timeouts, "limits of this route's sessions");
  v.option("init_sql", r.init_sql, Sql{},
           "`SET name = value` statements that its sessions start with, beyond the pool's "
           "init_sql");
  v.middleware("middleware", r.middleware,
               "the chain of this route, which comes after the global one");
  v.group("on_refuse", r.on_refuse,
          "what clients are told in place of what middleware would say when it refuses");
}

}  // namespace sluice::config
