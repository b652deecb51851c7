// accept_client: every stored secret with every kind of client, and what must be refused.

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "protocol/mysql/accept_client.hpp"
#include "tests/support/mysql_client.hpp"

namespace sluice::protocol::mysql {
namespace {

const std::string kPassword = "foobar";

enum class Form { password, digest, sha_crypt, pbkdf2, native, scram, md5, unknown, count };

std::shared_ptr<const Secret> make_secret(Form form) {
  auto secret = std::make_shared<Secret>();
  secret->known = form != Form::unknown;
  const Buffer salted = pbkdf2_sha256(kPassword, as_bytes("salt"), 1000, 32);
  switch (form) {
    case Form::password:
      secret->password = kPassword;
      break;
    case Form::digest:
      secret->caching_sha2_digest = as_text(caching_sha2_digest(caching_sha2_stage1(kPassword)));
      [[fallthrough]];
    case Form::sha_crypt:
      secret->caching_sha2_hash = as_text(
          from_hex("24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679"
                   "354856336868686F52485A736E4A733368786E427575516C73446469496537"));
      break;
    case Form::pbkdf2:
      secret->caching_sha2_hash =
          "$B$005$0123456789abcdefghijhD/uXV/s6mCzOuuxDdnWAme5f+sCNPu/"
          "60MFlBTN6fS3rNdCaougBL7mHrqalZDu4Q88qJEYip6b2O1nbLzLzw==";
      break;
    case Form::native:
      secret->mysql_native_hash = "*9B500343BC52E2911172EB52AE5CF4847604C6E5";
      break;
    case Form::scram:
      secret->scram_verifier = "SCRAM-SHA-256$1000:" + base64_encode(as_bytes("salt")) + "$" +
                               base64_encode(sha256(hmac_sha256(salted, as_bytes("Client Key")))) +
                               ":" + base64_encode(hmac_sha256(salted, as_bytes("Server Key")));
      break;
    case Form::md5:
      secret->md5_hash = "md5" + hex_encode(md5(as_bytes(kPassword + "app")));
      break;
    default:
      break;
  }
  return secret;
}

AcceptOptions options(bool local) {
  AcceptOptions out;
  out.tls = TlsMode::prefer;
  out.local = local;
  out.connection_id = 4711;
  out.server_version = "9.7.0";
  out.rsa_key = test_rsa_key();
  out.mock_salt_key = "mock";
  return out;
}

struct Case {
  Form form;
  ClientKind kind;
  bool secure;
};

std::vector<Case> all_cases() {
  std::vector<Case> out;
  for (int form = 0; form < static_cast<int>(Form::count); ++form) {
    for (int kind = 0; kind <= static_cast<int>(ClientKind::no_plugins); ++kind) {
      for (bool secure : {false, true}) {
        out.push_back({static_cast<Form>(form), static_cast<ClientKind>(kind), secure});
      }
    }
  }
  return out;
}

bool has_native_form(Form form) {
  return form == Form::password || form == Form::native;
}

class EveryLogin : public testing::TestWithParam<Case> {};

TEST_P(EveryLogin, TheRightPasswordIsTakenWherePossible) {
  const Case& c = GetParam();
  Driven<ClientLogin> server(accept_client(options(c.secure)), make_secret(c.form));
  TestClient client;
  client.kind = c.kind;
  client.secure = c.secure;
  const Buffer error = client.log_in(server);
  ASSERT_TRUE(server.ended());
  const bool possible =
      c.form != Form::unknown && (c.kind != ClientKind::no_plugins || has_native_form(c.form));
  ASSERT_EQ(server.result().ok(), possible) << as_text(error);
  EXPECT_EQ(error.empty(), possible);
  EXPECT_LE(client.switches, 1);
  if (!possible) {
    return;
  }
  const ClientLogin& login = *server.result();
  EXPECT_EQ(login.user, "app");
  EXPECT_EQ(login.database, "pets");
  EXPECT_EQ(login.parameters, (Parameters{{"program_name", "test"}}));
  EXPECT_EQ(login.method, client.plugin);
  EXPECT_EQ(login.sequence,
            static_cast<std::uint8_t>(server.last_sequence() + 1 + (client.saw_fast ? 0 : 1)));
  if (login.method == kNativePassword) {
    EXPECT_EQ(login.learned.mysql_native_stage1, as_text(native_stage1(kPassword)));
  } else {
    EXPECT_EQ(login.learned.caching_sha2_stage1, as_text(caching_sha2_stage1(kPassword)));
    EXPECT_EQ(login.learned.password.has_value(), c.form != Form::digest || !client.saw_fast);
  }
}

TEST_P(EveryLogin, AWrongPasswordIsRefused) {
  const Case& c = GetParam();
  Driven<ClientLogin> server(accept_client(options(c.secure)), make_secret(c.form));
  TestClient client;
  client.kind = c.kind;
  client.secure = c.secure;
  client.password = "foobaz";
  const Buffer error = client.log_in(server);
  ASSERT_TRUE(server.ended());
  ASSERT_FALSE(server.result().ok());
  const Result<Err> err = decode_err(error);
  ASSERT_TRUE(err.ok());
  if (err.value().number == 1251) {
    EXPECT_EQ(c.kind, ClientKind::no_plugins);
    return;
  }
  EXPECT_EQ(err.value().number, 1045);
  EXPECT_EQ(err.value().sqlstate, "28000");
  EXPECT_EQ(err.value().text, "Access denied for user 'app'@'client' (using password: YES)");
  EXPECT_EQ(server.result().failure().kind, FailureKind::authentication_failed);
}

TEST_P(EveryLogin, NoPasswordIsRefused) {
  const Case& c = GetParam();
  Driven<ClientLogin> server(accept_client(options(c.secure)), make_secret(c.form));
  TestClient client;
  client.kind = c.kind;
  client.secure = c.secure;
  client.password = "";
  const Buffer error = client.log_in(server);
  ASSERT_TRUE(server.ended());
  ASSERT_FALSE(server.result().ok());
  EXPECT_FALSE(client.saw_full);
  EXPECT_EQ(server.computed(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, EveryLogin, testing::ValuesIn(all_cases()));

class EveryClient : public testing::TestWithParam<ClientKind> {};

TEST_P(EveryClient, AnEmptyPasswordOpensOnlyWhatHasOne) {
  auto secret = std::make_shared<Secret>();
  secret->known = true;
  secret->password = "";
  for (bool right : {true, false}) {
    Driven<ClientLogin> server(accept_client(options(true)), secret);
    TestClient client;
    client.kind = GetParam();
    client.secure = true;
    client.password = right ? "" : "x";
    client.log_in(server);
    ASSERT_TRUE(server.ended());
    EXPECT_EQ(server.result().ok(), right);
    EXPECT_FALSE(client.saw_fast);
  }
}

// The dialogue must not tell whether a user exists.
TEST_P(EveryClient, AnUnknownUserCostsAsMuchAsAWrongPassword) {
  for (bool secure : {false, true}) {
    const auto count = [&](Form form) {
      Driven<ClientLogin> server(accept_client(options(secure)), make_secret(form));
      TestClient client;
      client.kind = GetParam();
      client.secure = secure;
      client.password = "foobaz";
      client.log_in(server);
      return std::tuple(server.computed(), client.switches, client.saw_full,
                        server.last_sequence());
    };
    const auto unknown = count(Form::unknown);
    EXPECT_TRUE(unknown == count(Form::password) || unknown == count(Form::sha_crypt));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryClient,
                         testing::Values(ClientKind::sha2, ClientKind::native,
                                         ClientKind::silent_native, ClientKind::clear,
                                         ClientKind::silent_clear, ClientKind::unknown,
                                         ClientKind::no_plugins));

TEST(AcceptClient, GreetsAsTold) {
  Driven<ClientLogin> server(accept_client(options(false)));
  const Greeting greeting = decode_greeting(server.take_packet()).value();
  EXPECT_EQ(greeting.server_version, "9.7.0");
  EXPECT_EQ(greeting.connection_id, 4711U);
  EXPECT_EQ(greeting.plugin, kCachingSha2);
  EXPECT_EQ(greeting.capabilities, capability::kOffered | capability::kSsl);
  EXPECT_EQ(greeting.status, status_flag::kAutocommit);
  EXPECT_EQ(greeting.capabilities &
                (capability::kCompress | capability::kZstd | capability::kQueryAttributes |
                 capability::kMultiFactor | capability::kOptionalMetadata | capability::kNoSchema),
            0U);
}

TEST(AcceptClient, OffersWhatTheBackendsCanDo) {
  AcceptOptions some = options(false);
  some.tls = TlsMode::disable;
  some.capabilities = capability::kOffered & ~capability::kSessionTrack;
  Driven<ClientLogin> server(accept_client(some));
  EXPECT_EQ(decode_greeting(server.take_packet()).value().capabilities,
            capability::kOffered & ~capability::kSessionTrack);
}

TEST(AcceptClient, GreetsAsMariaDbWould) {
  AcceptOptions mariadb = options(false);
  mariadb.server_version = "10.11.6-MariaDB-0+deb12u1";
  Driven<ClientLogin> server(accept_client(mariadb));
  EXPECT_EQ(decode_greeting(server.take_packet()).value().server_version,
            "5.5.5-10.11.6-MariaDB-0+deb12u1");
  mariadb.server_version = "11.8.1-MariaDB";
  Driven<ClientLogin> newer(accept_client(mariadb));
  EXPECT_EQ(decode_greeting(newer.take_packet()).value().server_version, "11.8.1-MariaDB");
}

TEST(AcceptClient, ADigestMakesTheFastPathWithoutAnyHeavyWork) {
  Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::digest));
  TestClient client;
  client.log_in(server);
  EXPECT_TRUE(client.saw_fast);
  EXPECT_FALSE(client.saw_full);
  EXPECT_EQ(server.computed(), 0);
  ASSERT_TRUE(server.result().ok());
  EXPECT_FALSE(server.result()->learned.password);
}

TEST(AcceptClient, ACipherMayComeWithoutAskingForTheKey) {
  Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::sha_crypt));
  TestClient client;
  client.knows_key = true;
  client.log_in(server);
  ASSERT_TRUE(server.result().ok());
  EXPECT_EQ(server.result()->learned.password, kPassword);
}

TEST(AcceptClient, WithoutAKeyFullAuthenticationIsRefusedInClear) {
  AcceptOptions no_key = options(false);
  no_key.rsa_key = nullptr;
  Driven<ClientLogin> server(accept_client(no_key), make_secret(Form::sha_crypt));
  const Buffer error = TestClient().log_in(server);
  ASSERT_FALSE(server.result().ok());
  EXPECT_EQ(decode_err(error).value().number, 1045);
}

TEST(AcceptClient, AnUnreadableCipherLooksLikeAWrongPassword) {
  for (const Buffer& cipher : {Buffer(256, 0x55), Buffer(255, 1), Buffer(20, 0), Buffer{0x02, 0},
                               Buffer{}, *rsa_encrypt(test_rsa_key()->public_pem(), Buffer{})}) {
    Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::sha_crypt));
    TestClient client;
    const Greeting greeting = decode_greeting(server.take_packet()).value();
    server.give_packet(encode_handshake_response(client.response(greeting)));
    ASSERT_EQ(server.take_packet(), from_hex("0104"));
    server.give_packet(cipher);
    ASSERT_TRUE(server.ended());
    ASSERT_FALSE(server.result().ok());
    EXPECT_EQ(server.computed(), 1);
    const Buffer error = server.take_packet();
    EXPECT_EQ(decode_err(error).value().number, 1045);
  }
}

