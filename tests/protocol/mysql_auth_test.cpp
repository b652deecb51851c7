// The authentication formulas, against published vectors.

#include <gtest/gtest.h>

#include <set>

#include "protocol/crypto.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/native_password.hpp"
#include "protocol/mysql/rsa.hpp"
#include "protocol/mysql/sha256_crypt.hpp"
#include "protocol/mysql/stored_password.hpp"
#include "tests/support/mysql_machine.hpp"

namespace sluice::protocol::mysql {
namespace {

const std::string kPassword = "foobar";
const Buffer kNonce = from_hex("0102030405060708090a0b0c0d0e0f1011121314");
const char kNativeHash[] = "*9B500343BC52E2911172EB52AE5CF4847604C6E5";
const char kNativeToken[] = "e419caeec63ade5aeb8e0f8bbb2ac2d86b183350";
const char kSha2Digest[] = "3f2c7ccae98af81e44c0ec419659f50d8b7d48c681e5d57fc747d0461e42dda1";
const char kSha2Token[] = "b8d219ce85485ca1b632dba17e782bb0a42698fad919896ff91e86c9896489fd";
const char kCryptHash[] =
    "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679354856336868686F"
    "52485A736E4A733368786E427575516C73446469496537";
const char kPbkdf2Hash[] =
    "$B$005$0123456789abcdefghijhD/uXV/s6mCzOuuxDdnWAme5f+sCNPu/"
    "60MFlBTN6fS3rNdCaougBL7mHrqalZDu4Q88qJEYip6b2O1nbLzLzw==";

std::string crypt_hash() {
  return std::string(as_text(from_hex(kCryptHash)));
}

TEST(NativePassword, GivesThePublishedToken) {
  const Buffer stage1 = native_stage1(kPassword);
  EXPECT_EQ(hex_encode(native_token(stage1, kNonce)), kNativeToken);
  EXPECT_EQ(parse_native_hash(kNativeHash), native_stage2(stage1));
}

TEST(NativePassword, VerifyingTeachesStage1) {
  const Buffer stage2 = *parse_native_hash(kNativeHash);
  EXPECT_EQ(verify_native_token(from_hex(kNativeToken), kNonce, stage2), native_stage1(kPassword));
}

TEST(NativePassword, EveryChangedBitIsRefused) {
  const Buffer stage2 = *parse_native_hash(kNativeHash);
  for (std::size_t bit = 0; bit < 160; ++bit) {
    Buffer token = from_hex(kNativeToken);
    token[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify_native_token(token, kNonce, stage2)) << bit;
  }
}

TEST(NativePassword, TokensOfAnotherSizeAreRefused) {
  const Buffer stage2 = *parse_native_hash(kNativeHash);
  for (std::size_t size = 0; size < 40; ++size) {
    Buffer token = from_hex(kNativeToken);
    token.resize(size);
    EXPECT_EQ(verify_native_token(token, kNonce, stage2).has_value(), size == 20) << size;
  }
}

TEST(NativePassword, HashesOfAnotherFormAreNotRead) {
  EXPECT_FALSE(parse_native_hash(""));
  EXPECT_FALSE(parse_native_hash("*9B50"));
  EXPECT_FALSE(parse_native_hash("+9B500343BC52E2911172EB52AE5CF4847604C6E5"));
  EXPECT_FALSE(parse_native_hash("*9B500343BC52E2911172EB52AE5CF4847604C6EX"));
}

TEST(CachingSha2, GivesThePublishedToken) {
  const Buffer stage1 = caching_sha2_stage1(kPassword);
  EXPECT_EQ(hex_encode(caching_sha2_digest(stage1)), kSha2Digest);
  EXPECT_EQ(hex_encode(caching_sha2_token(stage1, kNonce)), kSha2Token);
}

TEST(CachingSha2, VerifyingTeachesStage1) {
  EXPECT_EQ(verify_caching_sha2_token(from_hex(kSha2Token), kNonce, from_hex(kSha2Digest)),
            caching_sha2_stage1(kPassword));
  Buffer wrong = from_hex(kSha2Token);
  wrong[31] ^= 1U;
  EXPECT_FALSE(verify_caching_sha2_token(wrong, kNonce, from_hex(kSha2Digest)));
  wrong.pop_back();
  EXPECT_FALSE(verify_caching_sha2_token(wrong, kNonce, from_hex(kSha2Digest)));
  EXPECT_FALSE(verify_caching_sha2_token({}, kNonce, from_hex(kSha2Digest)));
}

TEST(CachingSha2, TheStoredShaCryptFormMatchesItsPasswordAlone) {
  EXPECT_TRUE(matches_caching_sha2_hash(crypt_hash(), kPassword));
  EXPECT_FALSE(matches_caching_sha2_hash(crypt_hash(), "foobaz"));
  EXPECT_FALSE(matches_caching_sha2_hash(crypt_hash(), ""));
}

TEST(CachingSha2, ASaltCutAt16BytesDoesNotVerify) {
  const std::string stored = crypt_hash();
  const std::string salt = stored.substr(7, 20);
  const std::string hash = stored.substr(27);
  EXPECT_EQ(sha256_crypt(kPassword, as_bytes(salt), 5000), hash);
  EXPECT_NE(sha256_crypt(kPassword, as_bytes(salt.substr(0, 16)), 5000), hash);
}

TEST(CachingSha2, TheStoredPbkdf2FormMatchesItsPasswordAlone) {
  EXPECT_TRUE(matches_caching_sha2_hash(kPbkdf2Hash, kPassword));
  EXPECT_FALSE(matches_caching_sha2_hash(kPbkdf2Hash, "foobaz"));
}

TEST(CachingSha2, MalformedStoredFormsMatchNothing) {
  for (std::string stored : {crypt_hash(), std::string(kPbkdf2Hash)}) {
    for (std::size_t size = 0; size < stored.size(); size += 3) {
      EXPECT_FALSE(matches_caching_sha2_hash(stored.substr(0, size), kPassword)) << size;
    }
    std::string other = stored;
    other[1] = 'C';
    EXPECT_FALSE(matches_caching_sha2_hash(other, kPassword));
    other = stored;
    other.replace(3, 3, "000");
    EXPECT_FALSE(matches_caching_sha2_hash(other, kPassword));
    other.replace(3, 3, "0x5");
    EXPECT_FALSE(matches_caching_sha2_hash(other, kPassword));
  }
  EXPECT_FALSE(matches_caching_sha2_hash(crypt_hash(), std::string(257, 'x')));
}

// The first two salts and texts are those of the SHA-crypt specification; crypt(3) agrees with all.
TEST(Sha256Crypt, GivesWhatCryptGives) {
  EXPECT_EQ(sha256_crypt("Hello world!", as_bytes("saltstring"), 5000),
            "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
  EXPECT_EQ(sha256_crypt("Hello world!", as_bytes("saltstringsaltst"), 10000),
            "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
  EXPECT_EQ(sha256_crypt("we have a short salt string but not a short password", as_bytes("short"),
                         77777),
            "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/");
  EXPECT_EQ(sha256_crypt(std::string(100, 'x'), as_bytes("abc"), 1000),
            "OzVRBR4nd9/lzF0h4nhs5vk.9L1cKnXi0WXIf0XHBw8");
  EXPECT_EQ(sha256_crypt("", as_bytes("abc"), 1000), "sP9FmVrTEqPcRDE7OxGDY0efugGF1dtCtqYcUsX9wmD");
}

TEST(MakeNonce, IsFitForAGreetingAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const std::string nonce = make_nonce();
    ASSERT_EQ(nonce.size(), 20U);
    for (char c : nonce) {
      EXPECT_GT(c, 0);
      EXPECT_NE(c, '$');
    }
    EXPECT_TRUE(seen.insert(nonce).second);
  }
}

TEST(Rsa, WhatIsEncryptedForAKeyComesBack) {
  const auto key = test_rsa_key();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_pem().rfind("-----BEGIN PUBLIC KEY-----\n", 0), 0U);
  EXPECT_EQ(key->modulus_size(), 256U);
  const Buffer plain = from_hex("00ff10");
  const std::optional<Buffer> cipher = rsa_encrypt(key->public_pem(), plain);
  ASSERT_TRUE(cipher);
  EXPECT_EQ(key->decrypt(*cipher), plain);
}

TEST(Rsa, WhatWasNotEncryptedForTheKeyIsRefused) {
  const auto key = test_rsa_key();
  EXPECT_FALSE(key->decrypt({}));
  EXPECT_FALSE(key->decrypt(Buffer(256, 0x7F)));
  EXPECT_FALSE(key->decrypt(Buffer(255, 0x7F)));
  Buffer cipher = *rsa_encrypt(key->public_pem(), as_bytes("secret"));
  cipher[100] ^= 1U;
  EXPECT_FALSE(key->decrypt(cipher));
}

TEST(Rsa, WhatIsNoKeyIsRefused) {
  EXPECT_FALSE(rsa_encrypt("", as_bytes("x")));
  EXPECT_FALSE(
      rsa_encrypt("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", as_bytes("x")));
  EXPECT_FALSE(rsa_encrypt(test_rsa_key()->public_pem(), Buffer(300, 1)));
}

TEST(StoredPassword, EveryFormMatchesItsPasswordAlone) {
  std::vector<Secret> secrets(5);
  secrets[0].password = kPassword;
  secrets[1].caching_sha2_hash = crypt_hash();
  secrets[2].mysql_native_hash = kNativeHash;
  secrets[3].md5_hash = "md5" + hex_encode(md5(as_bytes(kPassword + "app")));
  const Buffer salt = from_hex("00112233445566778899aabbccddeeff");
  const Buffer salted = pbkdf2_sha256(kPassword, salt, 4096, 32);
  secrets[4].scram_verifier = "SCRAM-SHA-256$4096:" + base64_encode(salt) + "$" +
                              base64_encode(sha256(hmac_sha256(salted, as_bytes("Client Key")))) +
                              ":" + base64_encode(hmac_sha256(salted, as_bytes("Server Key")));
  for (Secret& secret : secrets) {
    EXPECT_FALSE(password_matches(secret, "app", kPassword)) << "not known";
    secret.known = true;
    EXPECT_TRUE(password_matches(secret, "app", kPassword));
    EXPECT_FALSE(password_matches(secret, "app", "foobaz"));
    EXPECT_FALSE(password_matches(secret, "app", ""));
    EXPECT_FALSE(has_empty_password(secret));
  }
  EXPECT_FALSE(password_matches(secrets[3], "other", kPassword));
}

TEST(StoredPassword, AUserWithoutAnyFormMatchesNothing) {
  Secret secret;
  secret.known = true;
  EXPECT_FALSE(password_matches(secret, "app", ""));
  EXPECT_FALSE(password_matches(secret, "app", "x"));
  EXPECT_FALSE(has_empty_password(secret));
}

TEST(StoredPassword, AMalformedVerifierMatchesNothing) {
  Secret secret;
  secret.known = true;
  for (const char* verifier :
       {"", "SCRAM-SHA-256", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$x:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$99999999999:A$A:A", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA"}) {
    secret.scram_verifier = verifier;
    EXPECT_FALSE(password_matches(secret, "app", kPassword)) << verifier;
  }
}

TEST(StoredPassword, AnEmptyPasswordIsToldByItsForm) {
  Secret secret;
  secret.known = true;
  secret.password = "";
  EXPECT_TRUE(has_empty_password(secret));
  secret.password = "x";
  secret.mysql_native_hash = "";
  EXPECT_FALSE(has_empty_password(secret));
  secret.password.reset();
  EXPECT_TRUE(has_empty_password(secret));
  secret.known = false;
  EXPECT_FALSE(has_empty_password(secret));
}

}  // namespace
}  // namespace sluice::protocol::mysql
