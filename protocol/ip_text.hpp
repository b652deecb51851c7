#pragma once

// Addresses as text, as strictly as inet_pton() reads them: no short forms, no leading zeros in
// IPv4, no zone, no port.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

using Ipv4 = std::array<std::uint8_t, 4>;  // in network order, as all of these
using Ipv6 = std::array<std::uint8_t, 16>;

// Empty: not such an address.
std::optional<Ipv4> parse_ipv4(std::string_view text);
std::optional<Ipv6> parse_ipv6(std::string_view text);

}  // namespace sluice::protocol