TEST(AcceptClient, StartsTlsAndGoesOn) {
  Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::sha_crypt));
  TestClient client;
  client.secure = true;
  HandshakeResponse response = client.response(decode_greeting(server.take_packet()).value());
  response.capabilities |= capability::kSsl;
  server.give_packet(encode_ssl_request(response));
  EXPECT_TRUE(server.tls());
  server.give(packet(2, encode_handshake_response(response)));
  client.talk(server);
  ASSERT_TRUE(server.result().ok());
  EXPECT_TRUE(server.result()->tls);
  EXPECT_EQ(server.result()->learned.password, kPassword);
  EXPECT_EQ(server.result()->sequence, 5);
}

TEST(AcceptClient, AsksForTlsBeforeItLooksAtTheUser) {
  AcceptOptions strict = options(false);
  strict.tls = TlsMode::require;
  Driven<ClientLogin> server(accept_client(strict), make_secret(Form::password));
  const Buffer error = TestClient().log_in(server);
  EXPECT_EQ(decode_err(error).value().number, 3159);
  EXPECT_EQ(server.result().failure().kind, FailureKind::tls_required);
  EXPECT_TRUE(server.asked().empty());
}

TEST(AcceptClient, RefusesTlsThatItDidNotOffer) {
  AcceptOptions plain = options(false);
  plain.tls = TlsMode::disable;
  Driven<ClientLogin> server(accept_client(plain));
  server.take_packet();
  HandshakeResponse request;
  request.capabilities = capability::kOffered | capability::kSsl;
  server.give_packet(encode_ssl_request(request));
  ASSERT_TRUE(server.ended());
  EXPECT_FALSE(server.tls());
  EXPECT_EQ(server.result().failure().kind, FailureKind::protocol_violation);
}

