#include "proxy/admin/guard.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/beast/core/string.hpp>

#include "config/cidr.hpp"

namespace sluice::proxy::admin {
namespace {

bool same(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// "localhost:9127" -> "localhost", "[::1]:9127" -> "::1".
std::string_view host_in(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

// A name that some name service could make point here is not enough.
bool is_this_machine(std::string_view host) {
  if (const auto ip = config::parse_ip(host)) {
    constexpr std::array<std::uint8_t, 16> kLoopback6{0, 0, 0, 0, 0, 0, 0, 0,
                                                      0, 0, 0, 0, 0, 0, 0, 1};
    return ip->v4 ? ip->bytes[12] == 127 : ip->bytes == kLoopback6;
  }
  return same(host, "localhost");
}

// Without TLS here there may still be TLS in front, so that the page's own scheme is https.
bool own_origin(const Request& request) {
  const std::string host(request.header("Host"));
  const std::string_view origin = request.header("Origin");
  return same(origin, "https://" + host) || (!request.caller.tls && same(origin, "http://" + host));
}

}  // namespace

std::optional<Answer> refuse_foreign(const Request& request, bool acts, const Reach& reach) {
  for (const char* once : {"Host", "Origin", "Authorization", "Sec-Fetch-Site"}) {
    if (request.count(once) > 1) {
      return error_answer(400, "bad_request", std::string("the header ") + once + " comes twice");
    }
  }
  if (!request.caller.unix_socket) {
    const std::string_view host = host_in(request.header("Host"));
    if (host.empty()) {
      return error_answer(400, "bad_request", "the header Host is missing");
    }
    if (reach.loopback_only && !is_this_machine(host)) {
      return error_answer(421, "wrong_host",
                          "this server is for this machine alone: Host must be localhost or a "
                          "loopback address");
    }
  }
  const std::string_view site = request.header("Sec-Fetch-Site");
  if (request.has("Sec-Fetch-Site") && site != "same-origin" && site != "none") {
    return error_answer(403, "foreign_origin", "a page of another site may not ask here");
  }
  if (request.has("Origin") && !own_origin(request)) {
    return error_answer(403, "foreign_origin", "a page of another origin may not ask here");
  }
  if (acts && request.header("X-Sluice-Request") != "1") {
    return error_answer(403, "header_missing", "what changes something needs X-Sluice-Request: 1");
  }
  return std::nullopt;
}

}  // namespace sluice::proxy::admin
