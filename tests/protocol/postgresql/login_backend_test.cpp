#include "protocol/postgresql/login_backend.hpp"

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "tests/protocol/postgresql/login_fixtures.hpp"

namespace sluice::protocol::postgresql {
namespace {

using namespace fixtures;
using BackendScript = tests::Script<BackendLogin>;

const Buffer kSslRequest{0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F};

BackendTarget target(TlsMode tls = TlsMode::disable) {
  BackendTarget to;
  to.host = "db.example";
  to.user = kUser;
  to.database = "pets";
  to.tls = tls;
  to.password = kPassword;
  to.parameters = {{"application_name", "test"}};
  return to;
}

BackendScript started() {
  BackendScript script;
  script.expect_write(startup_frame_bytes());
  return script;
}

// AuthenticationOk and what follows it.
BackendScript& welcome(BackendScript& script) {
  return script.give(authentication_frame(authentication::kOk))
      .give(frame_of(put_parameter_status, "server_version", "15.9"))
      .give(frame_of(put_backend_key_data, 4711U, Buffer{9, 8, 7, 6}))
      .give(frame_of(put_parameter_status, "TimeZone", "UTC"))
      .give(frame_of(put_ready_for_query, 'I'));
}

Buffer error_frame(std::string_view sqlstate, std::string_view text) {
  Failure failure = fail(FailureKind::internal, std::string(text));
  failure.sqlstate_override = sqlstate;
  return frame_of(put_error_response, failure, ErrorLevel::fatal, "");
}

// Plays a script whose login must fail.
Failure failure_of(BackendScript& script, BackendTarget to) {
  Result<BackendLogin> login = script.play(login_backend(std::move(to)));
  return login ? fail(FailureKind::count_, "it succeeded") : login.failure();
}

TEST(PostgresqlBackend, TrustAndWhatTheServerReports) {
  BackendScript script = started();
  Result<BackendLogin> login = welcome(script).play(login_backend(target()));
  ASSERT_TRUE(login) << login.failure().text;
  EXPECT_EQ(login->server_version, "15.9");
  EXPECT_EQ(login->process_id, 4711U);
  EXPECT_EQ(login->cancel_key, (Buffer{9, 8, 7, 6}));
  EXPECT_EQ(login->parameters, (Parameters{{"server_version", "15.9"}, {"TimeZone", "UTC"}}));
  EXPECT_FALSE(login->tls);
}

TEST(PostgresqlBackend, NoticesAndNegotiationAreTolerated) {
  Buffer notice = error_frame("00000", "hello");
  notice[0] = 'N';
  BackendScript script = started();
  script.give(notice).give(
      frame_of(put_negotiate_protocol_version, kProtocol30, std::vector<std::string>{"_pq_.x"}));
  script.give(frame_of(put_parameter_status, "a", "1"));
  script.give(authentication_frame(authentication::kOk)).give(notice);
  script.give(frame_of(put_parameter_status, "a", "2"));
  Result<BackendLogin> login =
      script.give(frame_of(put_ready_for_query, 'I')).play(login_backend(target()));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->parameters, (Parameters{{"a", "2"}}));
}

// ---- TLS

TEST(PostgresqlBackend, TlsByMode) {
  for (TlsMode mode : {TlsMode::prefer, TlsMode::require, TlsMode::verify_full}) {
    BackendScript script;
    script.expect_write(kSslRequest).give(Buffer{'S'}).expect_tls();
    script.expect_write(startup_frame_bytes());
    Result<BackendLogin> login = welcome(script).play(login_backend(target(mode)));
    ASSERT_TRUE(login);
    EXPECT_TRUE(login->tls);
  }
  BackendScript plain;
  plain.expect_write(kSslRequest).give(Buffer{'N'}).expect_write(startup_frame_bytes());
  Result<BackendLogin> login = welcome(plain).play(login_backend(target(TlsMode::prefer)));
  ASSERT_TRUE(login);
  EXPECT_FALSE(login->tls);

  BackendTarget local = target(TlsMode::require);
  local.local = true;
  BackendScript socket = started();
  EXPECT_TRUE(welcome(socket).play(login_backend(local)));
}

TEST(PostgresqlBackend, TlsIsNotGivenUpWhereItIsRequired) {
  BackendScript refused;
  refused.expect_write(kSslRequest).give(Buffer{'N'});
  EXPECT_EQ(failure_of(refused, target(TlsMode::require)).kind, FailureKind::backend_tls_failed);
  for (TlsMode mode : {TlsMode::prefer, TlsMode::require}) {
    BackendScript error;
    error.expect_write(kSslRequest).give(Buffer{'E'});
    EXPECT_EQ(failure_of(error, target(mode)).kind, FailureKind::backend_tls_failed);
    BackendScript garbage;
    garbage.expect_write(kSslRequest).give(Buffer{'H'});
    EXPECT_EQ(failure_of(garbage, target(mode)).kind, FailureKind::backend_protocol);
  }
}

// ---- methods

BackendScript password_script() {
  BackendScript script = started();
  script.give(authentication_frame(authentication::kCleartextPassword))
      .expect_write(password_frame(kPassword));
  return welcome(script);
}

BackendScript md5_script() {
  BackendScript script = started();
  script.give(authentication_frame(authentication::kMd5Password, "salt"))
      .expect_write(password_frame(md5_answer(md5_hash(kUser, kPassword), as_bytes("salt"))));
  return welcome(script);
}

// A server that knows kPassword by its verifier.
BackendScript scram_script(const Secret& secret, const std::string& salt_and_count = {}) {
  auto verifier = std::make_shared<ScramVerifier>(*parse_scram_verifier(*secret.scram_verifier));
  auto server = std::make_shared<ScramServer>();
  BackendScript script = started();
  script.give(sasl_request_frame()).expect_any_write();
  script.give([=](Bytes written) {
    SaslInitialResponse initial = *parse_sasl_initial_response(open_message(written)->body);
    EXPECT_EQ(initial.mechanism, kScramSha256);
    Result<std::string> first = server->first(*initial.data, *verifier, "server-nonce");
    EXPECT_TRUE(first);
    std::string text = *first;
    if (!salt_and_count.empty()) {
      text = text.substr(0, text.find(",s=")) + salt_and_count;
    }
    return authentication_frame(authentication::kSaslContinue, text);
  });
  script.expect_any_write().give([=](Bytes written) {
    Result<ScramServer::Final> final = server->finish(open_message(written)->body, *verifier);
    EXPECT_TRUE(final);
    return final && final->proven
               ? authentication_frame(authentication::kSaslFinal, final->server_final)
               : error_frame("28P01", "password authentication failed");
  });
  return script;
}

BackendScript good_scram() {
  static const Secret secret = with_verifier();
  BackendScript script = scram_script(secret);
  return welcome(script);
}

TEST(PostgresqlBackend, EveryMethodWithTheRightPassword) {
  EXPECT_TRUE(password_script().play(login_backend(target())));
  EXPECT_TRUE(md5_script().play(login_backend(target())));
  EXPECT_TRUE(good_scram().play(login_backend(target())));
}

TEST(PostgresqlBackend, DamagedLoginsFailAtEveryStep) {
  auto machine = [] { return login_backend(target()); };
  BackendScript::fails_at_every_step(password_script, machine, relength);
  BackendScript::fails_at_every_step(md5_script, machine, relength);
  BackendScript::fails_at_every_step(good_scram, machine, relength);
  auto tls = [] {
    BackendScript script;
    script.expect_write(kSslRequest).give(Buffer{'S'}).expect_tls();
    script.expect_write(startup_frame_bytes());
    return welcome(script);
  };
  BackendScript::fails_at_every_step(
      tls, [] { return login_backend(target(TlsMode::prefer)); }, [](Buffer&) {});
}

TEST(PostgresqlBackend, AWrongPasswordIsTheServersError) {
  BackendScript script = scram_script(with_verifier("another"));
  Failure failure = failure_of(script, target());
  EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
  EXPECT_EQ(failure.sqlstate(), "28P01");
  EXPECT_EQ(failure.text,
            "backend db.example refused the login of user \"app\" to database \"pets\": "
            "password authentication failed");
  EXPECT_EQ(failure.text.find(kPassword), std::string::npos);
}

TEST(PostgresqlBackend, AClearPasswordNeedsAPrivateChannel) {
  BackendScript script;
  script.expect_write(kSslRequest).give(Buffer{'N'}).expect_write(startup_frame_bytes());
  script.give(authentication_frame(authentication::kCleartextPassword));
  EXPECT_EQ(failure_of(script, target(TlsMode::prefer)).kind, FailureKind::backend_login_failed);

  BackendScript encrypted;
  encrypted.expect_write(kSslRequest).give(Buffer{'S'}).expect_tls();
  encrypted.expect_write(startup_frame_bytes())
      .give(authentication_frame(authentication::kCleartextPassword))
      .expect_write(password_frame(kPassword));
  EXPECT_TRUE(welcome(encrypted).play(login_backend(target(TlsMode::prefer))));
}

TEST(PostgresqlBackend, TheServerMustProveItselfBeforeOk) {
  BackendScript script = started();
  script.give(sasl_request_frame()).expect_any_write();
  script.give(authentication_frame(authentication::kOk));
  EXPECT_EQ(failure_of(script, target()).kind, FailureKind::backend_protocol);

  // A server that knows the salt but not the server key.
  Secret stolen = with_verifier();
  ScramVerifier verifier = *parse_scram_verifier(*stolen.scram_verifier);
  verifier.server_key[0] ^= 1U;
  stolen.scram_verifier = format_scram_verifier(verifier);
  BackendScript rogue = scram_script(stolen);
  Failure failure = failure_of(rogue, target());
  EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
  EXPECT_NE(failure.text.find("did not prove"), std::string::npos);
}

TEST(PostgresqlBackend, TooManyIterationsAreRefused) {
  BackendScript script = started();
  script.give(sasl_request_frame()).expect_any_write().give([](Bytes written) {
    std::string_view first =
        as_text(*parse_sasl_initial_response(open_message(written)->body)->data);
    std::string text(first.substr(first.find("r=")));
    return authentication_frame(authentication::kSaslContinue, text + "x,s=YWE=,i=100001");
  });
  Failure failure = failure_of(script, target());
  EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
  EXPECT_NE(failure.text.find("100001"), std::string::npos);
}

BackendTarget learned_target(const Secret& secret) {
  ScramVerifier verifier = *parse_scram_verifier(*secret.scram_verifier);
  ScramKeys keys = *derive_scram_keys(kPassword, verifier.salt, verifier.iterations);
  BackendTarget to = target();
  to.password.reset();
  to.learned.scram_client_key = std::string(as_text(keys.client_key));
  to.learned.scram_verifier = secret.scram_verifier;
  return to;
}

TEST(PostgresqlBackend, ALearnedKeyIsEnoughForTheSameVerifier) {
  Secret secret = with_verifier();
  BackendScript script = scram_script(secret);
  EXPECT_TRUE(welcome(script).play(login_backend(learned_target(secret))));
}

TEST(PostgresqlBackend, ALearnedKeyIsNotTriedOnAnotherVerifier) {
  Secret secret = with_verifier();
  for (const char* other : {",s=b3RoZXIgc2FsdA==,i=12", ",s=MDEyMzQ1Njc4OWFiY2RlZg==,i=13"}) {
    BackendScript script = started();
    script.give(sasl_request_frame()).expect_any_write().give([other](Bytes written) {
      std::string_view first =
          as_text(*parse_sasl_initial_response(open_message(written)->body)->data);
      return authentication_frame(authentication::kSaslContinue,
                                  std::string(first.substr(first.find("r="))) + "x" + other);
    });
    Failure failure = failure_of(script, learned_target(secret));
    EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
    EXPECT_NE(failure.text.find("verifier"), std::string::npos);
  }
}

TEST(PostgresqlBackend, APasswordLearnedInClearIsUsed) {
  BackendTarget to = target();
  to.learned.password = std::exchange(to.password, std::nullopt);
  EXPECT_TRUE(md5_script().play(login_backend(to)));
}

TEST(PostgresqlBackend, WithoutAPasswordTheMethodIsNamed) {
  BackendTarget to = target();
  to.password.reset();
  const std::pair<Buffer, std::string> rows[] = {
      {authentication_frame(authentication::kCleartextPassword), "password"},
      {authentication_frame(authentication::kMd5Password, "salt"), "md5"},
      {sasl_request_frame(), "SCRAM-SHA-256"},
      {authentication_frame(authentication::kGss), "GSSAPI"},
      {authentication_frame(authentication::kSspi), "SSPI"},
      {authentication_frame(99), "method 99"},
      {frame_of(put_authentication_sasl, std::vector<std::string_view>{"OAUTHBEARER"}),
       "OAUTHBEARER"}};
  for (const auto& [request, name] : rows) {
    BackendScript script = started();
    script.give(request);
    Failure failure = failure_of(script, to);
    EXPECT_EQ(failure.kind, FailureKind::backend_login_failed) << name;
    EXPECT_NE(failure.text.find(name), std::string::npos) << failure.text;
  }
}

// ---- errors and garbage

TEST(PostgresqlBackend, ServerErrorsKeepTheirSqlstate) {
  BackendScript missing = started();
  missing.give(error_frame("3D000", "database \"pets\" does not exist"));
  Failure failure = failure_of(missing, target());
  EXPECT_EQ(failure.kind, FailureKind::unknown_database);
  EXPECT_EQ(failure.sqlstate(), "3D000");

  BackendScript full = started();
  full.give(authentication_frame(authentication::kOk))
      .give(error_frame("53300", "too many\nconnections"));
  failure = failure_of(full, target());
  EXPECT_EQ(failure.kind, FailureKind::backend_login_failed);
  EXPECT_EQ(failure.sqlstate(), "53300");
  EXPECT_NE(failure.text.find("too many?connections"), std::string::npos);
}

TEST(PostgresqlBackend, ErrorsWithoutFieldsAreTolerated) {
  for (const char* sqlstate : {"12", "bad!!", "123456"}) {
    BackendScript script = started();
    script.give(error_frame(sqlstate, "x"));
    EXPECT_EQ(failure_of(script, target()).sqlstate(),
              failure_row(FailureKind::backend_login_failed).sqlstate);
  }
  BackendScript script = started();
  script.give(Buffer{'E', 0, 0, 0, 5, 0});
  EXPECT_NE(failure_of(script, target()).text.find("without a reason"), std::string::npos);
}

TEST(PostgresqlBackend, UnexpectedMessagesAreProtocolErrors) {
  const Buffer ok = authentication_frame(authentication::kOk);
  const Buffer ready = frame_of(put_ready_for_query, 'I');
  const Buffer key = frame_of(put_backend_key_data, 1U, Buffer{1, 2, 3, 4});
  for (const Buffer& early :
       {ready, key, Buffer{'T', 0, 0, 0, 4},
        frame_of(put_negotiate_protocol_version, kProtocol32, std::vector<std::string>{})}) {
    BackendScript script = started();
    script.give(early);
    EXPECT_EQ(failure_of(script, target()).kind, FailureKind::backend_protocol);
  }
  for (const Buffer& late : {ok, frame_of(put_ready_for_query, 'T'), Buffer{'D', 0, 0, 0, 4}}) {
    BackendScript script = started();
    script.give(ok).give(key).give(late);
    EXPECT_EQ(failure_of(script, target()).kind, FailureKind::backend_protocol);
  }
  BackendScript twice = started();
  twice.give(ok).give(key).give(key);
  EXPECT_EQ(failure_of(twice, target()).kind, FailureKind::backend_protocol);
}

TEST(PostgresqlBackend, AFloodOfReportsIsRefused) {
  BackendScript many = started();
  for (int i = 0; i <= 1000; ++i) {
    many.give(frame_of(put_parameter_status, "a", "1"));
  }
  EXPECT_EQ(failure_of(many, target()).kind, FailureKind::backend_protocol);
  BackendScript large = started();
  for (int i = 0; i < 18; ++i) {
    large.give(frame_of(put_parameter_status, "p" + std::to_string(i), std::string(60000, 'x')));
  }
  EXPECT_EQ(failure_of(large, target()).kind, FailureKind::backend_protocol);
}

TEST(PostgresqlBackend, TextsWithNulAreNeverSent) {
  BackendTarget to = target();
  to.parameters.emplace_back("application_name", std::string("x\0user\0root", 11));
  BackendScript script;
  EXPECT_EQ(failure_of(script, to).kind, FailureKind::backend_login_failed);
}

}  // namespace
}  // namespace sluice::protocol::postgresql
