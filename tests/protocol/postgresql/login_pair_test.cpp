// The two login machines against each other, in memory.

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "tests/protocol/postgresql/login_fixtures.hpp"
#include "tests/support/memory_driver.hpp"

namespace sluice::protocol::postgresql {
namespace {

using namespace fixtures;

struct Pair {
  tests::MemoryDriver<ClientLogin> client;
  tests::MemoryDriver<BackendLogin> backend;

  Pair(AcceptOptions options, BackendTarget target, Secret secret)
      : client(accept_client(std::move(options)), std::move(secret)),
        backend(login_backend(std::move(target))) {}

  // True when both are in.
  bool run() {
    tests::converse(client, backend);
    if (!client.ended() || !client.result()) {
      return false;
    }
    put_parameter_status(client.outbox, "server_version", "15.9");
    put_backend_key_data(client.outbox, 7, Buffer{1, 2, 3, 4});
    put_ready_for_query(client.outbox, 'I');
    tests::converse(client, backend);
    return backend.ended() && backend.result().ok();
  }
};

AcceptOptions options(TlsMode tls) {
  AcceptOptions accept;
  accept.tls = tls;
  accept.mock_salt_key = "key";
  return accept;
}

BackendTarget target(TlsMode tls, const std::string& password = kPassword) {
  BackendTarget to;
  to.host = "peer";
  to.user = kUser;
  to.database = "pets";
  to.password = password;
  to.tls = tls;
  return to;
}

Secret md5_secret() {
  Secret secret = known();
  secret.md5_hash = md5_hash(kUser, kPassword);
  return secret;
}

Secret native_secret() {
  Secret secret = known();
  secret.mysql_native_hash = "*" + hex_encode(sha1(sha1(as_bytes(kPassword))));
  return secret;
}

TEST(PostgresqlLoginPair, EveryMethodOverEveryTlsMode) {
  for (const Secret& secret : {with_password(), with_verifier(), md5_secret(), native_secret()}) {
    for (TlsMode tls : {TlsMode::disable, TlsMode::prefer, TlsMode::require}) {
      if (tls == TlsMode::disable && secret.mysql_native_hash) {
        continue;
      }
      Pair pair(options(tls), target(tls), secret);
      ASSERT_TRUE(pair.run());
      EXPECT_EQ(pair.client.tls, tls != TlsMode::disable);
      EXPECT_EQ(pair.backend.tls, tls != TlsMode::disable);
      EXPECT_EQ(pair.backend.result()->server_version, "15.9");
      EXPECT_TRUE(pair.backend.inbox.empty());
    }
  }
}

TEST(PostgresqlLoginPair, EveryMethodRefusesAWrongPassword) {
  for (const Secret& secret :
       {with_password(), with_verifier(), md5_secret(), native_secret(), Secret{}}) {
    Pair pair(options(TlsMode::prefer), target(TlsMode::prefer, "wrong"), secret);
    EXPECT_FALSE(pair.run());
    ASSERT_TRUE(pair.client.ended());
    EXPECT_EQ(pair.client.result().failure().kind, FailureKind::authentication_failed);
    ASSERT_TRUE(pair.backend.ended());
    EXPECT_EQ(pair.backend.result().failure().sqlstate(), "28P01");
  }
}

TEST(PostgresqlLoginPair, WhatAClientTeachesOpensABackendWithTheSameVerifier) {
  Secret secret = with_verifier();
  Pair first(options(TlsMode::disable), target(TlsMode::disable), secret);
  ASSERT_TRUE(first.run());
  BackendTarget passed_on = target(TlsMode::disable);
  passed_on.password.reset();
  passed_on.learned = first.client.result()->learned;
  Pair second(options(TlsMode::disable), passed_on, secret);
  EXPECT_TRUE(second.run());
}

TEST(PostgresqlLoginPair, ADerivedVerifierServesTheNextLogin) {
  Pair first(options(TlsMode::disable), target(TlsMode::disable), with_password());
  ASSERT_TRUE(first.run());
  Secret cached = with_password();
  cached.scram_verifier = first.client.result()->learned.scram_verifier;
  Pair second(options(TlsMode::disable), target(TlsMode::disable), cached);
  EXPECT_TRUE(second.run());
}

TEST(PostgresqlLoginPair, BytesBeforeTheHandshakeEndTheLogin) {
  tests::MemoryDriver<ClientLogin> client(accept_client(options(TlsMode::prefer)), with_password());
  put_ssl_request(client.inbox);
  Buffer injected = startup_frame_bytes();
  client.inbox.insert(client.inbox.end(), injected.begin(), injected.end());
  client.run();
  EXPECT_TRUE(client.broken);
  EXPECT_FALSE(client.ended());
}

}  // namespace
}  // namespace sluice::protocol::postgresql