TEST(AcceptClient, RefusesClientsBefore41) {
  for (std::uint32_t missing :
       {capability::kProtocol41, capability::kSecureConnection | capability::kPluginAuth}) {
    Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::password));
    server.take_packet();
    HandshakeResponse response;
    response.capabilities = capability::kOffered & ~missing & ~capability::kPluginAuthLenenc;
    response.user = "app";
    server.give_packet(encode_handshake_response(response));
    ASSERT_TRUE(server.ended());
    const Buffer error = server.take_packet();
    EXPECT_EQ(decode_err(error).value().number, 1251);
    EXPECT_TRUE(server.asked().empty());
  }
}

TEST(AcceptClient, ACheckerThatQuitsIsGoneWithoutAnError) {
  for (std::uint8_t sequence : {0, 1}) {
    Driven<ClientLogin> server(accept_client(options(false)));
    server.take_packet();
    server.give(packet(sequence, from_hex("01")));
    ASSERT_TRUE(server.ended());
    EXPECT_EQ(server.result().failure().kind, FailureKind::client_gone);
    EXPECT_TRUE(server.take_output().empty());
  }
}

TEST(AcceptClient, EveryWrongSequenceIsRefused) {
  for (int sequence = 0; sequence < 256; ++sequence) {
    Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::password));
    TestClient client;
    HandshakeResponse response = client.response(decode_greeting(server.take_packet()).value());
    server.give(packet(static_cast<std::uint8_t>(sequence), encode_handshake_response(response)));
    ASSERT_TRUE(server.ended());
    EXPECT_EQ(server.result().ok(), sequence == 1);
    const Buffer answer = server.take_packet();
    EXPECT_TRUE(sequence == 1 || decode_err(answer).value().number == 1156);
  }
}

