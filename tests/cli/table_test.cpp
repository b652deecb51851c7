#include "cli/table.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/ctl.hpp"

namespace sluice::cli {
namespace {

namespace json = boost::json;

TEST(Table, columns_are_aligned_and_numbers_stand_to_the_right) {
  EXPECT_EQ(aligned({{"name", "n", "x"}, {{"a", "5", ""}, {"long name", "12", "y"}}}),
            "name        n  x\n"
            "---------  --  -\n"
            "a           5\n"
            "long name  12  y\n");
}

TEST(Table, nothing_but_a_heading) {
  EXPECT_EQ(aligned({{"a", "b"}, {}}), "a  b\n-  -\n");
}

// What a client calls itself must not move an operator's cursor.
TEST(Table, control_characters_are_replaced) {
  EXPECT_EQ(printable("a\x1b[2Jb\x7f\n"), "a?[2Jb??");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m \xC3\xA9"),
            "?31m \xC3\xA9");
  EXPECT_EQ(aligned({{"a"}, {{"x\ty"}}}), "a\n---\nx?y\n");
}

TEST(Table, texts_in_utf8_take_a_column_for_each_character) {
  EXPECT_EQ(display_width("\xC3\xA9t\xC3\xA9"), 3U);
  EXPECT_EQ(aligned({{"a", "b"}, {{"\xC3\xA9", "x"}}}), "a  b\n-  -\n\xC3\xA9  x\n");
}

TEST(Ctl, reads_what_the_console_answers) {
  const auto answer =
      json::parse(R"({"columns":["a","b"],"rows":[["x",1],[null,true]],"tag":"SHOW"})");
  auto table = table_of(answer);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->rows[0], (std::vector<std::string>{"x", "1"}));
  EXPECT_EQ(table->rows[1], (std::vector<std::string>{"", "true"}));
  EXPECT_EQ(rows_as_json(*table, answer), R"([{"a":"x","b":1},{"a":null,"b":true}])"
                                          "\n");
}

TEST(Ctl, what_is_no_table_is_refused) {
  for (const char* text : {"{}", R"({"columns":1,"rows":[]})", R"({"columns":[],"rows":[1]})",
                           R"({"columns":["a"],"rows":[[1,2]]})", "[]"}) {
    EXPECT_FALSE(table_of(json::parse(text)).ok()) << text;
  }
}

TEST(Reload, tells_what_has_changed) {
  EXPECT_EQ(reload_text(json::parse(R"({"data":{"changed":[],"needs_restart":[]}})")),
            "nothing has changed\n");
  EXPECT_EQ(reload_text(json::parse(
                R"({"data":{"changed":["pools.a.pool_size"],"needs_restart":["workers"],
                    "warnings":["w"]}})")),
            "warning: w\nchanged:\n  pools.a.pool_size\nwait for a restart:\n  workers\n");
}

TEST(Ctl, what_is_under_way_is_asked_about_and_not_begun_again) {
  EXPECT_EQ(question_about("PAUSE pets", "PAUSE"), "WAIT_PAUSE pets");
  EXPECT_EQ(question_about(" pause \"my pause\";", "PAUSE"), "WAIT_pause \"my pause\";");
  EXPECT_EQ(question_about("WAIT_CLOSE", "WAIT_CLOSE"), "WAIT_CLOSE");
  EXPECT_EQ(question_about("wait_pause pets", "WAIT_PAUSE"), "wait_pause pets");
  EXPECT_EQ(question_about("RELOAD", "RELOAD"), "");
  EXPECT_TRUE(is_done(json::parse(R"({"tag": "RELOAD"})")));
  EXPECT_TRUE(is_done(json::parse(R"({"done": true})")));
  EXPECT_FALSE(is_done(json::parse(R"({"done": false})")));
}

}  // namespace
}  // namespace sluice::cli
