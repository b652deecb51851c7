#include "proxy/admin/api_read.hpp"

#include <cstdint>
#include <limits>
#include <utility>

#include <boost/json/serialize.hpp>

#include "proxy/admin/arguments.hpp"
#include "proxy/admin/embedded.hpp"
#include "proxy/admin/json.hpp"

namespace sluice::proxy::admin::api {
namespace {

namespace json = boost::json;

Answer data(json::value value) {
  return json_answer(200, json::serialize(json::object{{"data", std::move(value)}}));
}

// For those that take no argument.
template <typename View>
Answer show(const Call& call, View (op::Operator::*view)()) {
  if (auto problem = Arguments::of_query(call.request).problem()) {
    return *problem;
  }
  return data(to_json((call.house.*view)()));
}

}  // namespace

Answer status(const Call& call) {
  return show(call, &op::Operator::status);
}
Answer pools(const Call& call) {
  return show(call, &op::Operator::pools);
}
Answer sessions(const Call& call) {
  return show(call, &op::Operator::sessions);
}
Answer backends(const Call& call) {
  return show(call, &op::Operator::backends);
}
Answer routes(const Call& call) {
  return show(call, &op::Operator::routes);
}
Answer schedules(const Call& call) {
  return show(call, &op::Operator::schedules);
}
Answer totals(const Call& call) {
  return show(call, &op::Operator::totals);
}
Answer fingerprints(const Call& call) {
  return show(call, &op::Operator::fingerprints);
}

Answer events(const Call& call) {
  Arguments arguments = Arguments::of_query(call.request);
  const auto after = arguments.number("after", std::numeric_limits<std::int64_t>::max());
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  return data(to_json(call.house.events(after.value_or(0))));
}

Answer config(const Call& call) {
  if (auto problem = Arguments::of_query(call.request).problem()) {
    return *problem;
  }
  return data(json::object{{"yaml", to_json(std::string_view(call.house.effective_config()))}});
}

Answer me(const Call& call) {
  return data(json::object{{"user", to_json(std::string_view(call.actor.user))},
                           {"where", to_json(std::string_view(call.actor.where))},
                           {"right", to_json(word_of(call.right))}});
}

Answer openapi(const Call&) {
  return json_answer(200, std::string(embedded::openapi_json()));
}

}  // namespace sluice::proxy::admin::api
