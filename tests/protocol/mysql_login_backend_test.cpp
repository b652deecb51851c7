// login_backend: against accept_client, and against a server that is played by hand.

#include <gtest/gtest.h>

#include "protocol/mysql/accept_client.hpp"
#include "protocol/mysql/login_backend.hpp"
#include "tests/support/mysql_client.hpp"

namespace sluice::protocol::mysql {
namespace {

const std::string kPassword = "foobar";
const std::string kNonce = "abcdefghijklmnopqrst";
const std::string kOtherNonce = "ABCDEFGHIJKLMNOPQRST";

BackendTarget make_target() {
  BackendTarget target;
  target.host = "db1:3306";
  target.user = "app";
  target.database = "pets";
  target.password = kPassword;
  target.parameters = {{"program_name", "sluice"}};
  return target;
}

Greeting make_greeting() {
  Greeting greeting;
  greeting.server_version = "9.7.0";
  greeting.connection_id = 99;
  greeting.nonce = kNonce;
  greeting.capabilities = 0xDFFFFFFFU & ~capability::kSsl;
  greeting.status = 2;
  greeting.plugin = kCachingSha2;
  return greeting;
}

Buffer final_ok() {
  return encode_ok({0, 0, status_flag::kAutocommit, 0, "", {}}, capability::kBackendAlways);
}

// A client that has answered the greeting.
struct Dialogue {
  explicit Dialogue(BackendTarget target = make_target(), Greeting greeting = make_greeting())
      : client(login_backend(std::move(target))) {
    client.give_packet(encode_greeting(greeting));
    if (!client.ended()) {
      first = client.take_packet();
    }
  }
  HandshakeResponse response() const { return decode_handshake_response(first).value(); }
  Buffer ask(const Buffer& payload) {
    client.give_packet(payload);
    return client.take_packet();
  }
  const Failure& failure() {
    EXPECT_TRUE(client.ended());
    return client.result().failure();
  }

