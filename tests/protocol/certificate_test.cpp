#include "protocol/certificate.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

const PeerCertificate kApp{"CN=app,O=Example", "app"};

TEST(Certificate, is_asked_for_by_the_verifying_modes_alone) {
  for (const TlsMode mode : {TlsMode::disable, TlsMode::prefer, TlsMode::require}) {
    EXPECT_TRUE(check_certificate(mode, std::nullopt, "app").ok());
  }
  for (const TlsMode mode : {TlsMode::verify_ca, TlsMode::verify_full}) {
    const Status missing = check_certificate(mode, std::nullopt, "app");
    ASSERT_FALSE(missing.ok());
    EXPECT_EQ(missing.failure().kind, FailureKind::tls_required);
    EXPECT_TRUE(check_certificate(mode, kApp, "app").ok());
  }
}

TEST(Certificate, names_the_user_where_the_mode_is_verify_full) {
  EXPECT_TRUE(check_certificate(TlsMode::verify_ca, kApp, "other").ok());
  const Status other = check_certificate(TlsMode::verify_full, kApp, "other");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.failure().kind, FailureKind::authentication_failed);
  EXPECT_FALSE(check_certificate(TlsMode::verify_full, PeerCertificate{"O=x", ""}, "app").ok());
}

}  // namespace
}  // namespace sluice::protocol
