#include "protocol/postgresql/accept_client.hpp"

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "tests/protocol/postgresql/login_fixtures.hpp"

namespace sluice::protocol::postgresql {
namespace {

using namespace fixtures;
using ClientScript = tests::Script<ClientLogin>;

const Buffer kSslRequest{0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F};
const Buffer kGssRequest{0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x30};
const Buffer kYes{'S'};
const Buffer kNo{'N'};

AcceptOptions options(TlsMode tls = TlsMode::disable) {
  AcceptOptions accept;
  accept.tls = tls;
  accept.mock_salt_key = "a secret of this process";
  return accept;
}

// The client's half of a SCRAM exchange as steps of a script.
ClientScript& scram_steps(ClientScript& script, const std::string& password) {
  auto client = std::make_shared<ScramClient>("fixed-client-nonce");
  return script.expect_write(sasl_request_frame())
      .give(frame_of(put_sasl_initial_response, kScramSha256, as_bytes(client->first())))
      .expect_any_write()
      .give([client, password](Bytes written) {
        Result<ScramClient::Challenge> challenge = client->challenge(as_bytes(sasl_text(written)));
        EXPECT_TRUE(challenge);
        ScramKeys keys = *derive_scram_keys(password, challenge->salt, challenge->iterations);
        return frame_of(put_sasl_response, as_bytes(client->finish(keys)));
      });
}

// A correct SCRAM login: the server's signature, then AuthenticationOk.
ClientScript good_scram(const Secret& secret) {
  ClientScript script;
  script.give(startup_frame_bytes()).give_secret(secret);
  scram_steps(script, kPassword)
      .expect_write([](Bytes written) { EXPECT_TRUE(sasl_text(written).starts_with("v=")); })
      .expect_write(authentication_frame(authentication::kOk));
  return script;
}

TEST(PostgresqlAccept, ScramFromAPasswordTeachesTheVerifierAndTheClientKey) {
  Result<ClientLogin> login = good_scram(with_password()).play(accept_client(options()));
  ASSERT_TRUE(login) << login.failure().text;
  EXPECT_EQ(login->user, kUser);
  EXPECT_EQ(login->database, "pets");
  EXPECT_EQ(login->method, "scram-sha-256");
  EXPECT_EQ(login->protocol_version, kProtocol30);
  EXPECT_EQ(login->parameters, (Parameters{{"application_name", "test"}}));
  std::optional<ScramVerifier> verifier = parse_scram_verifier(*login->learned.scram_verifier);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, kScramIterations);
  EXPECT_EQ(sha256(as_bytes(*login->learned.scram_client_key)), verifier->stored_key);
}

TEST(PostgresqlAccept, AStoredVerifierIsUsedBeforeThePassword) {
  Secret secret = with_verifier();
  secret.password = "another";
  Result<ClientLogin> login = good_scram(secret).play(accept_client(options()));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->learned.scram_verifier, secret.scram_verifier);
}

TEST(PostgresqlAccept, DamagedScramLoginsFailAtEveryStep) {
  Secret secret = with_verifier();
  ClientScript::fails_at_every_step([&] { return good_scram(secret); },
                                    [] { return accept_client(options()); }, relength);
}

// Wrong password, unknown user and unusable secret look the same from outside.
TEST(PostgresqlAccept, WrongPasswordAndUnknownUserAreNotToldApart) {
  Secret unknown;
  Secret unusable = known();
  unusable.caching_sha2_hash = "$A$005$";
  Secret clear_only_over_tls = known();
  clear_only_over_tls.mysql_native_hash = "*" + std::string(40, 'A');
  for (const Secret& secret :
       {with_password("x"), with_verifier("x"), unknown, unusable, clear_only_over_tls}) {
    ClientScript script;
    script.give(startup_frame_bytes()).give_secret(secret);
    scram_steps(script, kPassword)
        .expect_write(fatal("28P01", "password authentication failed for user \"app\""));
    Result<ClientLogin> login = script.play(accept_client(options()));
    ASSERT_FALSE(login);
    EXPECT_EQ(login.failure().kind, FailureKind::authentication_failed);
  }
}

TEST(PostgresqlAccept, AnUnknownUserCannotProveAnything) {
  // Not even against a placeholder verifier whose password is known.
  Secret placeholder = with_verifier();
  placeholder.known = false;
  ClientScript script;
  script.give(startup_frame_bytes()).give_secret(placeholder);
  scram_steps(script, kPassword).expect_write(fatal("28P01"));
  EXPECT_FALSE(script.play(accept_client(options())));
}

