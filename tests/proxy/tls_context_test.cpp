#include "proxy/tls_context.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

#include "tests/proxy/tls_fixtures.hpp"

namespace sluice::proxy {
namespace {

using config::Protocol;
using config::TlsMode;
using test::Identity;
using test::make_identity;
using test::Pair;

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest()
      : authority_(make_identity("Test Authority", "", nullptr)),
        other_(make_identity("Other Authority", "", nullptr)),
        server_(make_identity("server", "DNS:db.example,DNS:*.pool.example,IP:192.0.2.1",
                              &authority_)) {
    ca_ = files_.write("ca.crt", authority_.certificate.get());
    cert_ = files_.write("server.crt", server_.certificate.get());
    key_ = files_.write("server.key", server_.key.get());
  }

  TlsContextPtr server(Protocol protocol = Protocol::postgresql) {
    auto made = make_server_tls({TlsMode::prefer, cert_, key_}, protocol);
    EXPECT_TRUE(made.ok()) << (made ? "" : made.failure().text);
    return *made;
  }
  TlsContextPtr client(TlsMode mode, const std::string& ca_file) {
    auto made = make_client_tls({mode, ca_file, "", ""});
    EXPECT_TRUE(made.ok()) << (made ? "" : made.failure().text);
    return *made;
  }
  // "" when the handshake succeeds.
  std::string connect(TlsMode mode, const std::string& ca_file, const std::string& host) {
    const TlsContextPtr server_context = server();
    const TlsContextPtr client_context = client(mode, ca_file);
    Pair pair(client_context->get(), server_context->get());
    if (auto expected = expect_server(pair.client.get(), host); !expected) {
      return expected.failure().text;
    }
    return pair.shake_hands() ? "" : tls_failure_text(pair.client.get());
  }

  test::TemporaryDirectory files_;
  Identity authority_;
  Identity other_;
  Identity server_;
  std::string ca_;
  std::string cert_;
  std::string key_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(TlsContextTest, PreferAndRequireVerifyNothing) {
  const std::string other =
      files_.write("other.crt", make_identity("Other Authority", "", nullptr).certificate.get());
  for (const TlsMode mode : {TlsMode::prefer, TlsMode::require}) {
    EXPECT_EQ(connect(mode, "", "elsewhere.example"), "");
    EXPECT_EQ(connect(mode, other, "elsewhere.example"), "");
    EXPECT_EQ(connect(mode, "", ""), "");
  }
}

TEST_F(TlsContextTest, VerifyCaChecksTheChainAndNotTheName) {
  const std::string other =
      files_.write("other.crt", make_identity("Other Authority", "", nullptr).certificate.get());
  EXPECT_EQ(connect(TlsMode::verify_ca, ca_, "elsewhere.example"), "");
  EXPECT_EQ(connect(TlsMode::verify_ca, ca_, ""), "");
  EXPECT_TRUE(contains(connect(TlsMode::verify_ca, other, "db.example"), "certificate refused"));
  EXPECT_TRUE(contains(connect(TlsMode::verify_ca, "", "db.example"), "certificate refused"))
      << "the system does not know the test's authority";
}

TEST_F(TlsContextTest, VerifyFullChecksTheNameToo) {
  EXPECT_EQ(connect(TlsMode::verify_full, ca_, "db.example"), "");
  EXPECT_EQ(connect(TlsMode::verify_full, ca_, "DB.EXAMPLE"), "");
  EXPECT_EQ(connect(TlsMode::verify_full, ca_, "a.pool.example"), "");
  EXPECT_EQ(connect(TlsMode::verify_full, ca_, "192.0.2.1"), "");
  EXPECT_TRUE(contains(connect(TlsMode::verify_full, ca_, "elsewhere.example"), "ostname"));
  EXPECT_TRUE(contains(connect(TlsMode::verify_full, ca_, "a.b.pool.example"), "ostname"));
  EXPECT_TRUE(contains(connect(TlsMode::verify_full, ca_, "192.0.2.2"), "IP address"));
  EXPECT_TRUE(contains(connect(TlsMode::verify_full, ca_, ""), "needs a host name"));
  const std::string other =
      files_.write("other.crt", make_identity("Other Authority", "", nullptr).certificate.get());
  EXPECT_TRUE(contains(connect(TlsMode::verify_full, other, "db.example"), "certificate refused"));
}

TEST_F(TlsContextTest, SendsTheNameButNoIpAddressAsSni) {
  const TlsContextPtr server_context = server();
  const TlsContextPtr client_context = client(TlsMode::require, "");
  for (const std::string host : {"db.example", "192.0.2.1", "::1"}) {
    Pair pair(client_context->get(), server_context->get());
    ASSERT_TRUE(expect_server(pair.client.get(), host).ok());
    ASSERT_TRUE(pair.shake_hands());
    const char* sni = SSL_get_servername(pair.server.get(), TLSEXT_NAMETYPE_host_name);
    EXPECT_EQ(sni != nullptr ? sni : "", host == "db.example" ? host : "");
  }
}

TEST_F(TlsContextTest, SelectsPostgresqlByAlpnWhereItIsOffered) {
  struct Row {
    Protocol protocol;
    std::string offer;
    bool succeeds;
    std::string selected;
  };
  const std::string mixed = "\x08http/1.1\x0apostgresql";
  for (const Row& row :
       {Row{Protocol::postgresql, "\x0apostgresql", true, "postgresql"},
        Row{Protocol::postgresql, mixed, true, "postgresql"},
        Row{Protocol::postgresql, "\x08http/1.1", false, ""},
        Row{Protocol::postgresql, "", true, ""}, Row{Protocol::mysql, "\x08http/1.1", true, ""}}) {
    const TlsContextPtr server_context = server(row.protocol);
    const TlsContextPtr client_context = client(TlsMode::require, "");
    Pair pair(client_context->get(), server_context->get());
    SSL_set_alpn_protos(pair.client.get(), reinterpret_cast<const unsigned char*>(row.offer.data()),
                        static_cast<unsigned>(row.offer.size()));
    EXPECT_EQ(pair.shake_hands(), row.succeeds) << row.offer;
    ERR_clear_error();
    const unsigned char* selected = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(pair.client.get(), &selected, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(selected), size), row.selected);
  }
}

TEST_F(TlsContextTest, RefusesTlsBelowOneTwo) {
  const TlsContextPtr server_context = server();
  const TlsContextPtr client_context = client(TlsMode::require, "");
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    Pair pair(client_context->get(), server_context->get());
    SSL_set_security_level(pair.client.get(), 0);
    SSL_set_security_level(pair.server.get(), 0);
    SSL_set_min_proto_version(pair.client.get(), TLS1_VERSION);
    SSL_set_max_proto_version(pair.client.get(), version);
    EXPECT_EQ(pair.shake_hands(), version != TLS1_1_VERSION) << version;
    ERR_clear_error();
  }
}

