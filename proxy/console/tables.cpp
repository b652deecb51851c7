// What sluice alone can show: sessions with their routes and pins, middleware, fingerprints,
// events. Times are seconds, with fractions.

#include <map>
#include <utility>

#include "metrics/labels.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using protocol::Table;

std::string protocol_word(protocol::Protocol protocol) {
  return std::string(protocol::dialect(protocol).name());
}

// NULL where there is none.
protocol::Value id_or_null(std::uint64_t id) {
  return id == 0 ? protocol::Value() : protocol::Value(wide(id));
}

}  // namespace

Table show_sessions(op::Operator& house) {
  Table table = protocol::make_table(
      "id:l protocol listener user database client application_name route pool state pins "
      "wait_seconds:r in_transaction:b isolation_level backend:l tls:b worker:i connected_at "
      "age_seconds:r state_age_seconds:r");
  for (const op::SessionView& session : house.sessions()) {
    table.rows.push_back({std::int64_t{session.id},
                          protocol_word(session.protocol),
                          session.listener,
                          session.user,
                          session.database,
                          session.client,
                          session.application_name,
                          session.route,
                          session.pool,
                          std::string(metrics::label_of(session.state)),
                          pin_words(session.pins),
                          seconds(session.wait),
                          session.in_transaction,
                          session.isolation_level,
                          id_or_null(session.backend),
                          session.tls,
                          small(session.worker),
                          utc(session.connected_at),
                          seconds(session.age),
                          seconds(session.state_age)});
  }
  return table;
}

Table show_pins(op::Operator& house) {
  Table table = protocol::make_table("pool pin sessions:i longest_seconds:r");
  std::map<std::pair<std::string, protocol::Pin>, std::pair<std::size_t, op::Duration>> lines;
  for (const op::SessionView& session : house.sessions()) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(protocol::Pin::count_); ++i) {
      const auto pin = static_cast<protocol::Pin>(i);
      if (session.pins.has(pin)) {
        auto& [count, longest] = lines[{session.pool, pin}];
        ++count;
        longest = std::max(longest, session.state_age);
      }
    }
  }
  for (const auto& [line, sum] : lines) {
    table.rows.push_back({line.first, std::string(protocol::pin_label(line.second)),
                          small(sum.first), seconds(sum.second)});
  }
  return table;
}

Table show_routes(op::Operator& house) {
  Table table = protocol::make_table(
      "name tags match pool isolation_level read_only:b middleware sessions:l");
  for (const op::RouteView& route : house.routes()) {
    table.rows.push_back({route.name, joined(route.tags), route.match, route.pool,
                          route.isolation_level, route.read_only, joined(route.middleware),
                          wide(route.sessions)});
  }
  return table;
}

Table show_middleware(op::Operator& house) {
  Table table = protocol::make_table("route position:i middleware");
  for (const op::RouteView& route : house.routes()) {
    std::int64_t position = 0;
    for (const std::string& part : route.middleware) {
      table.rows.push_back({route.name, ++position, part});
    }
  }
  return table;
}

Table show_schedules(op::Operator& house) {
  Table table = protocol::make_table(
      "cron timezone action pool pool_size:i max_overflow:i min_idle:i in_force:b last_run "
      "last_result next_run");
  for (const op::ScheduleView& one : house.schedules()) {
    const auto size = [](const auto& given) {
      return given ? protocol::Value(static_cast<std::int64_t>(*given)) : protocol::Value();
    };
    const char* result = !one.last_ok ? "" : *one.last_ok ? "ok" : "failed";
    table.rows.push_back({one.cron, one.timezone, one.action, one.pool, size(one.pool_size),
                          size(one.max_overflow), size(one.min_idle), one.in_force,
                          utc(one.last_run), std::string(result), utc(one.next_run)});
  }
  return table;
}

Table show_fingerprints(op::Operator& house) {
  Table table = protocol::make_table(
      "id kind pool count:l errors:l rows:l total_seconds:r p50_seconds:r p95_seconds:r "
      "p99_seconds:r max_seconds:r last_seen text");
  for (const op::FingerprintView& one : house.fingerprints()) {
    table.rows.push_back({one.id, one.kind, one.pool, wide(one.count), wide(one.errors),
                          wide(one.rows), seconds(one.total), seconds(one.p50), seconds(one.p95),
                          seconds(one.p99), seconds(one.max), utc(one.last_seen), one.text});
  }
  return table;
}

Table show_backends(op::Operator& house) {
  Table table = protocol::make_table(
      "id:l pool protocol user database address state session:l server_id:l server_version tls:b "
      "worker:i connected_at age_seconds:r state_age_seconds:r");
  for (const op::BackendView& backend : house.backends()) {
    table.rows.push_back({wide(backend.id), backend.pool, protocol_word(backend.protocol),
                          backend.user, backend.database, backend.address,
                          std::string(state_word(backend.state)), id_or_null(backend.session),
                          wide(backend.server_id), backend.server_version, backend.tls,
                          small(backend.worker), utc(backend.connected_at), seconds(backend.age),
                          seconds(backend.state_age)});
  }
  return table;
}

Table show_events(op::Operator& house) {
  Table table = protocol::make_table("number:l at kind pool text by");
  for (const op::EventView& event : house.events(0)) {
    table.rows.push_back(
        {wide(event.number), utc(event.at), event.kind, event.pool, event.text, event.by});
  }
  return table;
}

Table show_log_level(op::Operator& house) {
  Table table = protocol::make_table("log_level");
  table.rows.push_back({house.status().log_level});
  return table;
}

Table show_help(op::Operator& /*house*/) {
  const std::pair<const char*, const char*> verbs[] = {
      {"PAUSE [pool]", "lend no connection until RESUME; waits until none is in use"},
      {"RESUME [pool]", "end a PAUSE or a KILL"},
      {"RECONNECT [pool]", "close every connection of now when it is free"},
      {"RECONNECT CLIENTS [pool]", "end each session at the end of its transaction"},
      {"WAIT_PAUSE [pool]", "wait until a PAUSE is done, and begin none"},
      {"WAIT_CLOSE [pool]", "wait until RECONNECT has closed them all"},
      {"KILL [pool]", "end the sessions and connections now, and pause"},
      {"KILL_CLIENT id", "end one session, by its id of SHOW CLIENTS"},
      {"DISABLE pool", "refuse new sessions"},
      {"ENABLE pool", "end a DISABLE"},
      {"RELOAD", "read the configuration file again"},
      {"SHUTDOWN", "end at once; also SHUTDOWN IMMEDIATE"},
      {"SHUTDOWN WAIT_FOR_SERVERS", "end each session with its transaction, then the process"},
      {"SHUTDOWN WAIT_FOR_CLIENTS", "accept nobody new, end with the last session"},
      {"SET log_level = 'debug'", "trace, debug, info, warning or error"}};
  Table table = protocol::make_table("command right what");
  for (const Topic& topic : topics()) {
    table.rows.push_back(
        {"SHOW " + std::string(topic.name), std::string("read_only"), std::string(topic.what)});
  }
  for (const auto& [command, what] : verbs) {
    table.rows.push_back({std::string(command), std::string("true"), std::string(what)});
  }
  return table;
}

}  // namespace sluice::proxy::console