std::string salt_of(const std::string& user, const Secret& secret, const AcceptOptions& accept) {
  std::string salt;
  ClientScript script;
  script.give(startup_frame_bytes(user))
      .give_secret(secret)
      .expect_any_write()
      .give(frame_of(put_sasl_initial_response, kScramSha256, as_bytes("n,,n=,r=abc")))
      .expect_write([&](Bytes written) {
        std::string_view text = sasl_text(written);
        salt = text.substr(text.find(",s="));
      })
      .give(Buffer{'X', 0, 0, 0, 4});
  EXPECT_FALSE(script.play(accept_client(accept)));
  return salt;
}

TEST(PostgresqlAccept, SaltsAreStablePerUserWhetherItExistsOrNot) {
  AcceptOptions accept = options();
  std::string mock = salt_of("ghost", {}, accept);
  EXPECT_EQ(mock, salt_of("ghost", {}, accept));
  EXPECT_EQ(mock, salt_of("ghost", with_password(), accept));
  EXPECT_NE(mock, salt_of("ghost2", {}, accept));
  Secret placeholder = with_verifier();
  placeholder.known = false;
  EXPECT_NE(salt_of("ghost", placeholder, accept), salt_of("ghost2", placeholder, accept));
  accept.mock_salt_key = "another process";
  EXPECT_NE(mock, salt_of("ghost", {}, accept));
}

TEST(PostgresqlAccept, ScramWithoutAnInitialResponse) {
  ClientScript script;
  auto client = std::make_shared<ScramClient>("nonce");
  Buffer initial;
  Writer(initial).u8('p').be32(22).cstring(kScramSha256).be32(0xFFFFFFFF);
  script.give(startup_frame_bytes())
      .give_secret(with_verifier())
      .expect_any_write()
      .give(initial)
      .expect_write(authentication_frame(authentication::kSaslContinue))
      .give(frame_of(put_sasl_response, as_bytes(client->first())))
      .expect_any_write()
      .give([client](Bytes written) {
        ScramClient::Challenge challenge = *client->challenge(as_bytes(sasl_text(written)));
        ScramKeys keys = *derive_scram_keys(kPassword, challenge.salt, challenge.iterations);
        return frame_of(put_sasl_response, as_bytes(client->finish(keys)));
      })
      .expect_any_write()
      .expect_write(authentication_frame(authentication::kOk));
  EXPECT_TRUE(script.play(accept_client(options())));
}

TEST(PostgresqlAccept, OtherSaslMechanismsAreRefused) {
  ClientScript script;
  script.give(startup_frame_bytes())
      .give_secret(with_verifier())
      .expect_any_write()
      .give(frame_of(put_sasl_initial_response, "SCRAM-SHA-256-PLUS", as_bytes("p=x,,n=,r=a")))
      .expect_write(fatal("08P01", "mechanism"));
  EXPECT_FALSE(script.play(accept_client(options())));
}

// ---- md5 and password in clear

ClientScript md5_script(const std::string& password) {
  Secret secret = known();
  secret.md5_hash = md5_hash(kUser, kPassword);
  ClientScript script;
  script.give(startup_frame_bytes())
      .give_secret(secret)
      .expect_any_write()
      .give([password](Bytes written) {
        AuthenticationRequest request = *parse_authentication(open_message(written)->body);
        EXPECT_EQ(request.kind, authentication::kMd5Password);
        EXPECT_EQ(request.data.size(), kMd5SaltSize);
        return password_frame(md5_answer(md5_hash(kUser, password), request.data));
      });
  return script;
}

ClientScript good_md5() {
  return md5_script(kPassword).expect_write(authentication_frame(authentication::kOk));
}

TEST(PostgresqlAccept, Md5) {
  Result<ClientLogin> login = good_md5().play(accept_client(options()));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->method, "md5");
  ClientScript::fails_at_every_step(
      good_md5, [] { return accept_client(options()); }, relength);
}

TEST(PostgresqlAccept, Md5WithAWrongPassword) {
  ClientScript script = md5_script("wrong");
  script.expect_write(fatal("28P01", "password authentication failed"));
  EXPECT_FALSE(script.play(accept_client(options())));
}

