#pragma once

// The views as JSON: the members' own names, durations as seconds (`age_seconds`), wall times as
// RFC 3339 in UTC, enums and pins as the words that the metrics use, null for what is not known.
// docs/openapi.json describes the same objects.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "proxy/operator/operator.hpp"
#include "proxy/operator/views.hpp"

namespace sluice::proxy::admin {

boost::json::object to_json(const op::StatusView& view);
boost::json::object to_json(const op::PoolView& view);
boost::json::object to_json(const op::SessionView& view);
boost::json::object to_json(const op::BackendView& view);
boost::json::object to_json(const op::RouteView& view);
boost::json::object to_json(const op::ScheduleView& view);
boost::json::object to_json(const op::EventView& view);
boost::json::object to_json(const op::PoolTotals& view);
boost::json::object to_json(const op::FingerprintView& view);
boost::json::object to_json(const op::Reloaded& reloaded);

template <typename View>
boost::json::array to_json(const std::vector<View>& views) {
  boost::json::array out;
  out.reserve(views.size());
  for (const View& view : views) {
    out.push_back(to_json(view));
  }
  return out;
}

boost::json::string to_json(std::string_view text);
boost::json::array to_json(const std::vector<std::string>& texts);

// "2026-11-29T10:00:00.123Z"; null for a time that never was.
boost::json::value time_json(op::WallTime time);
// Whole microseconds; a whole number of seconds is written as one.
boost::json::value seconds_json(op::Duration duration);

std::string_view word_of(config::AdminRight right);

}  // namespace sluice::proxy::admin
