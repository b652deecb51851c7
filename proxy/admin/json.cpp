#include "proxy/admin/json.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>

#include "metrics/labels.hpp"

namespace sluice::proxy::admin {
namespace {

namespace json = boost::json;

std::string_view word_of(protocol::Protocol protocol) {
  return protocol == protocol::Protocol::mysql ? "mysql" : "postgresql";
}

std::string_view word_of(config::PoolMode mode) {
  switch (mode) {
    case config::PoolMode::session:
      return "session";
    case config::PoolMode::transaction:
      return "transaction";
    case config::PoolMode::statement:
      break;
  }
  return "statement";
}

std::string_view word_of(op::BackendState state) {
  switch (state) {
    case op::BackendState::idle:
      return "idle";
    case op::BackendState::used:
      return "used";
    case op::BackendState::errand:
      break;
  }
  return "errand";
}

json::array words_of(protocol::PinSet pins) {
  json::array out;
  for (unsigned at = 0; at < static_cast<unsigned>(protocol::Pin::count_); ++at) {
    const auto pin = static_cast<protocol::Pin>(at);
    if (pins.has(pin)) {
      out.push_back(to_json(metrics::label_of(pin)));
    }
  }
  return out;
}

template <typename T>
json::value perhaps(std::optional<T> value) {
  return value ? json::value(*value) : json::value(nullptr);
}

}  // namespace

std::string_view word_of(config::AdminRight right) {
  switch (right) {
    case config::AdminRight::none:
      return "none";
    case config::AdminRight::read_only:
      return "read_only";
    case config::AdminRight::act:
      break;
  }
  return "act";
}

json::string to_json(std::string_view text) {
  return json::string(text.data(), text.size());
}

json::array to_json(const std::vector<std::string>& texts) {
  json::array out;
  out.reserve(texts.size());
  for (const std::string& text : texts) {
    out.push_back(to_json(std::string_view(text)));
  }
  return out;
}

json::value time_json(op::WallTime time) {
  if (time == op::WallTime{}) {
    return nullptr;
  }
  using std::chrono::milliseconds;
  const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t seconds = whole.count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> day{};
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s.%03dZ", day.data(),
                static_cast<int>((since - whole).count()));
  return json::string(text.data());
}

json::value seconds_json(op::Duration duration) {
  using std::chrono::microseconds;
  const auto span = std::chrono::duration_cast<microseconds>(duration).count();
  if (span % 1'000'000 == 0) {
    return span / 1'000'000;
  }
  return static_cast<double>(span) / 1e6;
}

json::object to_json(const op::StatusView& v) {
  return {{"version", v.version},
          {"config_file", v.config_file},
          {"started_at", time_json(v.started_at)},
          {"uptime_seconds", seconds_json(v.uptime)},
          {"io", v.io},
          {"workers", v.workers},
          {"clients", v.clients},
          {"max_client_connections", v.max_client_connections},
          {"ready", v.ready},
          {"draining", v.draining},
          {"log_level", v.log_level},
          {"reload_ok", v.reload_ok},
          {"reloaded_at", time_json(v.reloaded_at)},
          {"reloads", v.reloads},
          {"reload_error", v.reload_error},
          {"needs_restart", to_json(v.needs_restart)}};
}

json::object to_json(const op::PoolView& v) {
  return {{"name", v.name},
          {"protocol", to_json(word_of(v.protocol))},
          {"made", v.made},
          {"user", v.user},
          {"database", v.database},
          {"addresses", to_json(v.addresses)},
          {"mode", to_json(word_of(v.mode))},
          {"pool_size", v.pool_size},
          {"max_overflow", v.max_overflow},
          {"min_idle", v.min_idle},
          {"max_db_connections", v.max_db_connections},
          {"max_user_connections", v.max_user_connections},
          {"idle", v.idle},
          {"used", v.used},
          {"connecting", v.connecting},
          {"closing", v.closing},
          {"waiting", v.waiting},
          {"oldest_wait_seconds", seconds_json(v.oldest_wait)},
          {"clients_idle", v.clients_idle},
          {"clients_active", v.clients_active},
          {"clients_waiting", v.clients_waiting},
          {"clients_pinned", v.clients_pinned},
          {"paused", v.paused},
          {"disabled", v.disabled},
          {"up", perhaps(v.up)},
          {"failures", v.failures},
          {"last_error", v.last_error},
          {"retry_in_seconds", seconds_json(v.retry_in)}};
}

