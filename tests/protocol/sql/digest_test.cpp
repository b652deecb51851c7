#include "protocol/sql/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::protocol::sql {
namespace {

constexpr ScannerOptions kPostgresql{};
constexpr ScannerOptions kMysql{true, true, false};

struct Row {
  std::string_view text, normal;
};

class DigestPostgresql : public ::testing::TestWithParam<Row> {};
class DigestMysql : public ::testing::TestWithParam<Row> {};

// The text of a text is the text itself.
void check(const Row& row, ScannerOptions options) {
  const Digest made = digest(row.text, options);
  EXPECT_EQ(made.text, row.normal);
  const Digest again = digest(made.text, options);
  EXPECT_EQ(again.text, made.text);
  EXPECT_EQ(again.fingerprint, made.fingerprint);
  EXPECT_EQ(normal_text(row.text, options), row.normal);
}

TEST_P(DigestPostgresql, Text) {
  check(GetParam(), kPostgresql);
}
TEST_P(DigestMysql, Text) {
  check(GetParam(), kMysql);
}

INSTANTIATE_TEST_SUITE_P(
    Literals, DigestPostgresql,
    ::testing::Values(
        Row{"", ""}, Row{" ;; ", ""}, Row{"-- nothing", ""}, Row{"SELECT 1", "select ?"},
        Row{"select 1;", "select ?"},
        Row{"SELECT 'it''s', E'\\'', $x$a$x$, B'1', X'ff', N'a'", "select ?"},
        Row{"SELECT 1.5, .5, 1e5, 1.5E-3, 0xFF, 1_000, 2.e+7", "select ?"},
        Row{"SELECT -1, +1, - 1, -(1)", "select ?, - (?)"},
        Row{"SELECT a - 1, a -1, a-1, a*-1", "select a - ?, a * ?"},
        Row{"SELECT (a) - 1 WHERE x = -1 AND -1 < y", "select (a) - ? where x = ? and ? < y"},
        Row{"SELECT 'a'\n'b'", "select ?"}, Row{"SELECT $1, $2::int", "select ?, ?::int"},
        Row{"SELECT NULL, a IS NULL, TRUE, b IS NOT TRUE, f(NULL, false)",
            "select null, a is null, ?, b is not true, f(?)"},
        Row{"UPDATE t SET a = NULL, b = DEFAULT, c = true", "update t set a = ?, b = ?, c = ?"},
        Row{"SELECT U&'d\\0061t'", "select u & ?"},
        Row{"SELECT interval '1 day' * 2", "select interval ? * ?"},
        Row{"SELECT a.1x", "select a.? x"}));

INSTANTIATE_TEST_SUITE_P(
    Shape, DigestPostgresql,
    ::testing::Values(
        Row{"SELECT\n\t*  FROM   Pets  p", "select * from pets p"},
        Row{"SELECT p . * FROM \"Pets\" . \"Owner\"", "select p.* from \"Pets\".\"Owner\""},
        Row{"select COUNT (*) , count(*)", "select count(*), count(*)"},
        Row{"select(1)", "select (?)"}, Row{"a IN(1)", "a in (?)"},
        Row{"SELECT a<=b,a <= b, a||b, a->>'x', a @> b, a <-> b, a != b",
            "select a <= b, a <= b, a || b, a ->> ?, a @> b, a <-> b, a != b"},
        Row{"SELECT a - - b, 1--2\n, - - 5", "select a - - b, ?"},
        Row{"SELECT a[1:2], ARRAY[1,2], x::varchar(30)[]",
            "select a[?:?], array[?], x::varchar(?)[]"},
        Row{"SELECT /* a */ 1 -- b\n + /* c /* d */ */ 2", "select ? + ?"},
        Row{"SELECT \"a\"\"b\", \"$1\", é FROM ÉTÉ", "select \"a\"\"b\", \"$1\", é from ÉtÉ"},
        Row{"BEGIN; SELECT 1; ; COMMIT;", "begin; select ?; commit"},
        Row{"data ? 'a' AND data ?| array['b'] AND data @? '$'",
            "data ? ? and data ? | array[?] and data @ ? ?"},
        Row{"SAVEPOINT \"_pg3_1\"; RELEASE SAVEPOINT sa_savepoint_7; ROLLBACK TO SAVEPOINT a",
            "savepoint ?; release savepoint ?; rollback to savepoint ?"},
        Row{"SELECT 'never closed", "select ?"},
        Row{"SELECT \"never closed", "select \"never closed"}, Row{"f(a := 1)", "f(a:= ?)"},
        Row{"$ a + $", "$ a + $"}));

INSTANTIATE_TEST_SUITE_P(
    Lists, DigestPostgresql,
    ::testing::Values(Row{"a IN (1, 2, 3)", "a in (?)"}, Row{"a IN ($1,$2)", "a in (?)"},
                      Row{"a IN ($1::INTEGER, $2::INTEGER)", "a in (?::integer)"},
                      Row{"(a, b) IN ((1, 'x'), (2, 'y'))", "(a, b) in ((?))"},
                      Row{"INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL), (DEFAULT, -3)",
                          "insert into t(a, b) values (?)"},
                      Row{"VALUES (1, now()), (2, now())", "values (?, now())"},
                      Row{"VALUES ($1::VARCHAR, $2::INTEGER, 0), ($3::VARCHAR, $4::INTEGER, 1)",
                          "values (?::varchar, ?::integer, ?)"},
                      Row{"SELECT a, a, f(1), f(2), 3", "select a, a, f(?), ?"},
                      Row{"SELECT x + 1, 1", "select x + ?, ?"},
                      Row{"UPDATE t SET a = 1, b = 1", "update t set a = ?, b = ?"},
                      Row{"f(1, 2), g(1, 2)", "f(?), g(?)"},
                      Row{"a = ANY($1::INTEGER[])", "a = any(?::integer[])"},
                      Row{"LIMIT 10 OFFSET 20", "limit ? offset ?"},
                      Row{"VALUES (1), (2) ON CONFLICT DO NOTHING RETURNING a, b",
                          "values (?) on conflict do nothing returning a, b"},
                      Row{"SELECT a, 1, 2 FROM t", "select a, ? from t"},
                      Row{"SELECT a 1, a 1, a 2, b 2 FROM t", "select a ?, b ? from t"},
                      Row{"SELECT 1 a, 1 a, 2 b, 1, 1", "select ? a, ? b, ?"}, Row{"(1, 2", "(?"},
                      Row{"1, 2)", "?)"}));

// What the tools of the frameworks send.
INSTANTIATE_TEST_SUITE_P(
    Frameworks, DigestPostgresql,
    ::testing::Values(
        Row{"SELECT users.id AS users_id, users.name AS users_name \nFROM users \nWHERE users.id = "
            "$1::INTEGER",
            "select users.id as users_id, users.name as users_name from users where users.id = "
            "?::integer"},
        Row{"INSERT INTO users (name, age) SELECT p0::VARCHAR, p1::INTEGER FROM (VALUES "
            "($1::VARCHAR, $2::INTEGER, 0), ($3::VARCHAR, $4::INTEGER, 1)) AS imp_sen(p0, p1, "
            "sen_counter) ORDER BY sen_counter RETURNING users.id, users.id AS id__1",
            "insert into users(name, age) select p0::varchar, p1::integer from (values "
            "(?::varchar, ?::integer, ?)) as imp_sen(p0, p1, sen_counter) order by sen_counter "
            "returning users.id, users.id as id__1"},
        Row{"SELECT \"app_pet\".\"id\", \"app_pet\".\"name\" FROM \"app_pet\" WHERE "
            "(\"app_pet\".\"owner_id\" IN (1, 2, 3) AND NOT (\"app_pet\".\"name\" LIKE 'a%')) "
            "ORDER "
            "BY \"app_pet\".\"id\" ASC LIMIT 21",
            "select \"app_pet\".\"id\", \"app_pet\".\"name\" from \"app_pet\" where "
            "(\"app_pet\".\"owner_id\" in (?) and not (\"app_pet\".\"name\" like ?)) order "
            "by \"app_pet\".\"id\" asc limit ?"},
        Row{"INSERT INTO \"pet\" (\"name\",\"type\") VALUES ($1,$2) RETURNING \"id\"",
            "insert into \"pet\"(\"name\", \"type\") values (?) returning \"id\""},
        Row{"SELECT \"t1\".\"id\" FROM \"pet\" AS \"t1\" WHERE ((\"t1\".\"a\" = 'x') AND "
            "(\"t1\".\"b\" > 3)) LIMIT 1 OFFSET 0",
            "select \"t1\".\"id\" from \"pet\" as \"t1\" where ((\"t1\".\"a\" = ?) and "
            "(\"t1\".\"b\" > ?)) limit ? offset ?"}));

INSTANTIATE_TEST_SUITE_P(
    Mysql, DigestMysql,
    ::testing::Values(
        Row{"SELECT `a`.`B` FROM `a` WHERE x = \"y\"", "select `a`.`B` from `a` where x = ?"},
        Row{"SELECT ?, 'it\\'s', _utf8mb4'x', 0x1F, x'ff', b'0'", "select ?, _utf8mb4 ?, ?"},
        Row{"SELECT 1 # comment", "select ?"}, Row{"SELECT 1 -- comment", "select ?"},
        Row{"SELECT a--b, a--1", "select a - - b, a - ?"},
        Row{"SELECT /*! STRAIGHT_JOIN */ 1 /*!40001 + 2 */", "select straight_join ? + ?"},
        Row{"SELECT @a, @@session.x, @a := 1, 'u'@'h', @`b`",
            "select @a, @@session.x, @a:= ?, ?@?, @`b`"},
        Row{"SELECT 2fa.1x, t.1e5, 1e5, 1ex FROM 2fa", "select 2fa.1x, t.1e5, ?, 1ex from 2fa"},
        Row{"INSERT INTO `t` (`a`) VALUES ('x'),('y') ON DUPLICATE KEY UPDATE `a`=VALUES(`a`)",
            "insert into `t`(`a`) values (?) on duplicate key update `a` = values (`a`)"},
        Row{"SELECT x FROM t LIMIT 5, 10", "select x from t limit ?"},
        Row{"VALUES ROW(1,2), ROW(3,4)", "values row(?)"}, Row{"SAVEPOINT `s1_x2`", "savepoint ?"},
        Row{"SELECT `app_pet`.`id` FROM `app_pet` WHERE `app_pet`.`id` IN (1, 2) LIMIT 21",
            "select `app_pet`.`id` from `app_pet` where `app_pet`.`id` in (?) limit ?"},
        Row{"CREATE USER 'a'@'%' IDENTIFIED BY 'p'", "create user ?@? identified by ?"}));

TEST(Digest, EqualForWhatDiffersInLiteralsBlanksCommentsAndCase) {
  const std::vector<std::string_view> equal{
      "SELECT * FROM pets WHERE id = 1", "select * from pets where id=2",
      "SELECT\t*\nFROM Pets /* x */ WHERE ID = -3 -- y", "SELECT * FROM pets WHERE id = 'four';",
      "SELECT * FROM pets WHERE id = $1"};
  const std::uint64_t first = digest(equal[0], kPostgresql).fingerprint;
  EXPECT_NE(first, 0U);
  for (const std::string_view text : equal) {
    EXPECT_EQ(digest(text, kPostgresql).fingerprint, first) << text;
  }
  EXPECT_NE(digest("SELECT * FROM pet WHERE id = 1", kPostgresql).fingerprint, first);
  EXPECT_NE(digest("SELECT * FROM \"Pets\" WHERE id = 1", kPostgresql).fingerprint, first);
}

TEST(Digest, FingerprintsStayAsTheyWereWritten) {
  // They are in files of those who run this: a change of the function is a change for them.
  EXPECT_EQ(digest("SELECT 1", kPostgresql).fingerprint, digest("select ?", kMysql).fingerprint);
  EXPECT_EQ(digest("SELECT * FROM pets WHERE id = 1", kPostgresql).fingerprint,
            0xaa62b93a0382675cU);
}

TEST(Digest, ListsOfAnyLengthAreOne) {
  std::string in = "SELECT a FROM t WHERE id IN (1";
  std::string rows = "INSERT INTO t (a, b) VALUES ('x', 1)";
  const Digest one = digest(in + ")", kPostgresql);
  const Digest row = digest(rows, kPostgresql);
  for (int i = 0; i < 10'000; ++i) {
    in += ", 22";
    rows += ", ('some text', NULL)";
  }
  EXPECT_EQ(digest(in + ")", kPostgresql).fingerprint, one.fingerprint);
  const Digest many = digest(rows, kPostgresql);
  EXPECT_EQ(many.fingerprint, row.fingerprint);
  EXPECT_FALSE(many.cut);
}

TEST(Digest, IsCutAtItsBoundAndSaysSo) {
  std::string text = "SELECT a";
  for (int i = 0; i < 2'000; ++i) {
    text += ", b" + std::to_string(i) + "é";
  }
  const Digest made = digest(text + "; DROP TABLE t", kPostgresql);
  EXPECT_TRUE(made.cut);
  EXPECT_LE(made.text.size(), kMaxDigest);
  EXPECT_GT(made.text.size(), kMaxDigest - 4);
  EXPECT_TRUE(made.writes);  // what is beyond the bound is judged all the same
  EXPECT_TRUE(made.has(StatementKind::drop));
  EXPECT_TRUE(normal_text(text + "; DROP TABLE t", kPostgresql).ends_with("; drop table t"));
  const Digest exact = digest(std::string(kMaxDigest, 'a'), kPostgresql);
  EXPECT_FALSE(exact.cut);
  EXPECT_EQ(exact.text.size(), kMaxDigest);
}

TEST(Digest, DeepNestingIsHarmless) {
  const std::string deep(100'000, '(');
  EXPECT_TRUE(digest("SELECT " + deep + "1", kPostgresql).cut);
  const std::string closed(100'000, ')');
  EXPECT_TRUE(digest("SELECT " + closed, kMysql).cut);
}

TEST(Digest, WhatServersMayReadDifferentlyIsUnclear) {
  for (const std::string_view text :
       {"SELECT 1 /*!99999 + 1 */", "/*!50100 SELECT */ 1", "SELECT /*M! 1 */ 2",
        "SELECT /*!40000 1 -- */ 2", "SELECT /*!40000 1 # */ 2", "SELECT /*! 1 /* x */ */ 2",
        "SELECT /*!99999 '*/ 1; DROP TABLE t -- '"}) {
    const Digest made = digest(text, kMysql);
    EXPECT_TRUE(made.unclear) << text;
    EXPECT_TRUE(made.writes) << text;
    EXPECT_EQ(made.text, "?") << text;
    EXPECT_EQ(normal_text(text, kMysql), "?") << text;
  }
  for (const std::string_view text :
       {"SELECT 1 /*!40001 + 1 */", "SELECT /*! 1 */", "SELECT '/*!99999 x */'",
        "SELECT 1 /* !99999 */ /*+ hint */"}) {
    EXPECT_FALSE(digest(text, kMysql).unclear) << text;
    EXPECT_FALSE(digest(text, kMysql).writes) << text;
  }
  EXPECT_FALSE(digest("SELECT 1 /*!99999 + 1 */", kPostgresql).unclear);
  const std::string tag(70, 'a');
  EXPECT_TRUE(digest("SELECT $" + tag + "$ x $" + tag + "$", kPostgresql).unclear);
}

TEST(Digest, WhatIsReadAnewInItsMiddleIsUnclear) {
  EXPECT_TRUE(
      digest("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; DROP TABLE t -- '", kMysql)
          .unclear);
  EXPECT_TRUE(digest("SET a = 1, @@session.sql_mode = ''; SELECT 1", kMysql).unclear);
  EXPECT_TRUE(digest("SET NAMES gbk; SELECT 1", kMysql).unclear);
  EXPECT_TRUE(digest("SET CHARACTER SET gbk; SELECT 1", kMysql).unclear);
  EXPECT_FALSE(digest("SELECT 1; SET NAMES utf8mb4;", kMysql).unclear);
  EXPECT_FALSE(digest("SET a = 1; SELECT names FROM t", kMysql).unclear);
  EXPECT_FALSE(digest("SET NAMES 'utf8'; SELECT 1", kPostgresql).unclear);
}

TEST(Digest, EncodingsWithSignsInTheirCharactersAreUnclear) {
  ScannerOptions gbk = kMysql;
  gbk.double_byte = true;
  EXPECT_TRUE(digest("SELECT '\xbf\\'; DROP TABLE t -- '", gbk).unclear);
  EXPECT_FALSE(digest("SELECT '\xbf\xbf'", gbk).unclear);
  EXPECT_FALSE(digest("SELECT 'a\\n'", gbk).unclear);
  EXPECT_FALSE(digest("SELECT '\xc3\xa9\\n'", kMysql).unclear);
}

TEST(Digest, KindsHaveNames) {
  for (unsigned i = 0; i < static_cast<unsigned>(StatementKind::count_); ++i) {
    const auto kind = static_cast<StatementKind>(i);
    EXPECT_FALSE(kind_name(kind).empty());
    EXPECT_EQ(find_kind(kind_name(kind)), kind);
  }
  EXPECT_EQ(kind_name(StatementKind::delete_), "delete");
  EXPECT_EQ(kind_name(StatementKind::other), "other");
  EXPECT_FALSE(find_kind("selekt"));
}

}  // namespace
}  // namespace sluice::protocol::sql
