#include "protocol/conversation.hpp"

#include <array>
#include <cstddef>

namespace sluice::protocol {
namespace {

// In the order of the enum; a missing one does not compile.
constexpr auto kPinLabels = std::to_array<std::string_view>({
    "settings",
    "role",
    "listen",
    "temporary",
    "prepared",
    "cursor",
    "lock",
    "user_variable",
    "diagnostics",
    "insert_id",
    "found_rows",
    "long_data",
    "backend_identity",
    "session",
    "replication",
});
static_assert(kPinLabels.size() == static_cast<std::size_t>(Pin::count_));

}  // namespace

std::string_view pin_label(Pin pin) {
  return kPinLabels.at(static_cast<std::size_t>(pin));
}

}  // namespace sluice::protocol
