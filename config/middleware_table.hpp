#pragma once

// What there is of middleware, one row each: the name in the file and in metrics, what it does, and
// what docs/middleware.md says beside its options.

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <variant>

#include "config/middleware.hpp"
#include "protocol/failure.hpp"

namespace sluice::config {

constexpr std::size_t kMiddlewareCount = std::variant_size_v<MiddlewareOptions>;
constexpr std::size_t kMostRefusals = 2;

struct MiddlewareRow {
  std::string_view name;
  std::string_view what;    // one sentence
  std::string_view phases;  // where it acts
  // What the client is told; count_ = none.
  std::array<protocol::FailureKind, kMostRefusals> refusals;
  std::string_view metric;   // what counts beside the metrics that all have; "" = nothing
  std::string_view notes;    // what must be known to use it; may hold several paragraphs
  std::string_view example;  // an entry of a chain, as YAML
};

// In the order of the alternatives of MiddlewareOptions, which is that of their names.
const std::array<MiddlewareRow, kMiddlewareCount>& middleware_rows();

inline const MiddlewareRow& row_of(const MiddlewareOptions& options) {
  return middleware_rows()[options.index()];
}
inline std::string_view name_of(const MiddlewareOptions& options) {
  return row_of(options).name;
}

}  // namespace sluice::config
