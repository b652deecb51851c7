// Passwords of the console and the HTTP API against every form of a secret.

#include "proxy/operator/doorman.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/crypto.hpp"
#include "protocol/mysql/native_password.hpp"
#include "protocol/mysql/sha256_crypt.hpp"
#include "protocol/postgresql/md5.hpp"
#include "protocol/postgresql/scram.hpp"

namespace sluice::proxy::op {
namespace {

using config::AdminRight;
using namespace protocol;

std::shared_ptr<const config::Config> config_of(Secret secret) {
  auto made = std::make_shared<config::Config>();
  config::User user;
  user.name = "ops";
  user.admin = AdminRight::act;
  user.secret = std::move(secret);
  made->users.push_back(std::move(user));
  return made;
}

std::vector<Secret> every_form(const std::string& password) {
  const Buffer salt(20, 'x');
  std::vector<Secret> forms(5);
  forms[0].password = password;
  forms[1].scram_verifier = postgresql::format_scram_verifier(
      *postgresql::derive_scram_verifier(password, salt, postgresql::kScramIterations));
  forms[2].md5_hash = postgresql::md5_hash("ops", password);
  forms[3].mysql_native_hash =
      "*" + hex_encode(mysql::native_stage2(mysql::native_stage1(password)));
  forms[4].caching_sha2_hash =
      "$A$005$" + std::string(as_text(salt)) + mysql::sha256_crypt(password, salt, 5000);
  return forms;
}

TEST(Doorman, TakesTheRightPasswordOfEveryForm) {
  for (const Secret& secret : every_form("s3cret")) {
    Doorman doorman;
    const auto config = config_of(secret);
    for (int again = 0; again < 2; ++again) {  // the second time from memory
      EXPECT_EQ(doorman.authenticate(config, "ops", "s3cret"), AdminRight::act);
      EXPECT_EQ(doorman.authenticate(config, "ops", "wrong"), std::nullopt);
      EXPECT_EQ(doorman.authenticate(config, "ops", ""), std::nullopt);
      EXPECT_EQ(doorman.authenticate(config, "nobody", "s3cret"), std::nullopt);
    }
  }
}

TEST(Doorman, ANewConfigurationIsAskedAnew) {
  Doorman doorman;
  EXPECT_TRUE(doorman.authenticate(config_of(every_form("old")[0]), "ops", "old"));
  const auto changed = config_of(every_form("new")[0]);
  EXPECT_FALSE(doorman.authenticate(changed, "ops", "old"));
  EXPECT_TRUE(doorman.authenticate(changed, "ops", "new"));
}

TEST(Doorman, AUserWithoutASecretIsNotLetIn) {
  Doorman doorman;
  EXPECT_FALSE(doorman.authenticate(config_of({}), "ops", ""));
}

}  // namespace
}  // namespace sluice::proxy::op
