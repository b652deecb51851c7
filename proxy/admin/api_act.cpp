#include "proxy/admin/api_act.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <boost/json/serialize.hpp>

#include "metrics/log.hpp"
#include "proxy/admin/arguments.hpp"
#include "proxy/admin/json.hpp"

namespace sluice::proxy::admin::api {
namespace {

namespace json = boost::json;
using protocol::Status;

Answer done(json::object data, unsigned status = 200) {
  return json_answer(status, json::serialize(json::object{{"data", std::move(data)}}));
}

Answer outcome(const Status& status, unsigned code = 200) {
  return status ? done({{"done", true}}, code)
                : error_answer(409, "refused", status.failure().text);
}

// Of what takes time: whether it is over already.
Answer outcome(const Status& status, const protocol::Result<bool>& over) {
  return status && over ? done({{"done", over.value()}}) : outcome(status);
}

std::optional<Answer> unknown_pool(const Call& call, const std::string& pool) {
  if (pool.empty() || call.house.config()->find_pool(pool) != nullptr) {
    return std::nullopt;
  }
  return error_answer(404, "unknown_pool", "there is no pool \"" + pool.substr(0, 64) + "\"");
}

using PoolAction = Status (op::Operator::*)(const std::string&, const op::Actor&);

Answer act_on_pool(const Call& call, PoolAction action) {
  Arguments arguments = Arguments::of_body(call.request);
  const std::string pool = arguments.text("pool").value_or("");
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  if (auto unknown = unknown_pool(call, pool)) {
    return *unknown;
  }
  return outcome((call.house.*action)(pool, call.actor));
}

}  // namespace

Answer reload(const Call& call) {
  if (auto problem = Arguments::of_body(call.request).problem()) {
    return *problem;
  }
  const auto reloaded = call.house.reload(call.actor);
  return reloaded ? done(to_json(reloaded.value()))
                  : error_answer(422, "reload_failed", reloaded.failure().text);
}

Answer pause(const Call& call) {
  Arguments arguments = Arguments::of_body(call.request);
  const std::string pool = arguments.text("pool").value_or("");
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  if (auto unknown = unknown_pool(call, pool)) {
    return *unknown;
  }
  const Status status = call.house.pause(pool, call.actor);
  return outcome(status, call.house.pause_done(pool));
}

Answer resume(const Call& call) {
  return act_on_pool(call, &op::Operator::resume);
}

Answer reconnect(const Call& call) {
  Arguments arguments = Arguments::of_body(call.request);
  const std::string pool = arguments.text("pool").value_or("");
  const bool clients = arguments.flag("clients").value_or(false);
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  if (auto unknown = unknown_pool(call, pool)) {
    return *unknown;
  }
  if (clients) {
    return outcome(call.house.reconnect_clients(pool, call.actor));
  }
  const Status status = call.house.reconnect(pool, call.actor);
  return outcome(status, call.house.reconnect_done(pool));
}

Answer kill(const Call& call) {
  Arguments arguments = Arguments::of_body(call.request);
  const auto pool = arguments.text("pool");
  const auto session = arguments.number("session", std::numeric_limits<std::uint32_t>::max());
  if (pool.has_value() == session.has_value()) {
    arguments.refuse(400, "give either \"pool\" or \"session\"");
  }
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  if (session) {
    const auto id = static_cast<std::uint32_t>(*session);
    const Status status = call.house.kill_session(id, call.actor);
    return status ? outcome(status) : error_answer(404, "unknown_session", status.failure().text);
  }
  if (auto unknown = unknown_pool(call, *pool)) {
    return *unknown;
  }
  return outcome(call.house.kill(*pool, call.actor));
}

Answer disable(const Call& call) {
  return act_on_pool(call, &op::Operator::disable);
}

Answer enable(const Call& call) {
  return act_on_pool(call, &op::Operator::enable);
}

Answer drain(const Call& call) {
  constexpr std::array<std::pair<std::string_view, op::ShutdownMode>, 3> kModes{
      {{"drain", op::ShutdownMode::drain},
       {"wait_for_clients", op::ShutdownMode::wait_for_clients},
       {"immediate", op::ShutdownMode::immediate}}};
  Arguments arguments = Arguments::of_body(call.request);
  const std::string word = arguments.text("mode").value_or("drain");
  const auto mode = std::find_if(kModes.begin(), kModes.end(),
                                 [&](const auto& row) { return row.first == word; });
  if (mode == kModes.end()) {
    arguments.refuse(400, "\"mode\" must be drain, wait_for_clients or immediate");
  }
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  return outcome(call.house.shutdown(mode->second, call.actor), 202);
}

Answer log_level(const Call& call) {
  Arguments arguments = Arguments::of_body(call.request);
  const std::string level = arguments.text("level").value_or("");
  if (!metrics::log::parse_level(level)) {
    arguments.refuse(400, "\"level\" must be trace, debug, info, warning or error");
  }
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  return outcome(call.house.set_log_level(level, call.actor));
}

}  // namespace sluice::proxy::admin::api
