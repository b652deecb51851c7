#include "protocol/proxy_header.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/proxy_header_versions.hpp"

namespace sluice::protocol {
namespace {

constexpr std::size_t kShortest = 15;  // "PROXY UNKNOWN\r\n"; version 2 is longer

// One of them begins with the other.
bool agree(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  return a.substr(0, common) == b.substr(0, common);
}

// A FrameSizer: whatever has come, up to what was asked for.
std::optional<std::size_t> whatever_came(Bytes have) {
  return have.empty() ? std::nullopt : std::optional(have.size());
}

}  // namespace

Result<std::size_t> proxy_header_missing(Bytes have) {
  const std::string_view text = as_text(have);
  const bool line = agree(text, kProxyLineStart);
  if (!line && !agree(text, kProxySignature)) {
    return fail(FailureKind::proxy_header,
                "the connection does not begin with a PROXY header, which proxy_protocol.trusted "
                "asks for");
  }
  if (text.size() < kShortest) {
    return kShortest - text.size();
  }
  return line ? proxy_line_missing(text) : proxy_block_missing(have);
}

Result<ProxyHeader> parse_proxy_header(Bytes header) {
  Result<std::size_t> missing = proxy_header_missing(header);
  if (!missing) {
    return std::move(missing.failure());
  }
  if (*missing != 0) {
    return bad_proxy_header("it is cut short");
  }
  const std::string_view text = as_text(header);
  return text.starts_with(kProxyLineStart) ? parse_proxy_line(text) : parse_proxy_block(header);
}

Machine<ProxyHeader> read_proxy_header() {
  Buffer have;
  for (;;) {
    Result<std::size_t> missing = proxy_header_missing(have);
    if (!missing) {
      co_return std::move(missing.failure());
    }
    if (*missing == 0) {
      co_return parse_proxy_header(have);
    }
    const Given given = co_yield ReadFrame{&whatever_came, *missing, *missing};
    have.insert(have.end(), given.frame.begin(), given.frame.end());
  }
}

}  // namespace sluice::protocol