ClientScript clear_script(const Secret& secret, const std::string& password) {
  ClientScript script;
  script.give(startup_frame_bytes())
      .give_secret(secret)
      .expect_write(authentication_frame(authentication::kCleartextPassword))
      .give(password_frame(password));
  return script;
}

TEST(PostgresqlAccept, MysqlHashesTakeThePasswordInClearOnAPrivateChannel) {
  Secret native = known();
  native.mysql_native_hash = "*" + hex_encode(sha1(sha1(as_bytes(kPassword))));
  Secret caching = known();
  caching.caching_sha2_digest = std::string(as_text(sha256(sha256(as_bytes(kPassword)))));
  AcceptOptions local = options();
  local.local = true;
  for (const Secret& secret : {native, caching}) {
    auto good = [&] {
      return clear_script(secret, kPassword)
          .expect_write(authentication_frame(authentication::kOk));
    };
    Result<ClientLogin> login = good().play(accept_client(local));
    ASSERT_TRUE(login);
    EXPECT_EQ(login->method, "password");
    EXPECT_EQ(login->learned.password, kPassword);
    ClientScript::fails_at_every_step(
        good, [&] { return accept_client(local); }, relength);
    for (const char* wrong : {"wrong", ""}) {
      ClientScript script = clear_script(secret, wrong);
      script.expect_write(fatal("28P01"));
      EXPECT_FALSE(script.play(accept_client(local)));
    }
  }
}

// ---- first bytes

TEST(PostgresqlAccept, TlsIsOfferedByMode) {
  struct Row {
    TlsMode tls;
    bool local;
    bool offered;
  };
  for (Row row : {Row{TlsMode::disable, false, false}, Row{TlsMode::prefer, false, true},
                  Row{TlsMode::require, false, true}, Row{TlsMode::prefer, true, false}}) {
    AcceptOptions accept = options(row.tls);
    accept.local = row.local;
    ClientScript script;
    script.give(kSslRequest).expect_write(row.offered ? kYes : kNo);
    if (row.offered) {
      script.expect_tls();
    }
    script.give(startup_frame_bytes()).give_secret(with_verifier());
    scram_steps(script, kPassword)
        .expect_any_write()
        .expect_write(authentication_frame(authentication::kOk));
    Result<ClientLogin> login = script.play(accept_client(accept));
    ASSERT_TRUE(login);
    EXPECT_EQ(login->tls, row.offered);
  }
}

TEST(PostgresqlAccept, VerifyingModesLookAtTheCertificateBeforeTheUser) {
  const PeerCertificate own{"CN=" + std::string(kUser), std::string(kUser)};
  const PeerCertificate other{"CN=other", "other"};
  struct Row {
    TlsMode tls;
    std::optional<PeerCertificate> shown;
    std::string refused;
  };
  for (const Row& row :
       {Row{TlsMode::verify_ca, own, ""}, Row{TlsMode::verify_ca, other, ""},
        Row{TlsMode::verify_full, own, ""}, Row{TlsMode::verify_full, other, "28P01"},
        Row{TlsMode::verify_ca, std::nullopt, "28000"}}) {
    ClientScript script;
    script.give(kSslRequest).expect_write(kYes).expect_tls(row.shown).give(startup_frame_bytes());
    if (row.refused.empty()) {
      script.give_secret(with_verifier());
      scram_steps(script, kPassword)
          .expect_any_write()
          .expect_write(authentication_frame(authentication::kOk));
    } else {
      script.expect_write(fatal(row.refused));
    }
    Result<ClientLogin> login = script.play(accept_client(options(row.tls)));
    EXPECT_EQ(login.ok(), row.refused.empty());
    if (login) {
      EXPECT_EQ(login->certificate, row.shown);
    }
  }
}

TEST(PostgresqlAccept, RequireRefusesAPlainStartupBeforeItLooksAtTheUser) {
  for (const Buffer& startup : {startup_frame_bytes(), startup_frame_bytes("")}) {
    ClientScript script;
    script.give(startup).expect_write(fatal("28000", "TLS"));
    Result<ClientLogin> login = script.play(accept_client(options(TlsMode::require)));
    ASSERT_FALSE(login);
    EXPECT_EQ(login.failure().kind, FailureKind::tls_required);
  }
}

