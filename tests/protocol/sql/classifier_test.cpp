#include "protocol/sql/classifier.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::protocol::sql {
namespace {

Effects effects_of(std::string_view text) {
  Classifier by_byte({});
  for (std::size_t i = 0; i < text.size(); ++i) {
    by_byte.feed(as_bytes(text.substr(i, 1)));
  }
  Effects whole = classify(text, {});
  Effects& slow = by_byte.finish();
  EXPECT_EQ(whole.pins, slow.pins) << text;
  EXPECT_EQ(whole.change, slow.change) << text;
  EXPECT_EQ(whole.name, slow.name) << text;
  EXPECT_EQ(whole.value, slow.value) << text;
  return whole;
}

std::string pins_of(PinSet pins) {
  std::string out;
  for (unsigned i = 0; i < static_cast<unsigned>(Pin::count_); ++i) {
    if (pins.has(static_cast<Pin>(i))) {
      out += (out.empty() ? "" : " ") + std::string(pin_label(static_cast<Pin>(i)));
    }
  }
  return out;
}

struct PinRow {
  std::string_view text, pins;
};
class ClassifierPins : public ::testing::TestWithParam<PinRow> {};

TEST_P(ClassifierPins, Are) {
  EXPECT_EQ(pins_of(effects_of(GetParam().text).pins), GetParam().pins) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Statements, ClassifierPins,
    ::testing::Values(
        PinRow{"SELECT 1", ""}, PinRow{"LISTEN a", "listen"}, PinRow{"listen a;", "listen"},
        PinRow{"SELECT 'LISTEN a'", ""}, PinRow{"/* x */ LISTEN a", "listen"},
        PinRow{"SELECT 1; LISTEN a", "listen"}, PinRow{"NOTIFY a", ""},
        PinRow{"CREATE TEMP TABLE a (b int)", "temporary"},
        PinRow{"CREATE LOCAL TEMPORARY TABLE a (b int)", "temporary"},
        PinRow{"CREATE OR REPLACE TEMP VIEW a AS SELECT 1", "temporary"},
        PinRow{"CREATE TABLE a (temp int)", ""},
        PinRow{"CREATE TABLE pg_temp.a (b int)", "temporary"},
        PinRow{"SELECT 1 INTO TEMP a", "temporary"}, PinRow{"INSERT INTO temp VALUES (1)", ""},
        PinRow{"EXPLAIN ANALYZE CREATE TEMP TABLE a AS SELECT 1", "temporary"},
        PinRow{"PREPARE a AS SELECT 1", "prepared"}, PinRow{"PREPARE TRANSACTION 'a'", ""},
        PinRow{"DECLARE a CURSOR WITH HOLD FOR SELECT 1", "cursor"},
        PinRow{"DECLARE a CURSOR FOR SELECT 1", ""},
        PinRow{"DECLARE a CURSOR WITHOUT HOLD FOR SELECT 1", ""},
        PinRow{"LOAD 'auto_explain'", "session"}, PinRow{"SELECT pg_advisory_lock(1)", "lock"},
        PinRow{"SELECT pg_catalog.pg_try_advisory_lock_shared (1, 2)", "lock"},
        PinRow{"SELECT pg_advisory_xact_lock(1)", ""}, PinRow{"SELECT pg_advisory_lock FROM t", ""},
        PinRow{"SELECT \"pg_advisory_lock\"(1)", "lock"}, PinRow{"SELECT setseed(0.1)", "session"},
        PinRow{"SET SEED TO 0.1", "session"}, PinRow{"SELECT pg_backend_pid()", "backend_identity"},
        PinRow{"SELECT dblink_connect('x')", "session"},
        PinRow{"SELECT set_config('a.b', f(), false)", "settings"},
        PinRow{"SELECT 1; SELECT set_config('a.b', 'c', false)", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', false); SELECT 1", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', false) AS x", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', false), 2", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', false), set_config('d.e', 'f', false)", "settings"},
        PinRow{"SELECT set_config('role', 'c', false)", "settings"},
        PinRow{"SELECT set_config('a.b' || 'c', 'c', false)", "settings"},
        PinRow{"SELECT set_config($1, 'c', false)", "settings"},
        PinRow{"SELECT set_config('a.b', NULL, false)", "settings"},
        PinRow{"SELECT public.set_config('a.b', 'c', false)", "settings"},
        PinRow{"EXPLAIN ANALYZE SELECT set_config('a.b', 'c', false)", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', true)", ""},
        PinRow{"SELECT set_config('a.b', f(1, true), 't'), 2", ""},
        PinRow{"SELECT set_config('a.b', 'c', true and false)", "settings"},
        PinRow{"SELECT set_config('a.b', 'c', $1)", "settings"},
        PinRow{"SELECT set_config('a.b', 'c'", "settings"}));

INSTANTIATE_TEST_SUITE_P(
    Settings, ClassifierPins,
    ::testing::Values(PinRow{"SET ROLE a", "role"}, PinRow{"SET role TO 'a'", "role"},
                      PinRow{"SET \"role\" = a", "role"}, PinRow{"SET SESSION ROLE a", "role"},
                      PinRow{"SET SESSION AUTHORIZATION a", "role"}, PinRow{"SET LOCAL ROLE a", ""},
                      PinRow{"SET LOCAL work_mem = 1", ""},
                      PinRow{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", ""},
                      PinRow{"SET CONSTRAINTS ALL DEFERRED", ""},
                      PinRow{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "settings"},
                      PinRow{"SET TIME ZONE INTERVAL '1' HOUR TO MINUTE", "settings"},
                      PinRow{"SET a = 1; SELECT 1", "settings"}, PinRow{"SET a = $1", "settings"},
                      PinRow{"SET a = B'1'", "settings"}, PinRow{"SET a = E'\\n'", "settings"},
                      PinRow{"SET XML OPTION DOCUMENT", "settings"},
                      PinRow{"UPDATE a SET b = 1", ""}));

INSTANTIATE_TEST_SUITE_P(
    Code, ClassifierPins,
    ::testing::Values(
        PinRow{"DO $$ BEGIN UPDATE a SET b = 1; END $$", ""},
        PinRow{"DO $x$ BEGIN SET LOCAL a = 1; END $x$", ""},
        PinRow{"DO $$ BEGIN SET a = 1; END $$", "settings role"},
        PinRow{"DO LANGUAGE plpgsql 'BEGIN EXECUTE ''LISTEN a''; END'", "listen"},
        PinRow{"DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$", "lock"},
        PinRow{"DO $$ BEGIN CREATE TEMP TABLE a (); END $$", "temporary"},
        PinRow{"DO $$ BEGIN PERFORM set_config('a', 'b', false); END $$", "settings"},
        PinRow{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT pg_advisory_lock(1) $$",
               ""}));

TEST(Classifier, PlainSettingsCanBeReplayed) {
  struct Row {
    std::string_view text;
    Change change;
    std::string_view name, value;
  };
  for (const Row& row :
       {Row{"SET work_mem = '64MB'", Change::set, "work_mem", "64MB"},
        Row{"set session Work_Mem to 64;", Change::set, "work_mem", "64"},
        Row{"SET a.B = -1.5", Change::set, "a.b", "-1.5"},
        Row{"SET a = On", Change::set, "a", "on"},
        Row{"SET a = \"On\"", Change::set, "a", "On"},
        Row{"SET a = 'it''s'", Change::set, "a", "it's"},
        Row{"SET a = ''", Change::set, "a", ""},
        Row{"SET DateStyle = ISO, DMY", Change::set, "datestyle", "iso, dmy"},
        Row{"SET search_path = a, \"B c\", '$user'", Change::set, "search_path",
            "a, \"B c\", \"$user\""},
        Row{"SET SCHEMA 'a'", Change::set, "search_path", "a"},
        Row{"SET NAMES 'latin1'", Change::set, "client_encoding", "latin1"},
        Row{"SET TIME ZONE 'UTC'", Change::set, "timezone", "UTC"},
        Row{"SET TIME ZONE -7", Change::set, "timezone", "-7"},
        Row{"SET TIME ZONE LOCAL", Change::reset, "timezone", ""},
        Row{"SET a TO DEFAULT", Change::reset, "a", ""},
        Row{"RESET a.b", Change::reset, "a.b", ""},
        Row{"RESET TIME ZONE", Change::reset, "timezone", ""},
        Row{"RESET ALL", Change::reset_all, "", ""},
        Row{"SELECT set_config('TimeZone', 'UTC', false)", Change::set, "timezone", "UTC"},
        Row{"select pg_catalog.set_config ('a.b', 'it''s', FALSE);", Change::set, "a.b", "it's"},
        Row{"SELECT set_config('search_path', 'a, b', false)", Change::set, "search_path", "a, b"},
        Row{"SELECT set_config('TimeZone', $1, false)", Change::set_as_reported, "timezone", ""},
        Row{"SELECT set_config('a.b', 'c', false), 2", Change::none, "a.b", "c"},
        Row{"SET LOCAL a = 1", Change::none, "", ""},
        Row{"SET a = 1; SET b = 2", Change::none, "b", "2"}}) {
    Effects effects = effects_of(row.text);
    EXPECT_EQ(effects.change, row.change) << row.text;
    EXPECT_EQ(effects.name, row.name) << row.text;
    EXPECT_EQ(effects.value, row.value) << row.text;
  }
}

TEST(Classifier, ValuesTooLongToKeepPin) {
  Effects effects = effects_of("SET a = '" + std::string(500, 'x') + "'");
  EXPECT_EQ(effects.change, Change::none);
  EXPECT_TRUE(effects.pins.has(Pin::settings));
}

TEST(Classifier, Unpins) {
  for (auto [text, pins] : std::vector<PinRow>{{"UNLISTEN *", "listen"},
                                               {"UNLISTEN a", ""},
                                               {"CLOSE ALL", "cursor"},
                                               {"CLOSE a", ""},
                                               {"DEALLOCATE PREPARE ALL", "prepared"},
                                               {"DISCARD TEMP", "temporary"},
                                               {"DISCARD PLANS", ""},
                                               {"RESET ALL", "settings"},
                                               {"RESET ROLE", "role"},
                                               {"RESET SESSION AUTHORIZATION", "role"},
                                               {"SELECT pg_advisory_unlock_all()", "lock"},
                                               {"SELECT 1; UNLISTEN *", ""}}) {
    EXPECT_EQ(pins_of(effects_of(text).unpins), pins) << text;
  }
}

TEST(Classifier, TextsThatOnlyCleanUpAreAsGoodAsOneStatement) {
  Effects reset =
      effects_of("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;");
  EXPECT_FALSE(reset.several);
  EXPECT_FALSE(reset.resets);
  EXPECT_FALSE(reset.pins.any());
  EXPECT_EQ(reset.change, Change::reset_all);
  EXPECT_EQ(pins_of(reset.unpins), pins_of(effects_of("RESET ALL").unpins) + " listen cursor lock");
  EXPECT_EQ(pins_of(effects_of("CLOSE ALL; UNLISTEN *").unpins), "listen cursor");
  for (std::string_view text :
       {"CLOSE ALL; RESET ALL; SELECT 1", "RESET ALL; RESET work_mem", "CLOSE ALL; SET a = 1",
        "SELECT pg_advisory_unlock_all(), 1; RESET ALL", "CLOSE a; RESET ALL",
        "SELECT pg_advisory_unlock_all() FROM f(); RESET ALL", "RESET ROLE; CLOSE ALL",
        "BEGIN; CLOSE ALL; COMMIT", "SELECT 1; CLOSE ALL"}) {
    Effects effects = effects_of(text);
    EXPECT_TRUE(effects.several) << text;
    EXPECT_FALSE(effects.unpins.any()) << text;
  }
}

TEST(Classifier, Sequences) {
  EXPECT_TRUE(effects_of("SELECT currval('s')").needs_sequence);
  EXPECT_TRUE(effects_of("SELECT lastval()").needs_sequence);
  EXPECT_FALSE(effects_of("SELECT currval FROM t").needs_sequence);
  EXPECT_FALSE(effects_of("INSERT INTO t VALUES (1); SELECT lastval()").needs_sequence);
  EXPECT_FALSE(effects_of("SELECT nextval('s'), currval('s')").needs_sequence);
  EXPECT_TRUE(effects_of("COPY t FROM STDIN").writes);
  EXPECT_FALSE(effects_of("SELECT 1").writes);
}

TEST(Classifier, TransactionsAndNames) {
  EXPECT_TRUE(effects_of("commit").ends_transaction);
  EXPECT_FALSE(effects_of("BEGIN; COMMIT").ends_transaction);
  EXPECT_TRUE(effects_of("BEGIN; COMMIT").several);
  EXPECT_FALSE(effects_of("SELECT 1;;").several);
  EXPECT_EQ(effects_of("DEALLOCATE Ab").name, "ab");
  EXPECT_EQ(effects_of("DEALLOCATE PREPARE \"A\"\"b\"").name, "A\"b");
  EXPECT_FALSE(effects_of("DEALLOCATE a; SELECT 1").deallocate);
  EXPECT_TRUE(effects_of("DISCARD ALL").discard_all);
  EXPECT_TRUE(effects_of("RESET a; SELECT 1").resets);
}

TEST(Classifier, EveryWordIsFound) {
  EXPECT_EQ(find_word("SET_Config"), Word::set_config);
  EXPECT_EQ(find_word("pg_replication_origin_session_setup"), Word::origin_session_setup);
  EXPECT_EQ(find_word("a"), Word::none);
  EXPECT_EQ(find_word(""), Word::none);
  EXPECT_EQ(find_word("selec"), Word::none);
}

}  // namespace
}  // namespace sluice::protocol::sql
