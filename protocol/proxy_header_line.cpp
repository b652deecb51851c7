// Version 1 of the PROXY header: a line of text.

#include <algorithm>
#include <array>
#include <optional>

#include "protocol/ip_text.hpp"
#include "protocol/proxy_header_versions.hpp"

namespace sluice::protocol {
namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kUnknown = "PROXY UNKNOWN";
constexpr std::string_view kIpv4 = "PROXY TCP4 ";
constexpr std::string_view kIpv6 = "PROXY TCP6 ";
constexpr std::size_t kFields = 4;  // behind kIpv4 or kIpv6: two addresses, two ports

// Bytes that a correct line still has at least, of the part behind kIpv4 or kIpv6.
std::size_t least_missing(std::string_view fields, bool ipv4) {
  const std::size_t address = ipv4 ? 7 : 2;  // 1.2.3.4, ::
  const std::array<std::size_t, kFields> least{address, address, 1, 1};
  std::size_t missing = fields.ends_with('\r') ? 1 : kEnd.size();
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t space = fields.find(' ');
    const std::size_t have = std::min(space, fields.size());
    const bool last = i + 1 == kFields;
    if (space == std::string_view::npos) {
      missing += (have < least[i] ? least[i] - have : 0) + (last ? 0 : 1);
    }
    fields.remove_prefix(space == std::string_view::npos ? have : space + 1);
  }
  return missing;
}

// Decimal, without leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const bool shape = !text.empty() && text.size() <= 5 && (text[0] != '0' || text.size() == 1);
  for (const char c : text.substr(0, shape ? text.size() : 0)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return shape && value <= 0xFFFF ? std::optional(static_cast<std::uint16_t>(value)) : std::nullopt;
}

bool parse_address(std::string_view text, bool ipv4, std::array<std::uint8_t, 16>& out) {
  if (ipv4) {
    const auto four = parse_ipv4(text);
    std::copy_n(four.value_or(Ipv4{}).begin(), Ipv4{}.size(), out.begin());
    return four.has_value();
  }
  const auto sixteen = parse_ipv6(text);
  out = sixteen.value_or(Ipv6{});
  return sixteen.has_value();
}

Result<ProxyHeader> parse_fields(std::string_view text, bool ipv4) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t space = text.find(' ');
    if ((space == std::string_view::npos) != (i + 1 == kFields)) {
      return bad_proxy_header("it must have two addresses and two ports, each behind one space");
    }
    fields[i] = text.substr(0, space);
    text.remove_prefix(i + 1 == kFields ? text.size() : space + 1);
  }
  ProxyHeader header;
  header.source = ipv4 ? ProxyHeader::Source::ipv4 : ProxyHeader::Source::ipv6;
  std::array<std::uint8_t, 16> destination{};
  if (!parse_address(fields[0], ipv4, header.address) ||
      !parse_address(fields[1], ipv4, destination)) {
    return bad_proxy_header("an address is none of its family");
  }
  const auto port = parse_port(fields[2]);
  if (!port || !parse_port(fields[3])) {
    return bad_proxy_header("a port is not a number from 0 to 65535");
  }
  header.port = *port;
  return header;
}

}  // namespace

Result<std::size_t> proxy_line_missing(std::string_view have) {
  const bool ipv4 = have.starts_with(kIpv4);
  const bool unknown = have.starts_with(kUnknown);
  if (!ipv4 && !unknown && !have.starts_with(kIpv6)) {
    return bad_proxy_header("what follows PROXY is none of TCP4, TCP6 and UNKNOWN");
  }
  const std::size_t end = have.find('\n');
  if (end != std::string_view::npos) {
    const bool whole = end + 1 == have.size() && have.ends_with(kEnd);
    return whole && have.size() <= kProxyLineLimit
               ? Result<std::size_t>(std::size_t{0})
               : bad_proxy_header("its line does not end as it should");
  }
  const std::size_t missing = unknown ? (have.ends_with('\r') ? 1 : kEnd.size())
                                      : least_missing(have.substr(kIpv4.size()), ipv4);
  if (have.size() > kProxyLineLimit || missing > kProxyLineLimit - have.size()) {
    return bad_proxy_header("its line is longer than 107 bytes");
  }
  return missing;
}

Result<ProxyHeader> parse_proxy_line(std::string_view line) {
  line.remove_suffix(kEnd.size());
  if (line.starts_with(kUnknown)) {
    // What else it says is to be ignored.
    return line.size() == kUnknown.size() || line[kUnknown.size()] == ' '
               ? Result<ProxyHeader>(ProxyHeader{})
               : bad_proxy_header("what follows PROXY is none of TCP4, TCP6 and UNKNOWN");
  }
  return parse_fields(line.substr(kIpv4.size()), line.starts_with(kIpv4));
}

}  // namespace sluice::protocol
