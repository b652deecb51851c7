#include "protocol/crypto.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

TEST(Crypto, DigestsOfKnownTexts) {
  EXPECT_EQ(hex_encode(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex_encode(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_encode(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Crypto, HmacOfRfc4231AndOfAnEmptyKey) {
  EXPECT_EQ(hex_encode(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, Pbkdf2OfKnownVectors) {
  EXPECT_EQ(hex_encode(pbkdf2_sha256("password", as_bytes("salt"), 2, 32)),
            "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43");
  EXPECT_EQ(hex_encode(pbkdf2_sha512("password", as_bytes("salt"), 1, 16)),
            "867f70cf1ade02cff3752599a3a53dc4");
  EXPECT_THROW(pbkdf2_sha256("password", as_bytes("salt"), 0, 32), CryptoError);
}

TEST(Crypto, ConstantTimeEqual) {
  EXPECT_TRUE(constant_time_equal(as_bytes("same"), as_bytes("same")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("sane")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("same!")));
}

TEST(Crypto, RandomBytesDiffer) {
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

TEST(Crypto, Base64RoundTrips) {
  const char* const pairs[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                  {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"n,,", "biws"}};
  for (const auto& [plain, encoded] : pairs) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    ASSERT_TRUE(base64_decode(encoded)) << encoded;
    EXPECT_EQ(as_text(*base64_decode(encoded)), plain);
  }
}

TEST(Crypto, Base64RefusesWhatIsNotCanonical) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9",
                           "Zm9v\n", "Zm-v", "=m9v", "Z=9v"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
  EXPECT_FALSE(base64_decode(std::string_view("Zm9\0", 4)));
}

TEST(Crypto, Base64UrlHasItsOwnAlphabetAndNoPadding) {
  for (const auto& [plain, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff\xbf", "-_-_"}}) {
    const auto decoded = base64url_decode(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(as_text(*decoded), plain);
  }
  for (const char* text : {"Z", "Zg==", "Zg=", "Zh", "Zm9", "Zm9vZ", "+_-_", "-/-_", "Zm 9",
                           "Zm9v\n", "====", "Z.g"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
}

TEST(Crypto, HexRoundTrips) {
  Buffer bytes{0x00, 0x7F, 0xFF};
  EXPECT_EQ(hex_encode(bytes), "007fff");
  EXPECT_EQ(hex_decode("007FfF"), bytes);
  EXPECT_FALSE(hex_decode("0"));
  EXPECT_FALSE(hex_decode("0g"));
}

}  // namespace
}  // namespace sluice::protocol
