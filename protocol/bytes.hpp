#pragma once

// The two byte types that every codec uses.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Borrowed bytes; whoever hands them out says how long they live.
using Bytes = std::span<const std::uint8_t>;
// Owned bytes.
using Buffer = std::vector<std::uint8_t>;

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace sluice::protocol