  Driven<BackendLogin> client;
  Buffer first;
};

// ---- against our own server

TEST(LoginBackend, AgreesWithAcceptClientInEveryWay) {
  for (bool tls : {false, true}) {
    for (int stored = 0; stored < 3; ++stored) {
      for (int known = 0; known < 3; ++known) {
        auto secret = std::make_shared<Secret>();
        secret->known = true;
        if (stored == 0) {
          secret->password = kPassword;
        } else if (stored == 1) {
          secret->mysql_native_hash = "*9B500343BC52E2911172EB52AE5CF4847604C6E5";
        } else {
          secret->caching_sha2_digest =
              as_text(caching_sha2_digest(caching_sha2_stage1(kPassword)));
        }
        BackendTarget target = make_target();
        if (known != 0) {
          target.password.reset();
        }
        if (known == 1) {
          target.learned.mysql_native_stage1 = as_text(native_stage1(kPassword));
        } else if (known == 2) {
          target.learned.caching_sha2_stage1 = as_text(caching_sha2_stage1(kPassword));
        }
        target.tls = tls ? TlsMode::require : TlsMode::disable;
        AcceptOptions options;
        options.tls = tls ? TlsMode::require : TlsMode::disable;
        options.rsa_key = test_rsa_key();
        options.connection_id = 5;
        options.server_version = "9.7.0";
        Driven<ClientLogin> server(accept_client(options), secret);
        Driven<BackendLogin> client(login_backend(target));
        for (Buffer bytes = server.take_output(); !bytes.empty(); bytes = server.take_output()) {
          client.give(bytes);
          server.give(client.take_output());
        }
        ASSERT_TRUE(server.ended() || client.ended());
        // A hash of one method cannot answer the other.
        const bool possible = known == 0 || stored == 0 || known == stored;
        ASSERT_EQ(server.ended() && server.result().ok(), possible) << stored << known;
        if (!possible) {
          EXPECT_FALSE(client.result().ok());
          continue;
        }
        const ClientLogin& login = *server.result();
        client.give(packet(login.sequence, encode_ok({0, 0, 2, 0, "", {}}, login.capabilities)));
        ASSERT_TRUE(client.ended());
        ASSERT_TRUE(client.result().ok()) << client.result().failure().text;
        EXPECT_EQ(client.result()->capabilities, login.capabilities);
        EXPECT_EQ(client.result()->status, 2);
        EXPECT_EQ(client.result()->process_id, 5U);
        EXPECT_EQ(client.tls(), tls);
        EXPECT_EQ(login.tls, tls);
      }
    }
  }
}

// ---- the answer to the greeting

TEST(LoginBackend, AnswersAGreetingWithWhatWasAskedFor) {
  BackendTarget target = make_target();
  target.capabilities = capability::kFoundRows | capability::kInteractive | capability::kCompress;
  Dialogue dialogue(target);
  const HandshakeResponse response = dialogue.response();
  EXPECT_EQ(response.capabilities,
            capability::kBackendAlways | capability::kConnectWithDb | capability::kFoundRows);
  EXPECT_EQ(response.user, "app");
  EXPECT_EQ(response.database, "pets");
  EXPECT_EQ(response.collation, kUtf8mb4GeneralCi);
  EXPECT_EQ(response.plugin, kCachingSha2);
  EXPECT_EQ(response.attributes, (Parameters{{"program_name", "sluice"}}));
  EXPECT_EQ(response.auth, caching_sha2_token(caching_sha2_stage1(kPassword), as_bytes(kNonce)));
  EXPECT_TRUE(dialogue.ask(from_hex("0103")).empty());
  EXPECT_TRUE(dialogue.ask(final_ok()).empty());
  ASSERT_TRUE(dialogue.client.ended());
  ASSERT_TRUE(dialogue.client.result().ok());
  EXPECT_EQ(dialogue.client.result()->status, status_flag::kAutocommit);
  EXPECT_EQ(dialogue.client.result()->server_version, "9.7.0");
  EXPECT_FALSE(dialogue.client.result()->mariadb);
}

TEST(LoginBackend, ASwitchAtOnceIsFollowedOnce) {
  Dialogue dialogue;
  const Buffer answer = dialogue.ask(encode_auth_switch(kNativePassword, kOtherNonce));
  EXPECT_EQ(answer, native_token(native_stage1(kPassword), as_bytes(kOtherNonce)));
  dialogue.client.give_packet(encode_auth_switch(kNativePassword, kNonce));
  EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_protocol);
}

TEST(LoginBackend, ASwitchMayComeAfterFastData) {
  Dialogue dialogue;
  dialogue.ask(from_hex("0103"));
  EXPECT_FALSE(dialogue.ask(encode_auth_switch(kCachingSha2, kOtherNonce)).empty());
  dialogue.ask(from_hex("0103"));
  dialogue.ask(final_ok());
  EXPECT_TRUE(dialogue.client.result().ok());
}

TEST(LoginBackend, KnowsMariaDb) {
  Greeting greeting = make_greeting();
  greeting.server_version = "5.5.5-10.11.6-MariaDB-0+deb12u1";
  greeting.plugin = kNativePassword;
  greeting.capabilities &= ~capability::kLongPassword;
  BackendTarget target = make_target();
  target.collation = kUtf8mb40900AiCi;
  Dialogue dialogue(target, greeting);
  EXPECT_EQ(dialogue.response().plugin, kNativePassword);
  EXPECT_EQ(dialogue.response().collation, kUtf8mb4GeneralCi);
  EXPECT_NE(dialogue.response().capabilities & capability::kLongPassword, 0U);
  dialogue.ask(final_ok());
  ASSERT_TRUE(dialogue.client.result().ok());
  EXPECT_TRUE(dialogue.client.result()->mariadb);
  EXPECT_EQ(dialogue.client.result()->server_version, "10.11.6-MariaDB-0+deb12u1");
}

TEST(LoginBackend, AnEmptyPasswordSendsNoToken) {
  BackendTarget target = make_target();
  target.password = "";
  Dialogue dialogue(target);
  EXPECT_EQ(dialogue.response().auth, Buffer{0});
  EXPECT_TRUE(dialogue.ask(encode_auth_switch(kNativePassword, kOtherNonce)).empty());
  EXPECT_FALSE(dialogue.client.ended());
  // An empty packet was written: its header alone counts.
  dialogue.client.give(packet(4, final_ok()));
  EXPECT_TRUE(dialogue.client.result().ok());
}

// ---- full authentication

TEST(LoginBackend, OverAUnixSocketThePasswordGoesInClear) {
  BackendTarget target = make_target();
  target.local = true;
  Dialogue dialogue(target);
  EXPECT_EQ(dialogue.ask(from_hex("0104")), from_hex("666f6f62617200"));
  dialogue.ask(final_ok());
  EXPECT_TRUE(dialogue.client.result().ok());
}

TEST(LoginBackend, WithoutTlsThePasswordGoesUnderRsa) {
  Dialogue dialogue;
  EXPECT_EQ(dialogue.ask(from_hex("0104")), from_hex("02"));
  const Buffer cipher = dialogue.ask(encode_auth_more_data(as_bytes(test_rsa_key()->public_pem())));
  const std::optional<Buffer> plain = test_rsa_key()->decrypt(cipher);
  ASSERT_TRUE(plain);
  EXPECT_EQ(mask_with_nonce(*plain, as_bytes(kNonce)), from_hex("666f6f62617200"));
  dialogue.ask(final_ok());
  EXPECT_TRUE(dialogue.client.result().ok());
}

TEST(LoginBackend, FullAuthenticationNeedsThePassword) {
  BackendTarget target = make_target();
  target.password.reset();
  target.learned.caching_sha2_stage1 = as_text(caching_sha2_stage1(kPassword));
  Dialogue dialogue(target);
  dialogue.ask(from_hex("0104"));
  EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_login_failed);
  EXPECT_NE(dialogue.failure().text.find("'app' on db1:3306"), std::string::npos);
}

