#include "cli/hash.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "config/secret.hpp"
#include "protocol/mysql/stored_password.hpp"
#include "protocol/postgresql/scram.hpp"
#include "protocol/secret.hpp"

namespace sluice::cli {
namespace {

using config::SecretForm;

std::string hashed(HashForm form, std::string_view password) {
  auto hash = hash_password(form, password, make_salt(form));
  return hash ? *hash : "failed: " + hash.failure().text;
}

TEST(Hash, OfEachFormIsWhatTheConfigurationTakes) {
  EXPECT_EQ(config::check_secret(SecretForm::scram, hashed(HashForm::scram, "open sesame")), "");
  EXPECT_EQ(
      config::check_secret(SecretForm::mysql_native, hashed(HashForm::mysql_native, "open sesame")),
      "");
  EXPECT_EQ(
      config::check_secret(SecretForm::caching_sha2, hashed(HashForm::caching_sha2, "open sesame")),
      "");
}

TEST(Hash, NativeIsTheServersOwn) {
  // SELECT PASSWORD('secret') of MariaDB.
  EXPECT_EQ(hashed(HashForm::mysql_native, "secret"), "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
}

TEST(Hash, AdmitsItsPasswordAndNoOther) {
  protocol::Secret sha2;
  sha2.known = true;
  sha2.caching_sha2_hash = hashed(HashForm::caching_sha2, "open sesame");
  EXPECT_TRUE(protocol::mysql::password_matches(sha2, "app", "open sesame"));
  EXPECT_FALSE(protocol::mysql::password_matches(sha2, "app", "open sesamo"));
  protocol::Secret scram;
  scram.known = true;
  scram.scram_verifier = hashed(HashForm::scram, "open sesame");
  EXPECT_TRUE(protocol::mysql::password_matches(scram, "app", "open sesame"));
  EXPECT_FALSE(protocol::mysql::password_matches(scram, "app", ""));
}

TEST(Hash, IsSaltedAnew) {
  EXPECT_NE(hashed(HashForm::scram, "x"), hashed(HashForm::scram, "x"));
  EXPECT_NE(hashed(HashForm::caching_sha2, "x"), hashed(HashForm::caching_sha2, "x"));
}

TEST(Hash, ThePasswordIsTheFirstLine) {
  std::istringstream two("first line \nsecond");
  EXPECT_EQ(*read_password(two), "first line ");
  std::istringstream without_end("no newline");
  EXPECT_EQ(*read_password(without_end), "no newline");
}

TEST(Hash, WhatNobodyCouldLogInWithIsRefused) {
  std::istringstream nothing("");
  EXPECT_NE(read_password(nothing).failure().text.find("standard input"), std::string::npos);
  std::istringstream empty("\nsecret");
  EXPECT_FALSE(read_password(empty));
  std::istringstream nul(std::string("a\0b\n", 4));
  EXPECT_NE(read_password(nul).failure().text.find("NUL"), std::string::npos);
  std::istringstream huge(std::string(kMaxPassword + 1, 'a'));
  EXPECT_FALSE(read_password(huge));
  std::istringstream largest(std::string(kMaxPassword, 'a') + "\n");
  EXPECT_TRUE(read_password(largest));
}

}  // namespace
}  // namespace sluice::cli