TEST_F(TlsContextTest, RefusesRenegotiation) {
  const TlsContextPtr server_context = server();
  const TlsContextPtr client_context = client(TlsMode::require, "");
  SSL_CTX_clear_options(client_context->get(), SSL_OP_NO_RENEGOTIATION);
  Pair pair(client_context->get(), server_context->get());
  SSL_set_max_proto_version(pair.client.get(), TLS1_2_VERSION);
  ASSERT_TRUE(pair.shake_hands());
  ASSERT_EQ(SSL_renegotiate(pair.client.get()), 1);
  SSL_do_handshake(pair.client.get());
  char byte = 0;
  SSL_read(pair.server.get(), &byte, 1);
  EXPECT_LE(SSL_read(pair.client.get(), &byte, 1), 0);
  EXPECT_TRUE(contains(tls_failure_text(pair.client.get()), "renegotiation"));
}

TEST_F(TlsContextTest, ShowsTheClientCertificateOfThePool) {
  const Identity user = make_identity("app", "DNS:app", &authority_);
  const std::string both = files_.write("app.pem", user.certificate.get());
  const std::string key = files_.write("app.key", user.key.get());
  auto made = make_client_tls({TlsMode::require, "", both, key});
  ASSERT_TRUE(made.ok()) << made.failure().text;
  const TlsContextPtr server_context = server();
  SSL_CTX_load_verify_file(server_context->get(), ca_.c_str());
  SSL_CTX_set_verify(server_context->get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  Pair shown((*made)->get(), server_context->get());
  EXPECT_TRUE(shown.shake_hands());
  EXPECT_EQ(X509_cmp(SSL_get0_peer_certificate(shown.server.get()), user.certificate.get()), 0);
  const TlsContextPtr without = client(TlsMode::require, "");
  Pair missing(without->get(), server_context->get());
  EXPECT_FALSE(missing.shake_hands());
  ERR_clear_error();
}

TEST_F(TlsContextTest, ReadsTheNamesOfAVerifiedClient) {
  auto verifying = make_server_tls({TlsMode::verify_ca, cert_, key_, ca_}, Protocol::postgresql);
  ASSERT_TRUE(verifying.ok()) << verifying.failure().text;
  const Identity user = make_identity("a,b \xC3\xA9\n", "DNS:app", &authority_);
  const std::string cert = files_.write("app.pem", user.certificate.get());
  auto made =
      make_client_tls({TlsMode::require, "", cert, files_.write("app.key", user.key.get())});
  ASSERT_TRUE(made.ok()) << made.failure().text;
  Pair shown((*made)->get(), (*verifying)->get());
  ASSERT_TRUE(shown.shake_hands());
  const auto names = verified_certificate(shown.server.get());
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->subject, "CN=a\\,b \xC3\x83\xC2\xA9\\0A") << "MBSTRING_ASC is Latin 1";
  EXPECT_EQ(names->common_name, "a,b \xC3\x83\xC2\xA9\n");
  EXPECT_FALSE(verified_certificate(shown.client.get()).has_value()) << "nobody has asked";
}

