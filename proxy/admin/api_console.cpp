// One command of the console over HTTP: what both wires and `sluice ctl` speak.

#include <string>
#include <utility>
#include <variant>

#include <boost/json/serialize.hpp>

#include "proxy/admin/api_act.hpp"
#include "proxy/admin/arguments.hpp"
#include "proxy/admin/json.hpp"
#include "proxy/console/run.hpp"

namespace sluice::proxy::admin::api {
namespace {

namespace json = boost::json;
using protocol::FailureKind;

constexpr std::string_view kNotACommand = "42601";
constexpr std::string_view kNotAllowed = "42501";

json::value to_json(const protocol::Value& value) {
  return std::visit(
      [](const auto& held) -> json::value {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Held, std::string>) {
          return admin::to_json(std::string_view(held));
        } else {
          return held;
        }
      },
      value);
}

json::array names_of(const std::vector<protocol::Column>& columns) {
  json::array names;
  for (const protocol::Column& column : columns) {
    names.push_back(admin::to_json(std::string_view(column.name)));
  }
  return names;
}

json::array rows_of(const std::vector<protocol::Row>& rows) {
  json::array out;
  out.reserve(rows.size());
  for (const protocol::Row& row : rows) {
    json::array cells;
    for (const protocol::Value& value : row) {
      cells.push_back(to_json(value));
    }
    out.push_back(std::move(cells));
  }
  return out;
}

Answer refusal(const protocol::Failure& failure) {
  if (failure.kind == FailureKind::unknown_database) {
    return error_answer(404, "unknown_pool", failure.text);
  }
  if (failure.sqlstate() == kNotACommand) {
    return error_answer(400, "bad_command", failure.text);
  }
  if (failure.sqlstate() == kNotAllowed) {
    return error_answer(403, "forbidden", failure.text);
  }
  return error_answer(409, "refused", failure.text);
}

}  // namespace

// Waits for nothing: what the wires of a database wait for is told as "done": false.
Answer console(const Call& call) {
  Arguments arguments = Arguments::of_body(call.request);
  const auto command = arguments.text("command");
  if (!command) {
    arguments.refuse(400, "give a \"command\"");
  }
  if (auto problem = arguments.problem()) {
    return *problem;
  }
  const auto answer = console::run(call.house, call.actor, call.right, *command);
  if (!answer) {
    return refusal(answer.failure());
  }
  const auto& [table, waiting] = answer.value();
  bool done = true;
  if (waiting) {
    const auto over = console::is_over(call.house, *waiting);
    if (!over) {
      return refusal(over.failure());
    }
    done = over.value();
  }
  return json_answer(
      200, json::serialize(json::object{{"columns", names_of(table.columns)},
                                        {"rows", rows_of(table.rows)},
                                        {"tag", admin::to_json(std::string_view(table.tag))},
                                        {"notes", admin::to_json(table.notes)},
                                        {"done", done}}));
}

}  // namespace sluice::proxy::admin::api
