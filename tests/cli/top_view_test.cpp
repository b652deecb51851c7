#include "cli/top_view.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace sluice::cli {
namespace {

namespace json = boost::json;
using Kind = Key::Kind;

TopData data() {
  return make_top_data(
      json::parse(R"({"data":{"version":"1","uptime_seconds":3725.5,"io":"epoll","workers":2,
        "clients":3,"max_client_connections":100,"ready":true,"draining":false,"reload_ok":true}})"),
      json::parse(R"({"data":[
        {"name":"pets","user":"app","database":"d","used":4,"idle":1,"pool_size":5,"max_overflow":2,
         "waiting":3,"oldest_wait_seconds":1.25,"up":true,"mode":"transaction"},
        {"name":"down","up":false,"pool_size":1,"max_overflow":-1,"last_error":"refused"},
        {"name":"held","paused":true},{"name":"new","up":null,"max_overflow":0}]})"),
      json::parse(R"({"data":[
        {"id":7,"user":"app","client":"127.0.0.1:5","state":"active","age_seconds":100,
         "wait_seconds":0,"pins":["cursor","listen"],"in_transaction":true},
        {"id":12,"user":"reports","client":"127.0.0.1:6","state":"waiting","age_seconds":20.04,
         "wait_seconds":12.34,"pins":[]}]})"));
}

std::string screen(const TopView& view, ScreenSize size = {160, 24}) {
  std::string out;
  const auto lines = view.render(size);
  EXPECT_LE(lines.size(), size.rows);
  for (const std::string& line : lines) {
    EXPECT_LE(display_width(line), size.columns);
    out += line + "\n";
  }
  return out;
}

// Where the first of them stands before the second.
bool before(const std::string& text, const char* first, const char* second) {
  return text.find(first) < text.find(second) && text.find(second) != std::string::npos;
}

void type(TopView& view, std::string_view bytes) {
  for (const Key& key : read_keys(bytes)) {
    view.on_key(key);
  }
}

TEST(TopData, has_what_an_operator_needs) {
  const TopData made = data();
  EXPECT_EQ(made.headline, "sluice 1  up 1h 2m  epoll, 2 workers  clients 3 of 100  ready");
  ASSERT_EQ(made.pools.rows.size(), 4U);
  EXPECT_EQ(made.pools.rows[0][6], "5+2");
  EXPECT_EQ(made.pools.rows[0][8], "1.3");
  EXPECT_EQ(made.pools.rows[1][3], "down");
  EXPECT_EQ(made.pools.rows[2][3], "paused");
  EXPECT_EQ(made.pools.rows[3][3], "unused");
  ASSERT_EQ(made.sessions.rows.size(), 2U);
  EXPECT_EQ(made.sessions.rows[0][8], "cursor,listen");
  EXPECT_EQ(made.sessions.rows[1][7], "12.3");
}

TEST(TopData, survives_what_is_missing) {
  const TopData made =
      make_top_data(json::parse("{}"), json::parse("[]"), json::parse(R"({"data":[{},1]})"));
  EXPECT_EQ(made.headline, "sluice");
  EXPECT_EQ(made.pools.rows.size(), 0U);
  EXPECT_EQ(made.sessions.rows.size(), 2U);
}

TEST(TopData, rates_are_what_was_counted_between) {
  const auto totals = [](const char* text) { return totals_of(json::parse(text)); };
  const auto before = totals(R"({"data":[{"queries":10,"transactions":1},{"queries":5}]})");
  const auto now = totals(R"({"data":[{"queries":30,"transactions":3},{"queries":25}]})");
  EXPECT_EQ(rate_text(before, now, 2), "  20 queries/s, 1 transactions/s");
  EXPECT_EQ(rate_text(now, before, 2), "  0 queries/s, 0 transactions/s") << "it was restarted";
  EXPECT_EQ(rate_text(before, now, 0), "");
  EXPECT_EQ(totals("[]").queries, 0);
}

TEST(TopView, shows_both_tables_and_fits_any_screen) {
  TopView view(false);
  view.set_data(data());
  const std::string all = screen(view);
  EXPECT_NE(all.find("pools 4\n"), std::string::npos);
  EXPECT_NE(all.find("sessions 2 *\n"), std::string::npos);
  EXPECT_NE(all.find("reports"), std::string::npos);
  for (const ScreenSize size : {ScreenSize{1, 1}, {9, 50}, {20, 4}, {40, 5}, {40, 8}, {300, 100}}) {
    screen(view, size);
  }
  TopView coloured(true);
  coloured.set_data(data());
  EXPECT_NE(coloured.render({80, 24}).front().find("\x1b[1m"), std::string::npos);
}

