#include "protocol/sql/scanner.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::protocol::sql {
namespace {

constexpr ScannerOptions kPostgresql{};
constexpr ScannerOptions kOldStrings{false, true, false};
constexpr ScannerOptions kMysql{true, true, false};
constexpr ScannerOptions kMysqlAnsi{true, true, true};

// One letter for the kind, then the text: "wSELECT n1 ;".
std::string show(std::string_view text, ScannerOptions options, std::size_t step, bool inside) {
  Scanner scanner(options);
  if (inside) {
    scanner.look_inside();
  }
  std::string out;
  Token token;
  auto add = [&] {
    constexpr std::string_view kLetters = "wqsnp";
    out += out.empty() ? "" : " ";
    out += token.inside ? "." : "";
    if (token.kind < TokenKind::symbol) {
      out += kLetters[static_cast<std::size_t>(token.kind)];
    }
    out += token.text;
  };
  for (std::size_t at = 0; at < text.size(); at += step) {
    Bytes chunk = as_bytes(text.substr(at, step));
    while (scanner.next(chunk, token)) {
      add();
    }
  }
  while (scanner.finish(token)) {
    add();
  }
  return out;
}

struct Row {
  std::string_view text;
  ScannerOptions options;
  std::string_view tokens;
  bool inside = false;
};

class ScannerTest : public ::testing::TestWithParam<Row> {};

TEST_P(ScannerTest, TokensDoNotDependOnChunks) {
  const Row& row = GetParam();
  for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}}) {
    EXPECT_EQ(show(row.text, row.options, step, row.inside), row.tokens) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Postgresql, ScannerTest,
    ::testing::Values(
        Row{"SELECT a.b1, 1.5 FROM \"t t\";", kPostgresql, "wSELECT wa . wb1 , n1.5 wFROM qt t ;"},
        Row{"1e5+2", kPostgresql, "n1 we5 + n2"}, Row{"a$b $1 $", kPostgresql, "wa$b p1 $"},
        Row{"'a''b' \"c\"\"d\" ''", kPostgresql, "sa''b qc\"\"d s"},
        Row{"'a\\' b", kPostgresql, "sa\\ wb"}, Row{"'a\\' b'", kOldStrings, "sa\\' b"},
        Row{"E'a\\'b' e'\\\\' c", kPostgresql, "sa\\'b s\\\\ wc"},
        Row{"E'a'\n'\\' b", kPostgresql, "sa s\\' b"},
        Row{"B'1' x'ff' N'n' f'g'", kPostgresql, "s1 sff sn wf sg"},
        Row{"a--b\nc- -d-", kPostgresql, "wa wc - - wd -"},
        Row{"a/* b /* c */ d */e/f /", kPostgresql, "wa we / wf /"},
        Row{"/***/a/* ' */b", kPostgresql, "wa wb"},
        Row{"$$a'b$$ $t$ $$ $x$ $t $t$c", kPostgresql, "sa'b s $$ $x$ $t  wc"},
        Row{"$a$$b$a$", kPostgresql, "s$b"}, Row{"`a`", kPostgresql, "` wa `"},
        Row{"/*! a */ b # c", kPostgresql, "wb # wc"},
        Row{"DO $$ set x; 'y' $z$ $$ w", kPostgresql, "wDO .wset .wx .; .' .wy .' .wz ww", true},
        Row{"'begin' \"q\"", kPostgresql, ".wbegin qq", true}, Row{"'open", kPostgresql, "sopen"},
        Row{"", kPostgresql, ""}));

INSTANTIATE_TEST_SUITE_P(
    Mysql, ScannerTest,
    ::testing::Values(Row{"a # b\nc -- d\ne--1 --", kMysql, "wa wc we - - n1"},
                      Row{"\"a\\\"b\" `c``d` 'e\\'f'", kMysql, "sa\\\"b qc``d se\\'f"},
                      Row{"\"a\"", kMysqlAnsi, "qa"}, Row{"a /* b /* c */ d", kMysql, "wa wd"},
                      Row{"/*!50110 SET a*b */ c", kMysql, "wSET wa * wb wc"},
                      Row{"/*M!100100 d */ /*Mx e */ f", kMysql, "wd wf"},
                      Row{"? @@a $b", kMysql, "p? @ @ wa w$b"}));

TEST(Scanner, LongTokensAreCutAndPlaced) {
  std::string text = "'" + std::string(5000, 'x') + "' y";
  for (std::size_t step : {std::size_t{1}, std::size_t{100}, std::size_t{100000}}) {
    Scanner scanner(kPostgresql);
    Token token;
    std::vector<Token> tokens;
    for (std::size_t at = 0; at < text.size(); at += step) {
      Bytes chunk = as_bytes(std::string_view(text).substr(at, step));
      while (scanner.next(chunk, token)) {
        EXPECT_EQ(token.text, std::string(Scanner::kMaxText, 'x'));
        tokens.push_back(token);
      }
    }
    ASSERT_EQ(tokens.size(), 1U);
    EXPECT_TRUE(tokens[0].truncated);
    EXPECT_EQ(tokens[0].begin, 0U);
    EXPECT_EQ(tokens[0].end, 5002U);
    ASSERT_TRUE(scanner.finish(token));
    EXPECT_EQ(token.text, "y");
    EXPECT_FALSE(scanner.finish(token));
  }
}

TEST(Scanner, SaysWhenItIsLost) {
  Scanner scanner(kPostgresql);
  std::string text = "$" + std::string(100, 'a') + "$ x $" + std::string(100, 'a') + "$";
  Bytes chunk = as_bytes(text);
  Token token;
  while (scanner.next(chunk, token)) {
  }
  EXPECT_TRUE(scanner.lost());
}

}  // namespace
}  // namespace sluice::protocol::sql
