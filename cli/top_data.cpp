#include "cli/top_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string_view>

#include "cli/ctl.hpp"

namespace sluice::cli {
namespace {

namespace json = boost::json;

const json::value* member(const json::value& of, std::string_view name) {
  const json::object* object = of.if_object();
  return object == nullptr ? nullptr
                           : object->if_contains(json::string_view(name.data(), name.size()));
}

std::string text(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  return found == nullptr ? "" : cell_text(*found);
}

double number(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  boost::system::error_code none;
  const double value = found == nullptr ? 0 : found->to_number<double>(none);
  return none ? 0 : value;
}

bool is_true(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

// A tenth of a second at most; nothing for nothing.
std::string seconds(const json::value& of, std::string_view name) {
  const double value = number(of, name);
  if (value < 0.05) {
    return value > 0 ? "0.0" : "";
  }
  const auto tenths = std::llround(value * 10);
  return std::to_string(tenths / 10) + (value < 1000 ? "." + std::to_string(tenths % 10) : "");
}

std::string words(const json::value& of, std::string_view name) {
  std::string out;
  const json::value* found = member(of, name);
  if (found != nullptr && found->is_array()) {
    for (const json::value& word : found->get_array()) {
      out += (out.empty() ? "" : ",") + cell_text(word);
    }
  }
  return out;
}

struct Column {
  const char* name;
  std::function<std::string(const json::value&)> cell;
};

Column plain(const char* name, const char* key) {
  return {name, [key](const json::value& of) { return text(of, key); }};
}
Column time(const char* name, const char* key) {
  return {name, [key](const json::value& of) { return seconds(of, key); }};
}

std::string bound(const json::value& pool) {
  const auto overflow = static_cast<long long>(number(pool, "max_overflow"));
  const std::string more = overflow < 0    ? "+any"
                           : overflow == 0 ? ""
                                           : "+" + std::to_string(overflow);
  return text(pool, "pool_size") + more;
}

std::string pool_state(const json::value& pool) {
  if (is_true(pool, "paused")) {
    return "paused";
  }
  if (is_true(pool, "disabled")) {
    return "disabled";
  }
  const json::value* up = member(pool, "up");
  if (up == nullptr || !up->is_bool()) {
    return "unused";
  }
  return up->get_bool() ? "up" : "down";
}

const std::array<Column, 15>& pool_columns() {
  static const std::array<Column, 15> all{{plain("POOL", "name"),
                                           plain("USER", "user"),
                                           plain("DATABASE", "database"),
                                           {"STATE", pool_state},
                                           plain("USED", "used"),
                                           plain("IDLE", "idle"),
                                           {"SIZE", bound},
                                           plain("WAITING", "waiting"),
                                           time("OLDEST", "oldest_wait_seconds"),
                                           plain("OPENING", "connecting"),
                                           plain("CL_ACTIVE", "clients_active"),
                                           plain("CL_IDLE", "clients_idle"),
                                           plain("PINNED", "clients_pinned"),
                                           plain("MODE", "mode"),
                                           plain("LAST_ERROR", "last_error")}};
  return all;
}

const std::array<Column, 14>& session_columns() {
  static const std::array<Column, 14> all{
      {plain("ID", "id"),
       plain("USER", "user"),
       plain("DATABASE", "database"),
       plain("ROUTE", "route"),
       plain("POOL", "pool"),
       plain("STATE", "state"),
       time("FOR", "state_age_seconds"),
       time("WAIT", "wait_seconds"),
       {"PINS", [](const json::value& of) { return words(of, "pins"); }},
       {"TX", [](const json::value& of) { return is_true(of, "in_transaction") ? "tx" : ""; }},
       plain("CLIENT", "client"),
       plain("APPLICATION", "application_name"),
       time("AGE", "age_seconds"),
       plain("ISOLATION", "isolation_level")}};
  return all;
}

template <std::size_t N>
Table table(const std::array<Column, N>& columns, const json::value& answer) {
  Table out;
  for (const Column& column : columns) {
    out.columns.emplace_back(column.name);
  }
  const json::value* data = member(answer, "data");
  if (data != nullptr && data->is_array()) {
    for (const json::value& one : data->get_array()) {
      auto& row = out.rows.emplace_back();
      for (const Column& column : columns) {
        row.push_back(column.cell(one));
      }
    }
  }
  return out;
}

std::string headline(const json::value& answer) {
  const json::value* status = member(answer, "data");
  if (status == nullptr) {
    return "sluice";
  }
  std::string out = "sluice " + text(*status, "version") + "  up " +
                    uptime_text(number(*status, "uptime_seconds")) + "  " + text(*status, "io") +
                    ", " + text(*status, "workers") + " workers  clients " +
                    text(*status, "clients") + " of " + text(*status, "max_client_connections");
  out += is_true(*status, "draining") ? "  DRAINING"
         : is_true(*status, "ready")  ? "  ready"
                                      : "  NOT READY";
  if (const json::value* ok = member(*status, "reload_ok");
      ok != nullptr && ok->is_bool() && !ok->get_bool()) {
    out += "  LAST RELOAD FAILED";
  }
  return out;
}

}  // namespace

std::string uptime_text(double value) {
  const auto whole = static_cast<long long>(value < 0 ? 0 : value);
  const auto pair = [](long long large, const char* unit, long long small, const char* rest) {
    return std::to_string(large) + unit + " " + std::to_string(small) + rest;
  };
  if (whole < 60) {
    return std::to_string(whole) + "s";
  }
  if (whole < 3600) {
    return pair(whole / 60, "m", whole % 60, "s");
  }
  return whole < 86400 ? pair(whole / 3600, "h", whole % 3600 / 60, "m")
                       : pair(whole / 86400, "d", whole % 86400 / 3600, "h");
}

TopTotals totals_of(const json::value& totals) {
  TopTotals out;
  const json::value* data = member(totals, "data");
  if (data != nullptr && data->is_array()) {
    for (const json::value& pool : data->get_array()) {
      out.queries += number(pool, "queries");
      out.transactions += number(pool, "transactions");
    }
  }
  return out;
}

std::string rate_text(const TopTotals& before, const TopTotals& now, double seconds) {
  const auto rate = [seconds](double from, double to) {
    return std::to_string(std::llround(std::max(to - from, 0.0) / seconds));
  };
  return seconds <= 0 ? ""
                      : "  " + rate(before.queries, now.queries) + " queries/s, " +
                            rate(before.transactions, now.transactions) + " transactions/s";
}

TopData make_top_data(const json::value& status, const json::value& pools,
                      const json::value& sessions) {
  return {headline(status), table(pool_columns(), pools), table(session_columns(), sessions)};
}

}  // namespace sluice::cli