TEST(PostgresqlAccept, GssIsAlwaysRefusedAndEachRequestComesOnce) {
  AcceptOptions accept = options(TlsMode::prefer);
  ClientScript both;
  both.give(kGssRequest)
      .expect_write(kNo)
      .give(kSslRequest)
      .expect_write(kYes)
      .expect_tls()
      .give(startup_frame_bytes(""));
  both.expect_write(fatal("28000", "no user"));
  EXPECT_FALSE(both.play(accept_client(accept)));

  ClientScript gss_twice;
  gss_twice.give(kGssRequest).expect_write(kNo).give(kGssRequest).expect_write(fatal("08P01"));
  EXPECT_FALSE(gss_twice.play(accept_client(accept)));

  ClientScript ssl_twice;
  ssl_twice.give(kSslRequest).expect_write(kNo).give(kSslRequest).expect_write(fatal("08P01"));
  EXPECT_FALSE(ssl_twice.play(accept_client(options())));

  for (const Buffer& inside : {kSslRequest, kGssRequest}) {
    ClientScript script;
    script.give(kSslRequest).expect_write(kYes).expect_tls().give(inside);
    script.expect_write(fatal("08P01"));
    EXPECT_FALSE(script.play(accept_client(accept)));
  }
}

TEST(PostgresqlAccept, AnEncryptionRequestIsEightBytes) {
  Buffer longer = kSslRequest;
  longer.push_back(0);
  relength(longer);
  ClientScript script;
  script.give(longer).expect_write(fatal("08P01"));
  EXPECT_FALSE(script.play(accept_client(options(TlsMode::prefer))));
}

TEST(PostgresqlAccept, CancelRequestsEndTheMachineAtOnce) {
  Buffer cancel = frame_of(put_cancel_request, CancelRequest{7, Buffer{1, 2, 3, 4}});
  ClientScript plain;
  plain.give(cancel);
  Result<ClientLogin> login = plain.play(accept_client(options(TlsMode::require)));
  ASSERT_TRUE(login && login->cancel);
  EXPECT_EQ(login->cancel->process_id, 7U);
  EXPECT_EQ(login->cancel->key, (Buffer{1, 2, 3, 4}));

  ClientScript encrypted;
  encrypted.give(kSslRequest).expect_write(kYes).expect_tls().give(cancel);
  login = encrypted.play(accept_client(options(TlsMode::prefer)));
  ASSERT_TRUE(login && login->cancel);
  EXPECT_TRUE(login->tls);
}

TEST(PostgresqlAccept, NegotiationComesOnceBeforeTheAuthentication) {
  Buffer startup;
  Writer writer(startup);
  writer.be32(0).be32(kProtocol30 + 9999).cstring("user").cstring(kUser);
  writer.cstring("_pq_.test_protocol_negotiation").cstring("").cstring("_pq_.b").cstring("").u8(0);
  relength(startup);
  ClientScript script;
  script.give(startup).expect_write(
      frame_of(put_negotiate_protocol_version, kProtocol32,
               std::vector<std::string>{"_pq_.test_protocol_negotiation", "_pq_.b"}));
  script.give_secret(with_verifier());
  scram_steps(script, kPassword)
      .expect_any_write()
      .expect_write(authentication_frame(authentication::kOk));
  Result<ClientLogin> login = script.play(accept_client(options()));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->protocol_version, kProtocol32);
  EXPECT_TRUE(login->parameters.empty());
}

TEST(PostgresqlAccept, OtherMajorVersionsAreFatal) {
  ClientScript script;
  script.give(Buffer{0, 0, 0, 8, 0, 2, 0, 0}).expect_write(fatal("0A000", "2.0"));
  EXPECT_FALSE(script.play(accept_client(options())));
}

TEST(PostgresqlAccept, AClientThatLeavesIsNotAnswered) {
  ClientScript script;
  script.give(startup_frame_bytes())
      .give_secret(with_verifier())
      .expect_any_write()
      .give(Buffer{'X', 0, 0, 0, 4});
  Result<ClientLogin> login = script.play(accept_client(options()));
  ASSERT_FALSE(login);
  EXPECT_EQ(login.failure().kind, FailureKind::client_gone);
}

TEST(PostgresqlAccept, OtherMessagesThanAPasswordAreFatal) {
  ClientScript script;
  script.give(startup_frame_bytes())
      .give_secret(with_verifier())
      .expect_any_write()
      .give(Buffer{'Q', 0, 0, 0, 5, 0})
      .expect_write(fatal("08P01", "password response"));
  EXPECT_FALSE(script.play(accept_client(options())));
}

}  // namespace
}  // namespace sluice::protocol::postgresql