TEST(LoginBackend, AKeyThatIsNoneIsRefused) {
  for (const char* pem : {"01", "0148656c6c6f"}) {
    Dialogue dialogue;
    dialogue.ask(from_hex("0104"));
    dialogue.ask(from_hex(pem));
    EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_protocol);
  }
}

// ---- methods that are refused by name

TEST(LoginBackend, OtherMethodsAreRefusedByName) {
  for (const char* plugin : {"client_ed25519", "dialog", "sha256_password", ""}) {
    Dialogue dialogue;
    dialogue.ask(encode_auth_switch(plugin, kOtherNonce));
    EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_login_failed);
    EXPECT_NE(dialogue.failure().text.find(plugin), std::string::npos);
  }
}

TEST(LoginBackend, ThePasswordsOfMySql40AreRefused) {
  Dialogue dialogue;
  dialogue.ask(from_hex("fe"));
  EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_login_failed);
}

TEST(LoginBackend, ClearPasswordsNeedAVerifiedCertificate) {
  for (TlsMode mode : {TlsMode::disable, TlsMode::prefer, TlsMode::require, TlsMode::verify_ca,
                       TlsMode::verify_full}) {
    BackendTarget target = make_target();
    target.tls = mode;
    Greeting greeting = make_greeting();
    greeting.capabilities |= capability::kSsl;
    Dialogue dialogue(target, greeting);
    if (mode != TlsMode::disable) {
      EXPECT_TRUE(is_ssl_request(dialogue.first));
      EXPECT_TRUE(dialogue.client.tls());
      dialogue.client.take_packet();
    }
    const Buffer answer = dialogue.ask(encode_auth_switch(kClearPassword, ""));
    if (mode == TlsMode::verify_ca || mode == TlsMode::verify_full) {
      EXPECT_EQ(answer, from_hex("666f6f62617200"));
    } else {
      EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_login_failed);
      EXPECT_TRUE(answer.empty());
    }
  }
}

TEST(LoginBackend, RequiredTlsThatIsNotThereIsAFailure) {
  BackendTarget target = make_target();
  target.tls = TlsMode::require;
  Dialogue dialogue(target);
  EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_tls_failed);
}

// ---- the server's errors

TEST(LoginBackend, AnErrorInsteadOfAGreetingKeepsItsNumber) {
  Driven<BackendLogin> client(login_backend(make_target()));
  client.give_packet(encode_err({1040, "", "Too many connections"}, false));
  ASSERT_TRUE(client.ended());
  const Failure& failure = client.result().failure();
  EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
  EXPECT_EQ(failure.mysql_errno(), 1040);
  EXPECT_EQ(failure.text, "login as 'app' on db1:3306 was refused: Too many connections");
}

TEST(LoginBackend, ARefusalKeepsItsCodes) {
  Dialogue dialogue;
  dialogue.ask(encode_err({1045, "28000", "Access denied"}));
  EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_login_failed);
  EXPECT_EQ(dialogue.failure().mysql_errno(), 1045);
  EXPECT_EQ(dialogue.failure().sqlstate(), "28000");
}