json::object to_json(const op::SessionView& v) {
  return {{"id", v.id},
          {"protocol", to_json(word_of(v.protocol))},
          {"listener", v.listener},
          {"user", v.user},
          {"database", v.database},
          {"client", v.client},
          {"application_name", v.application_name},
          {"route", v.route},
          {"pool", v.pool},
          {"worker", v.worker},
          {"state", to_json(metrics::label_of(v.state))},
          {"pins", words_of(v.pins)},
          {"in_transaction", v.in_transaction},
          {"tls", v.tls},
          {"isolation_level", v.isolation_level},
          {"connected_at", time_json(v.connected_at)},
          {"age_seconds", seconds_json(v.age)},
          {"state_age_seconds", seconds_json(v.state_age)},
          {"wait_seconds", seconds_json(v.wait)},
          {"backend", v.backend}};
}

json::object to_json(const op::BackendView& v) {
  return {{"id", v.id},
          {"pool", v.pool},
          {"protocol", to_json(word_of(v.protocol))},
          {"user", v.user},
          {"database", v.database},
          {"address", v.address},
          {"worker", v.worker},
          {"state", to_json(word_of(v.state))},
          {"session", v.session},
          {"server_id", v.server_id},
          {"server_version", v.server_version},
          {"tls", v.tls},
          {"connected_at", time_json(v.connected_at)},
          {"age_seconds", seconds_json(v.age)},
          {"state_age_seconds", seconds_json(v.state_age)}};
}

json::object to_json(const op::RouteView& v) {
  return {{"name", v.name},
          {"tags", to_json(v.tags)},
          {"pool", v.pool},
          {"match", v.match},
          {"isolation_level", v.isolation_level},
          {"read_only", v.read_only},
          {"middleware", to_json(v.middleware)},
          {"sessions", v.sessions}};
}

json::object to_json(const op::ScheduleView& v) {
  return {{"cron", v.cron},
          {"timezone", v.timezone},
          {"action", v.action},
          {"pool", v.pool},
          {"pool_size", perhaps(v.pool_size)},
          {"max_overflow", perhaps(v.max_overflow)},
          {"min_idle", perhaps(v.min_idle)},
          {"in_force", v.in_force},
          {"last_run", time_json(v.last_run)},
          {"last_ok", perhaps(v.last_ok)},
          {"next_run", time_json(v.next_run)}};
}

json::object to_json(const op::EventView& v) {
  return {{"number", v.number}, {"at", time_json(v.at)}, {"kind", v.kind},
          {"pool", v.pool},     {"text", v.text},        {"by", v.by}};
}

json::object to_json(const op::PoolTotals& v) {
  return {{"pool", v.pool},
          {"transactions", v.transactions},
          {"queries", v.queries},
          {"query_errors", v.query_errors},
          {"bytes_from_clients", v.bytes_from_clients},
          {"bytes_to_clients", v.bytes_to_clients},
          {"acquires", v.acquires},
          {"connections_opened", v.connections_opened},
          {"transaction_time_seconds", seconds_json(v.transaction_time)},
          {"query_time_seconds", seconds_json(v.query_time)},
          {"wait_time_seconds", seconds_json(v.wait_time)}};
}

json::object to_json(const op::FingerprintView& v) {
  return {{"id", v.id},
          {"text", v.text},
          {"kind", v.kind},
          {"pool", v.pool},
          {"count", v.count},
          {"errors", v.errors},
          {"rows", v.rows},
          {"total_seconds", seconds_json(v.total)},
          {"p50_seconds", seconds_json(v.p50)},
          {"p95_seconds", seconds_json(v.p95)},
          {"p99_seconds", seconds_json(v.p99)},
          {"max_seconds", seconds_json(v.max)},
          {"last_seen", time_json(v.last_seen)}};
}

json::object to_json(const op::Reloaded& v) {
  return {{"changed", to_json(v.changed)},
          {"needs_restart", to_json(v.needs_restart)},
          {"warnings", to_json(v.warnings)}};
}

}  // namespace sluice::proxy::admin
