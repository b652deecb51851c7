#include "config/secret.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sluice::config {
namespace {

std::string temporary_file(const std::string& name, const std::string& content) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

class Expand : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("SLUICE_TEST_SET", "value: [1]", 1);
    ::setenv("SLUICE_TEST_EMPTY", "", 1);
    ::setenv("SLUICE_TEST_NESTED", "${SLUICE_TEST_SET}", 1);
    ::unsetenv("SLUICE_TEST_UNSET");
  }
};

TEST_F(Expand, replaces_variables_once) {
  EXPECT_EQ(expand("a${SLUICE_TEST_SET}b", false).text, "avalue: [1]b");
  EXPECT_EQ(expand("${SLUICE_TEST_NESTED}", false).text, "${SLUICE_TEST_SET}");
  EXPECT_EQ(expand("${SLUICE_TEST_EMPTY}", false).text, "");
  EXPECT_EQ(expand("${SLUICE_TEST_EMPTY:-x}${SLUICE_TEST_UNSET:-y:-z}", false).text, "xy:-z");
  EXPECT_EQ(expand("${SLUICE_TEST_UNSET:-}", false).text, "");
  EXPECT_TRUE(expand("${SLUICE_TEST_UNSET:-}", false).errors.empty());
}

TEST_F(Expand, leaves_other_dollars_alone) {
  EXPECT_EQ(expand("$$ $A$005$ $", false).text, "$$ $A$005$ $");
  EXPECT_EQ(expand("$${SLUICE_TEST_SET}", false).text, "${SLUICE_TEST_SET}");
}

TEST_F(Expand, names_every_missing_variable) {
  const auto out = expand("${SLUICE_TEST_UNSET}${SLUICE_TEST_UNSET2}", false);
  ASSERT_EQ(out.errors.size(), 2U);
  EXPECT_EQ(out.errors[0], "the environment variable \"SLUICE_TEST_UNSET\" is not set");
  EXPECT_EQ(out.errors[1], "the environment variable \"SLUICE_TEST_UNSET2\" is not set");
}

TEST_F(Expand, refuses_what_is_no_reference) {
  for (const auto* bad : {"${", "x${A", "${}", "${1A}", "${A B}", "${:-x}", "${A-b}"}) {
    const auto out = expand(bad, false);
    EXPECT_EQ(out.errors.size(), 1U) << bad;
  }
}

TEST_F(Expand, reads_files_without_one_newline) {
  const auto path = temporary_file("sluice_expand", "from file\n\n");
  EXPECT_EQ(expand("<${file:" + path + "}>", false).text, "<from file\n>");
  const auto missing = expand("${file:/nonexistent/sluice}", false);
  ASSERT_EQ(missing.errors.size(), 1U);
  EXPECT_EQ(missing.errors[0],
            "${file:} cannot read the file \"/nonexistent/sluice\": No such file or directory");
}

TEST_F(Expand, opens_no_file_offline) {
  const auto out = expand("${file:/nonexistent/sluice}", true);
  EXPECT_TRUE(out.errors.empty());
  EXPECT_FALSE(out.known);
}

TEST(ReadFile, keeps_what_a_secret_file_drops) {
  const auto path = temporary_file("sluice_lines", "a\n\n");
  EXPECT_EQ(read_file(path, 10).text, "a\n\n");
  EXPECT_EQ(read_secret_file(path).text, "a\n");
}

TEST(ReadFile, has_a_limit_and_says_why_it_fails) {
  EXPECT_EQ(read_file(temporary_file("sluice_four", "1234"), 4).text, "1234");
  EXPECT_NE(read_file(temporary_file("sluice_five", "12345"), 4).error, "");
  EXPECT_EQ(read_secret_file(temporary_file("sluice_crlf", "a\r\n")).text, "a");
  EXPECT_EQ(read_file(temporary_file("sluice_none", ""), 10).text, "");
  EXPECT_NE(read_file(testing::TempDir(), 10).error, "");
  EXPECT_NE(read_file("", 10).error, "");
}

TEST(CheckSecret, passwords_are_not_empty) {
  EXPECT_EQ(check_secret(SecretForm::password, "x"), "");
  EXPECT_NE(check_secret(SecretForm::password, ""), "");
}

TEST(CheckSecret, scram_verifiers_have_all_their_parts) {
  const std::string salt = "MDEyMzQ1Njc4OWFiY2RlZg==";
  const std::string key = std::string(43, 'A') + "=";
  const auto check = [](const std::string& text) { return check_secret(SecretForm::scram, text); };
  EXPECT_EQ(check("SCRAM-SHA-256$4096:" + salt + "$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-1$4096:" + salt + "$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$0:" + salt + "$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$99999999999:" + salt + "$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$x:" + salt + "$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$4096:$" + key + ":" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$4096:" + salt + "$" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$4096:" + salt + "$AAAA:" + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$4096:" + salt + "$" + key + ":" + key + key), "");
  EXPECT_NE(check("SCRAM-SHA-256$4096:" + salt + "$" + key + ":!" + key.substr(1)), "");
  EXPECT_NE(check(""), "");
}

TEST(CheckSecret, hashes_have_their_length_and_digits) {
  const std::string hex32(32, 'a');
  const std::string hex40(40, 'F');
  EXPECT_EQ(check_secret(SecretForm::md5, "md5" + hex32), "");
  EXPECT_NE(check_secret(SecretForm::md5, hex32), "");
  EXPECT_NE(check_secret(SecretForm::md5, "md5" + hex32 + "a"), "");
  EXPECT_NE(check_secret(SecretForm::md5, "md5" + std::string(32, 'g')), "");
  EXPECT_EQ(check_secret(SecretForm::mysql_native, "*" + hex40), "");
  EXPECT_NE(check_secret(SecretForm::mysql_native, hex40), "");
  EXPECT_NE(check_secret(SecretForm::mysql_native, "*" + std::string(40, 'x')), "");
}

TEST(CheckSecret, caching_sha2_comes_in_two_lengths) {
  const auto check = [](const std::string& text) {
    return check_secret(SecretForm::caching_sha2, text);
  };
  EXPECT_EQ(check("$A$005$" + std::string(63, 's')), "");
  EXPECT_EQ(check("$B$005$" + std::string(108, 's')), "");
  EXPECT_NE(check("$A$005$" + std::string(62, 's')), "");
  EXPECT_NE(check("$B$005$" + std::string(63, 's')), "");
  EXPECT_NE(check("$C$005$" + std::string(63, 's')), "");
  EXPECT_NE(check("$A$00x$" + std::string(63, 's')), "");
  EXPECT_NE(check("$A$000$" + std::string(63, 's')), "");
  EXPECT_NE(check("$A$005x" + std::string(63, 's')), "");
  EXPECT_NE(check(""), "");
}

}  // namespace
}  // namespace sluice::config