TEST(LoginBackend, AnUnknownDatabaseHasAKindOfItsOwn) {
  Dialogue dialogue;
  dialogue.ask(encode_err({1049, "42000", "Unknown database 'pets'"}));
  EXPECT_EQ(dialogue.failure().kind, FailureKind::unknown_database);
  EXPECT_EQ(dialogue.failure().sqlstate(), "42000");
}

// ---- garbage

TEST(LoginBackend, AGreetingCutAnywhereIsGarbage) {
  const Buffer whole = encode_greeting(make_greeting());
  const std::size_t plugin = whole.size() - std::string_view(kCachingSha2).size() - 1;
  for (std::size_t size = 0; size < plugin; ++size) {
    Driven<BackendLogin> client(login_backend(make_target()));
    client.give_packet(Bytes(whole).first(size));
    ASSERT_TRUE(client.ended()) << size;
    EXPECT_EQ(client.result().failure().kind, FailureKind::backend_protocol) << size;
  }
}

TEST(LoginBackend, EveryUnexpectedPacketIsGarbage) {
  for (int stage = 0; stage < 4; ++stage) {
    for (const char* hex : {"", "02", "0105", "01", "fb", "0a", "00", "0000000200", "ff", "ff15"}) {
      BackendTarget target = make_target();
      target.local = stage == 3;
      Dialogue dialogue(target);
      if (stage == 1) {
        dialogue.ask(from_hex("0103"));
      } else if (stage > 1) {
        dialogue.ask(from_hex("0104"));
      }
      dialogue.ask(from_hex(hex));
      ASSERT_TRUE(dialogue.client.ended()) << stage << " " << hex;
      EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_protocol) << stage << " " << hex;
    }
  }
}

TEST(LoginBackend, WordsOutOfPlaceAreGarbage) {
  for (const char* word : {"0103", "0104"}) {
    Dialogue after_fast;
    after_fast.ask(from_hex("0103"));
    after_fast.ask(from_hex(word));
    EXPECT_EQ(after_fast.failure().kind, FailureKind::backend_protocol);
    Dialogue native;
    native.ask(encode_auth_switch(kNativePassword, kOtherNonce));
    native.ask(from_hex(word));
    EXPECT_EQ(native.failure().kind, FailureKind::backend_protocol);
  }
  Dialogue early_ok;
  early_ok.ask(from_hex("0104"));
  early_ok.ask(final_ok());
  EXPECT_EQ(early_ok.failure().kind, FailureKind::backend_protocol);
}

TEST(LoginBackend, NoncesOfAnotherSizeAreGarbage) {
  for (std::size_t size : {0U, 8U, 19U, 22U, 40U}) {
    Dialogue dialogue;
    Buffer request = encode_auth_switch(kNativePassword, std::string(size, 'n'));
    request.pop_back();
    dialogue.ask(request);
    EXPECT_EQ(dialogue.failure().kind, FailureKind::backend_protocol) << size;
  }
}

TEST(LoginBackend, EveryWrongSequenceIsGarbage) {
  for (int sequence = 0; sequence < 256; ++sequence) {
    Dialogue dialogue;
    dialogue.client.give(packet(static_cast<std::uint8_t>(sequence), final_ok()));
    ASSERT_TRUE(dialogue.client.ended());
    EXPECT_EQ(dialogue.client.result().ok(), sequence == 2);
  }
}

TEST(GreetBackend, TellsWhatTheServerIsAndCanDo) {
  Driven<BackendLogin> client(greet_backend(make_target()));
  client.give_packet(encode_greeting(make_greeting()));
  ASSERT_TRUE(client.ended());
  ASSERT_TRUE(client.result().ok());
  EXPECT_EQ(client.result()->server_version, "9.7.0");
  EXPECT_EQ(client.result()->capabilities, make_greeting().capabilities);
  EXPECT_TRUE(client.take_output().empty());
  Driven<BackendLogin> refused(greet_backend(make_target()));
  refused.give_packet(encode_err({1129, "", "Host is blocked"}, false));
  EXPECT_EQ(refused.result().failure().mysql_errno(), 1129);
}

}  // namespace
}  // namespace sluice::protocol::mysql