TEST_F(TlsContextTest, AClientWithoutACertificateIsLeftToTheLogin) {
  auto verifying = make_server_tls({TlsMode::verify_full, cert_, key_, ca_}, Protocol::mysql);
  ASSERT_TRUE(verifying.ok()) << verifying.failure().text;
  const TlsContextPtr none = client(TlsMode::require, "");
  Pair missing(none->get(), (*verifying)->get());
  EXPECT_TRUE(missing.shake_hands());
  EXPECT_FALSE(verified_certificate(missing.server.get()).has_value());
  const Identity stranger = make_identity("app", "DNS:app", &other_);
  auto made = make_client_tls({TlsMode::require, "",
                               files_.write("stranger.pem", stranger.certificate.get()),
                               files_.write("stranger.key", stranger.key.get())});
  ASSERT_TRUE(made.ok());
  Pair refused((*made)->get(), (*verifying)->get());
  EXPECT_FALSE(refused.shake_hands());
  EXPECT_FALSE(verified_certificate(refused.server.get()).has_value());
  ERR_clear_error();
}

TEST_F(TlsContextTest, SetsTheModesThatTheStreamRelies) {
  const long wanted = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
  EXPECT_EQ(SSL_CTX_get_mode(server()->get()) & wanted, wanted);
  EXPECT_EQ(SSL_CTX_get_mode(client(TlsMode::prefer, "")->get()) & wanted, wanted);
  EXPECT_NE(SSL_CTX_get_options(server()->get()) & SSL_OP_NO_COMPRESSION, 0U);
}

TEST_F(TlsContextTest, BadFilesAreNamed) {
  const std::string missing = files_.path("missing.pem");
  const std::string garbage = files_.write("garbage.pem", std::string("not a certificate\n"));
  const std::string other_key =
      files_.write("other.key", make_identity("x", "DNS:x", nullptr).key.get());
  const std::string locked = files_.write("locked.key", server_.key.get(), "passphrase");
  struct Row {
    config::ListenerTls tls;
    std::string named;
  };
  for (const Row& row :
       {Row{{TlsMode::prefer, missing, key_}, missing},
        Row{{TlsMode::prefer, garbage, key_}, garbage},
        Row{{TlsMode::prefer, cert_, missing}, missing},
        Row{{TlsMode::prefer, cert_, garbage}, garbage},
        Row{{TlsMode::prefer, cert_, other_key}, other_key},
        Row{{TlsMode::prefer, cert_, locked}, locked}, Row{{TlsMode::prefer, cert_, ""}, cert_}}) {
    auto made = make_server_tls(row.tls, Protocol::mysql);
    ASSERT_FALSE(made.ok()) << row.named;
    EXPECT_EQ(made.failure().kind, protocol::FailureKind::tls_failed);
    EXPECT_TRUE(contains(made.failure().text, "'" + row.named + "'")) << made.failure().text;
    EXPECT_FALSE(contains(made.failure().text, "unknown reason")) << made.failure().text;
  }
  auto authorities = make_server_tls({TlsMode::verify_ca, cert_, key_, garbage}, Protocol::mysql);
  ASSERT_FALSE(authorities.ok());
  EXPECT_TRUE(contains(authorities.failure().text, "'" + garbage + "'"));
  auto made = make_client_tls({TlsMode::verify_ca, garbage, "", ""});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.failure().kind, protocol::FailureKind::backend_tls_failed);
  EXPECT_TRUE(contains(made.failure().text, "'" + garbage + "'"));
  EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left in the queue for somebody else";
}

}  // namespace
}  // namespace sluice::proxy
