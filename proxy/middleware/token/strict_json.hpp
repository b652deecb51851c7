#pragma once

// JSON of tokens and keys: two readers must never understand one text differently.

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::proxy::middleware::token {

// One object and nothing else: UTF-8, at most 8 deep, no comments, no member twice at any depth.
std::optional<boost::json::object> parse_object(std::string_view text);

// The member as text; empty where there is none, or it is something else.
std::optional<std::string> text_member(const boost::json::object& object, std::string_view name);

}  // namespace sluice::proxy::middleware::token
