#pragma once

// What a client's certificate says of it, once its chain has been verified.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace sluice::protocol {

enum class TlsMode : std::uint8_t { disable, prefer, require, verify_ca, verify_full };

struct PeerCertificate {
  std::string subject;      // RFC 2253: "CN=app,O=Example"
  std::string common_name;  // "" where there is none, or not exactly one

  friend bool operator==(const PeerCertificate& a, const PeerCertificate& b) = default;
};

// Whether a listener of this mode lets `user` in with what it showed: verify_ca wants a certificate
// (tls_required), verify_full one whose common name is the user (authentication_failed).
Status check_certificate(TlsMode mode, const std::optional<PeerCertificate>& shown,
                         std::string_view user);

}  // namespace sluice::protocol
