#include "protocol/postgresql/scram.hpp"

#include <gtest/gtest.h>

#include "protocol/crypto.hpp"
#include "protocol/postgresql/md5.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr const char* kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr const char* kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

ScramVerifier verifier_of(std::string_view password) {
  return *derive_scram_verifier(password, as_bytes("0123456789abcdef"), 16);
}

TEST(Scram, VectorOfRfc7677) {
  // The RFC's user name is in the message; PostgreSQL's clients leave it empty, and so do we.
  ScramVerifier verifier =
      *derive_scram_verifier("pencil", *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  ScramServer server;
  Result<std::string> first =
      server.first(as_bytes("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), verifier, kServerNonce);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  Result<ScramServer::Final> final =
      server.finish(as_bytes("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                             "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                    verifier);
  ASSERT_TRUE(final);
  EXPECT_TRUE(final->proven);
  EXPECT_EQ(final->server_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(sha256(final->client_key), verifier.stored_key);
}

TEST(Scram, VerifierRoundTrip) {
  std::string_view text =
      "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$m1vrgrHyQZnAtgPU9yt/lk77VpAfYqZry6sn5bMA7yQ=:"
      "IecpJsqnDH8LapIHofi1STx/B8yPvPs+/YjMC0UGbxU=";
  std::optional<ScramVerifier> verifier = parse_scram_verifier(text);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, 4096U);
  EXPECT_EQ(as_text(verifier->salt), "0123456789abcdef");
  EXPECT_EQ(format_scram_verifier(*verifier), text);
}

TEST(Scram, VerifiersThatAreNot) {
  std::string key = base64_encode(Buffer(32, 1));
  std::string good = "SCRAM-SHA-256$1:YWE=$" + key + ":" + key;
  ASSERT_TRUE(parse_scram_verifier(good));
  for (const std::string& bad :
       {std::string(), std::string("SCRAM-SHA-256$"), "SCRAM-SHA-1$1:YWE=$" + key + ":" + key,
        "SCRAM-SHA-256$0:YWE=$" + key + ":" + key, "SCRAM-SHA-256$-1:YWE=$" + key + ":" + key,
        "SCRAM-SHA-256$4294967296:YWE=$" + key + ":" + key,
        "SCRAM-SHA-256$1 :YWE=$" + key + ":" + key, "SCRAM-SHA-256$1:$" + key + ":" + key,
        "SCRAM-SHA-256$1:YWE=$" + key, "SCRAM-SHA-256$1:YWE=$YWE=:" + key, good + "x",
        "SCRAM-SHA-256$1$YWE=:" + key + ":" + key}) {
    EXPECT_FALSE(parse_scram_verifier(bad)) << bad;
  }
}

TEST(Scram, BothSidesAgree) {
  ScramVerifier verifier = verifier_of("secret");
  ScramClient client(kClientNonce);
  ScramServer server;
  Result<std::string> first = server.first(as_bytes(client.first()), verifier, kServerNonce);
  ASSERT_TRUE(first);
  Result<ScramClient::Challenge> challenge = client.challenge(as_bytes(*first));
  ASSERT_TRUE(challenge);
  ScramKeys keys = *derive_scram_keys("secret", challenge->salt, challenge->iterations);
  Result<ScramServer::Final> final = server.finish(as_bytes(client.finish(keys)), verifier);
  ASSERT_TRUE(final);
  ASSERT_TRUE(final->proven);
  EXPECT_EQ(final->client_key, keys.client_key);
  EXPECT_TRUE(client.verify(as_bytes(final->server_final)));
  EXPECT_FALSE(client.verify(as_bytes("v=" + base64_encode(Buffer(32, 1)))));
  EXPECT_FALSE(client.verify(as_bytes("v=")));
  EXPECT_EQ(client.verify(as_bytes("e=other-error")).failure().kind,
            FailureKind::backend_login_failed);
  EXPECT_FALSE(client.verify(as_bytes(final->server_final + ",x=y")));
}

TEST(Scram, WrongPasswordIsNotProven) {
  ScramVerifier verifier = verifier_of("secret");
  ScramClient client(kClientNonce);
  ScramServer server;
  std::string first = *server.first(as_bytes(client.first()), verifier, kServerNonce);
  ScramClient::Challenge challenge = *client.challenge(as_bytes(first));
  std::string answer =
      client.finish(*derive_scram_keys("Secret", challenge.salt, challenge.iterations));
  Result<ScramServer::Final> final = server.finish(as_bytes(answer), verifier);
  ASSERT_TRUE(final);
  EXPECT_FALSE(final->proven);
  EXPECT_TRUE(final->server_final.empty());
  EXPECT_TRUE(final->client_key.empty());
}

TEST(Scram, ServerRefusesClientFirst) {
  ScramVerifier verifier = verifier_of("secret");
  auto sqlstate = [&](std::string_view message) {
    ScramServer server;
    Result<std::string> first = server.first(as_bytes(message), verifier, kServerNonce);
    return first ? "accepted" : std::string(first.failure().sqlstate());
  };
  EXPECT_EQ(sqlstate("n,,n=,r=abc"), "accepted");
  EXPECT_EQ(sqlstate("y,,n=x,r=abc,z=extension"), "accepted");
  EXPECT_EQ(sqlstate("p=tls-server-end-point,,n=,r=abc"), "08P01");
  EXPECT_EQ(sqlstate("n,a=other,n=,r=abc"), "0A000");
  EXPECT_EQ(sqlstate("n,,m=ext,n=,r=abc"), "0A000");
  for (std::string_view bad :
       {"", "n", "n,", "n,,", "n,,n=", "n,,n=,", "n,,n=,r=", "n,,n=,r=a b", "n,,n=,r=abc,",
        "n,,n=,r=abc,=", "n,,r=abc,n=", "x,,n=,r=abc", "n,x,n=,r=abc", "n,,n=,r=\x7F"}) {
    EXPECT_EQ(sqlstate(bad), "08P01") << bad;
  }
  EXPECT_EQ(sqlstate("n,,n=,r=" + std::string(kMaxScramNonce, 'a')), "accepted");
  EXPECT_EQ(sqlstate("n,,n=,r=" + std::string(kMaxScramNonce + 1, 'a')), "08P01");
  EXPECT_EQ(sqlstate(std::string_view("n,,n=,r=a\0", 10)), "08P01");
  EXPECT_EQ(sqlstate("n,,n=" + std::string(kMaxScramMessage, 'a') + ",r=abc"), "08P01");
}

TEST(Scram, ServerRefusesClientFinal) {
  ScramVerifier verifier = verifier_of("secret");
  ScramServer server;
  ASSERT_TRUE(server.first(as_bytes("y,,n=,r=abc"), verifier, "def"));
  std::string proof = ",p=" + base64_encode(Buffer(32, 1));
  auto accepted = [&](const std::string& message) {
    return server.finish(as_bytes(message), verifier).ok();
  };
  EXPECT_TRUE(accepted("c=eSws,r=abcdef" + proof));
  EXPECT_TRUE(accepted("c=eSws,r=abcdef,x=y" + proof));
  for (const std::string& bad :
       {std::string(), "c=biws,r=abcdef" + proof, "c=eSws,r=abcde" + proof,
        "c=eSws,r=abcdefg" + proof, std::string("c=eSws,r=abcdef"),
        std::string("c=eSws,r=abcdef,p="), std::string("c=eSws,r=abcdef,p=YWE="),
        "c=eSws,r=abcdef" + proof + ",x=y", "c=eSws,r=abcdef" + proof + ",",
        "r=abcdef,c=eSws" + proof, "p=" + proof, "c=eSws,r=abcdef,," + proof}) {
    EXPECT_FALSE(accepted(bad)) << bad;
  }
}

TEST(Scram, ClientRefusesServerFirst) {
  auto kind = [](const std::string& message) {
    ScramClient client("abc");
    Result<ScramClient::Challenge> challenge = client.challenge(as_bytes(message));
    return challenge ? "accepted" : std::string(challenge.failure().label());
  };
  EXPECT_EQ(kind("r=abcdef,s=YWE=,i=4096"), "accepted");
  EXPECT_EQ(kind("r=abcdef,s=YWE=,i=100000"), "accepted");
  EXPECT_EQ(kind("r=abcdef,s=YWE=,i=100001"), "backend_login_failed");
  for (const std::string& bad :
       {std::string(), std::string("r=abc,s=YWE=,i=1"), std::string("r=xyzabc,s=YWE=,i=1"),
        std::string("r=abcdef,s=,i=1"), std::string("r=abcdef,s=?,i=1"),
        std::string("r=abcdef,s=YWE=,i=0"), std::string("r=abcdef,s=YWE=,i=-1"),
        std::string("r=abcdef,s=YWE=,i=99999999999"), std::string("r=abcdef,s=YWE=,i=1x"),
        std::string("r=abcdef,s=YWE=,i=1,x=y"), std::string("r=abcdef,s=YWE="),
        std::string("r=abcdef"), std::string("m=ext,r=abcdef,s=YWE=,i=1"),
        "r=abc" + std::string(kMaxScramNonce, 'd') + ",s=YWE=,i=1"}) {
    EXPECT_EQ(kind(bad), "backend_protocol") << bad;
  }
}

TEST(Scram, NoncesAreFresh) {
  EXPECT_EQ(make_scram_nonce().size(), 24U);
  EXPECT_NE(make_scram_nonce(), make_scram_nonce());
}

TEST(Md5Password, KnownHashAndAnswer) {
  std::string stored = md5_hash("app", "secret");
  EXPECT_EQ(stored, "md5" + hex_encode(md5(as_bytes("secretapp"))));
  EXPECT_TRUE(valid_md5_hash(stored));
  EXPECT_FALSE(valid_md5_hash("md5"));
  EXPECT_FALSE(valid_md5_hash("md5" + std::string(32, 'G')));
  Buffer salt{1, 2, 3, 4};
  std::string inner = stored.substr(3) + std::string("\1\2\3\4");
  EXPECT_EQ(md5_answer(stored, salt), "md5" + hex_encode(md5(as_bytes(inner))));
}

}  // namespace
}  // namespace sluice::protocol::postgresql
