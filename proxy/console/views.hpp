#pragma once

// How values of an operator's views are shown on the console.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/table.hpp"
#include "proxy/operator/views.hpp"

namespace sluice::proxy::console {

// A whole number for an integer column: what does not fit into 32 bits becomes the largest.
std::int64_t small(std::uint64_t number);
// A whole number for a wider column.
std::int64_t wide(std::uint64_t number);
double seconds(op::Duration duration);
std::int64_t microseconds(op::Duration duration);
// 2026-11-29 10:03:23 UTC; "" for the zero time.
std::string utc(op::WallTime time);
// The end of a peer's "host:port" or "[host]:port", and what is before it; a unix socket's peer has
// neither.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};
Endpoint endpoint(std::string_view text);
std::string_view mode_word(config::PoolMode mode);
std::string_view state_word(op::BackendState state);
// "one, two"
std::string joined(const std::vector<std::string>& words);
// "settings, listen"
std::string pin_words(protocol::PinSet pins);

}  // namespace sluice::proxy::console