TEST(AcceptClient, AResponseCutAnywhereIsAnsweredWithAnError) {
  Driven<ClientLogin> first(accept_client(options(false)), make_secret(Form::password));
  const Greeting greeting = decode_greeting(first.take_packet()).value();
  const Buffer whole = encode_handshake_response(TestClient().response(greeting));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::password));
    server.take_packet();
    server.give_packet(Bytes(whole).first(size));
    ASSERT_TRUE(server.ended()) << size;
    EXPECT_FALSE(server.result().ok()) << size;
    EXPECT_EQ(server.take_packet()[0], lead::kErr) << size;
    EXPECT_TRUE(server.asked().empty()) << size;
  }
}

TEST(AcceptClient, ATokenOfAnySizeIsNoWayIn) {
  for (std::string plugin : {kCachingSha2, kNativePassword}) {
    for (std::size_t size = 1; size < 40; ++size) {
      Driven<ClientLogin> server(accept_client(options(false)), make_secret(Form::password));
      TestClient client;
      client.password = "foobaz";
      HandshakeResponse response = client.response(decode_greeting(server.take_packet()).value());
      response.plugin = plugin;
      response.auth.resize(size, 3);
      server.give_packet(encode_handshake_response(response));
      client.talk(server);
      ASSERT_TRUE(server.ended());
      EXPECT_FALSE(server.result().ok()) << plugin << size;
    }
  }
}

TEST(AcceptClient, TheErrorNamesNoControlCharacters) {
  Driven<ClientLogin> server(accept_client(options(true)));
  TestClient client;
  client.user = "a\nb";
  client.secure = true;
  const Buffer error = client.log_in(server);
  EXPECT_EQ(decode_err(error).value().text,
            "Access denied for user 'a?b'@'client' (using password: YES)");
}

}  // namespace
}  // namespace sluice::protocol::mysql
