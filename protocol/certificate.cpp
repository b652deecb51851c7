#include "protocol/certificate.hpp"

namespace sluice::protocol {

Status check_certificate(TlsMode mode, const std::optional<PeerCertificate>& shown,
                         std::string_view user) {
  if (mode != TlsMode::verify_ca && mode != TlsMode::verify_full) {
    return Done{};
  }
  if (!shown) {
    return fail(FailureKind::tls_required,
                "this listener takes clients with a certificate only: give the client one that "
                "its authority has signed");
  }
  if (mode == TlsMode::verify_full && shown->common_name != user) {
    return fail(FailureKind::authentication_failed,
                "the client's certificate is not of this user: its common name must be the user's");
  }
  return Done{};
}

}  // namespace sluice::protocol