TEST(TopView, sorts_by_the_column_of_the_arrows) {
  TopView view(false);
  view.set_data(data());
  type(view, "\x1b[C");  // ID, the largest first
  EXPECT_TRUE(before(screen(view), "127.0.0.1:6", "127.0.0.1:5"));
  EXPECT_NE(screen(view).find("IDv"), std::string::npos);
  type(view, "r");
  EXPECT_NE(screen(view).find("ID^"), std::string::npos);
  EXPECT_TRUE(before(screen(view), "127.0.0.1:5", "127.0.0.1:6"));
  type(view, "0");
  EXPECT_EQ(screen(view).find("ID^"), std::string::npos);
  type(view, "\t\x1b[D");  // pools, by their last column
  EXPECT_NE(screen(view).find("LAST_ERRORv"), std::string::npos);
  EXPECT_NE(screen(view).find("pools 4 *"), std::string::npos);
}

TEST(TopView, finds_what_is_searched_for) {
  TopView view(false);
  view.set_data(data());
  type(view, "/REPX\x7f");
  EXPECT_NE(screen(view).find("search: REP_"), std::string::npos);
  type(view, "\r");
  EXPECT_NE(screen(view).find("sessions 1"), std::string::npos);
  EXPECT_NE(screen(view).find("pools 0"), std::string::npos);
  EXPECT_FALSE(view.quit());
  type(view, "\x1b");
  EXPECT_NE(screen(view).find("sessions 2"), std::string::npos);
  type(view, "/q");
  EXPECT_FALSE(view.quit()) << "a letter of the search";
  type(view, "\x03");
  EXPECT_TRUE(view.quit());
}

TEST(TopView, fewer_rows_than_it_was_scrolled_by_stay_in_sight) {
  TopView view(false);
  view.set_data(data());
  type(view, "\x1b[F");
  TopData fewer = data();
  fewer.sessions.rows.resize(1);
  view.set_data(fewer);
  EXPECT_NE(screen(view).find("127.0.0.1:5"), std::string::npos);
}

// Whoever is called "nan" is called so: strtod(3) would make a number of it that has no place.
TEST(TopView, names_that_look_like_numbers_have_an_order) {
  TopData named = data();
  named.sessions.rows.resize(1);
  for (const char* user : {"nan", "4712", "inf", "4711"}) {
    named.sessions.rows.push_back(named.sessions.rows[0]);
    named.sessions.rows.back()[1] = user;
  }
  TopView view(false);
  view.set_data(named);
  type(view, "\x1b[C\x1b[Cr");  // by the second column, USER, the smallest first
  const std::string text = screen(view);
  EXPECT_TRUE(before(text, " 4711 ", " 4712 ")) << text;
  EXPECT_TRUE(before(text, " 4712 ", " inf ")) << text;
  EXPECT_TRUE(before(text, " inf ", " nan ")) << text;
}

TEST(TopView, scrolls_within_what_there_is) {
  TopView view(false);
  view.set_data(data());
  type(view, "\x1b[6~");
  EXPECT_NE(screen(view).find("sessions 2, from 2"), std::string::npos);
  type(view, "\x1b[A\x1b[A");
  EXPECT_EQ(screen(view).find("from"), std::string::npos);
  type(view, "\x1b[F");
  EXPECT_NE(screen(view).find("from 2"), std::string::npos);
  view.set_data({});
  screen(view);
}

TEST(TopView, stops_goes_on_and_changes_its_pace) {
  TopView view(false);
  type(view, " ");
  EXPECT_TRUE(view.paused());
  EXPECT_NE(screen(view).find("stopped"), std::string::npos);
  type(view, " ");
  EXPECT_FALSE(view.paused());
  type(view, "+");
  EXPECT_EQ(view.interval(), 1.0);
  type(view, "++++");
  EXPECT_EQ(view.interval(), 0.5);
  type(view, "----------");
  EXPECT_EQ(view.interval(), 60);
  type(view, "h");
  EXPECT_NE(screen(view).find("PageDown"), std::string::npos);
  view.set_error("no\x1b answer");
  EXPECT_NE(screen(view).find("no? answer"), std::string::npos);
  type(view, "q");
  EXPECT_TRUE(view.quit());
}

TEST(Keys, sequences_are_keys_and_others_are_left_out) {
  const auto keys = read_keys("a\x1b[A\x1b[99;5X\t\x1bOB\x1b");
  ASSERT_EQ(keys.size(), 5U);
  EXPECT_EQ(keys[0].character, 'a');
  EXPECT_EQ(keys[1].kind, Kind::up);
  EXPECT_EQ(keys[2].kind, Kind::tab);
  EXPECT_EQ(keys[3].kind, Kind::down);
  EXPECT_EQ(keys[4].kind, Kind::escape);
  read_keys("\x1b[");
}

TEST(Uptime, is_told_in_two_units) {
  EXPECT_EQ(uptime_text(4.9), "4s");
  EXPECT_EQ(uptime_text(125), "2m 5s");
  EXPECT_EQ(uptime_text(7200), "2h 0m");
  EXPECT_EQ(uptime_text(90000), "1d 1h");
}

}  // namespace
}  // namespace sluice::cli
