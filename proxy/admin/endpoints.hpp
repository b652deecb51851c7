#pragma once

// The table of the API: which path and method does what, and who may. docs/openapi.json has the
// same rows.

#include <span>
#include <string_view>

#include "proxy/admin/message.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::proxy::admin {

inline constexpr std::string_view kApiPrefix = "/api/";

struct Call {
  const Request& request;
  op::Operator& house;
  op::Actor actor;
  op::Right right;
};

struct Endpoint {
  std::string_view method;  // GET also answers HEAD
  std::string_view path;
  op::Right need;  // none: open to all
  Answer (*answer)(const Call&);
};

std::span<const Endpoint> endpoints();

}  // namespace sluice::proxy::admin
