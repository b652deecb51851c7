#include "proxy/credentials.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace sluice::proxy {
namespace {

using protocol::Learned;

config::User with_password(std::string name, std::string password) {
  config::User user;
  user.name = std::move(name);
  user.secret.password = std::move(password);
  return user;
}

config::User with_native_hash(std::string name, std::string hash) {
  config::User user;
  user.name = std::move(name);
  user.secret.mysql_native_hash = std::move(hash);
  return user;
}

Learned cached() {
  Learned learned;
  learned.scram_verifier = "derived";
  learned.caching_sha2_digest = "digest";
  return learned;
}

TEST(Credentials, UnknownUsersAreNotKnownAndTeachNothing) {
  Credentials credentials({with_password("app", "secret")});
  ASSERT_NE(credentials.find("nobody"), nullptr);
  EXPECT_FALSE(credentials.find("nobody")->known);
  // It has a verifier, of no password, so that its login costs what a known user's does.
  const auto mock = credentials.find("nobody")->scram_verifier;
  EXPECT_TRUE(mock.has_value());
  credentials.learn("nobody", cached());
  EXPECT_FALSE(credentials.find("nobody")->known);
  EXPECT_EQ(credentials.find("nobody")->scram_verifier, mock);
  EXPECT_FALSE(credentials.learned("nobody").scram_verifier.has_value());
  EXPECT_FALSE(credentials.find("")->known);
}

TEST(Credentials, HandsOutTheStoredFormsAndWhatWasDerived) {
  Credentials credentials({with_password("app", "secret")});
  const auto before = credentials.find("app");
  EXPECT_TRUE(before->known);
  EXPECT_EQ(before->password, "secret");
  EXPECT_FALSE(before->scram_verifier.has_value());

  credentials.learn("app", cached());
  const auto after = credentials.find("app");
  EXPECT_TRUE(after->known);
  EXPECT_EQ(after->password, "secret");
  EXPECT_EQ(after->scram_verifier, "derived");
  EXPECT_EQ(after->caching_sha2_digest, "digest");
  EXPECT_FALSE(before->scram_verifier.has_value()) << "what was handed out does not change";

  credentials.learn("app", cached());
  EXPECT_EQ(credentials.find("app"), after) << "nothing new, nothing copied";
}

TEST(Credentials, AStoredVerifierIsNeverReplaced) {
  config::User user;
  user.name = "app";
  user.secret.scram_verifier = "stored";
  Credentials credentials({user});
  credentials.learn("app", cached());
  EXPECT_EQ(credentials.find("app")->scram_verifier, "stored");
}

TEST(Credentials, LearnedIsWhatABackendLoginNeeds) {
  Credentials credentials({with_password("app", "secret"), with_native_hash("legacy", "*00")});
  EXPECT_EQ(credentials.learned("app").password, "secret");
  EXPECT_FALSE(credentials.learned("legacy").password.has_value());

  Learned first;
  first.mysql_native_stage1 = "stage1";
  credentials.learn("legacy", first);
  Learned second;
  second.scram_client_key = "key";
  second.caching_sha2_stage1 = "sha";
  credentials.learn("legacy", second);
  EXPECT_EQ(credentials.learned("legacy").mysql_native_stage1, "stage1") << "kept";
  EXPECT_EQ(credentials.learned("legacy").scram_client_key, "key");
  EXPECT_EQ(credentials.learned("legacy").caching_sha2_stage1, "sha");
  EXPECT_FALSE(credentials.find("legacy")->password.has_value());

  credentials.forget("legacy");
  EXPECT_FALSE(credentials.learned("legacy").mysql_native_stage1.has_value());
  EXPECT_EQ(credentials.find("legacy")->mysql_native_hash, "*00");
}

TEST(Credentials, AChangedSecretForgetsWhatWasLearned) {
  Credentials before(
      {with_password("same", "a"), with_password("changed", "b"), with_password("gone", "c")});
  for (const char* name : {"same", "changed", "gone"}) {
    before.learn(name, cached());
  }
  Credentials fresh({with_password("same", "a"), with_password("changed", "new")}, &before);
  EXPECT_EQ(fresh.find("same")->scram_verifier, "derived");
  EXPECT_EQ(fresh.learned("same").scram_verifier, "derived");
  EXPECT_EQ(fresh.find("changed")->password, "new");
  EXPECT_FALSE(fresh.find("changed")->scram_verifier.has_value());
  EXPECT_FALSE(fresh.find("changed")->caching_sha2_digest.has_value());
  EXPECT_FALSE(fresh.learned("changed").scram_verifier.has_value());
  EXPECT_FALSE(fresh.find("gone")->known);

  before.learn("changed", cached());
  EXPECT_FALSE(fresh.find("changed")->scram_verifier.has_value())
      << "a login under the old secret teaches the old object";
}

TEST(Credentials, ThreadsMayLearnAndFindTogether) {
  Credentials credentials({with_password("app", "secret")});
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&credentials, &wrong, i] {
        Learned learned;
        learned.scram_verifier = std::string(100, static_cast<char>('a' + i));
        for (int round = 0; round < 2000; ++round) {
          credentials.learn("app", learned);
          const auto secret = credentials.find("app");
          const std::string& verifier = *secret->scram_verifier;
          wrong += verifier != std::string(100, verifier[0]) ? 1 : 0;
          if (round % 100 == 0) {
            credentials.learned("app");
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sluice::proxy
