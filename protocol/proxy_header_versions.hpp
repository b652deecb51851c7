#pragma once

// The two versions of the header, each for itself; see proxy_header.hpp for what the functions say.

#include <string>
#include <string_view>

#include "protocol/proxy_header.hpp"

namespace sluice::protocol {

// What each begins with.
constexpr std::string_view kProxyLineStart = "PROXY ";
constexpr std::string_view kProxySignature("\r\n\r\n\0\r\nQUIT\n", 12);

inline Failure bad_proxy_header(std::string_view why) {
  return fail(FailureKind::proxy_header, std::string("bad PROXY header: ").append(why));
}

// proxy_header_line.cpp: version 1. `have` begins with kProxyLineStart, and has 15 bytes or more.
Result<std::size_t> proxy_line_missing(std::string_view have);
Result<ProxyHeader> parse_proxy_line(std::string_view line);

// proxy_header_block.cpp: version 2. `have` begins with kProxySignature.
Result<std::size_t> proxy_block_missing(Bytes have);
Result<ProxyHeader> parse_proxy_block(Bytes header);

}  // namespace sluice::protocol
