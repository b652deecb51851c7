#include "proxy/console/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::proxy::console {
namespace {

using testing::HasSubstr;

Command parsed(std::string_view text) {
  auto command = parse(text);
  EXPECT_TRUE(command) << text << ": " << (command ? "" : command.failure().text);
  return command ? *command : Command();
}

std::string refusal(std::string_view text) {
  auto command = parse(text);
  EXPECT_FALSE(command) << text;
  if (command) {
    return {};
  }
  EXPECT_EQ(command.failure().sqlstate(), "42601");
  EXPECT_EQ(command.failure().mysql_errno(), 1064);
  return command.failure().text;
}

TEST(Command, any_case_comments_and_semicolons) {
  for (const char* text :
       {"SHOW POOLS", "show pools;", " Show\n\tPools ; ;", "/* x */ SHOW -- y\n POOLS # z",
        "-- only then\nSHOW/**/POOLS;", "SHOW \"pools\""}) {
    const Command command = parsed(text);
    EXPECT_EQ(command.verb, Verb::show) << text;
    EXPECT_EQ(command.name, "POOLS") << text;
  }
}

TEST(Command, names_of_pools) {
  EXPECT_EQ(parsed("PAUSE").name, "");
  EXPECT_EQ(parsed("PAUSE pets_pg").name, "pets_pg");
  EXPECT_EQ(parsed("pause Pets-2.x;").name, "Pets-2.x");
  EXPECT_EQ(parsed("PAUSE \"a \"\"b\"\" ;\"").name, "a \"b\" ;");
  EXPECT_EQ(parsed("PAUSE `a``b`").name, "a`b");
  EXPECT_EQ(parsed("PAUSE 'pets'").name, "pets");
  EXPECT_EQ(parsed("RESUME pets").verb, Verb::resume);
  EXPECT_EQ(parsed("KILL pets").verb, Verb::kill);
  EXPECT_EQ(parsed("DISABLE pets").verb, Verb::disable);
  EXPECT_EQ(parsed("ENABLE pets").verb, Verb::enable);
  EXPECT_EQ(parsed("WAIT_CLOSE pets").verb, Verb::wait_close);
  EXPECT_EQ(parsed("wait_pause").verb, Verb::wait_pause);
}

TEST(Command, reconnect_and_its_clients) {
  EXPECT_EQ(parsed("RECONNECT").verb, Verb::reconnect);
  EXPECT_EQ(parsed("RECONNECT pets").name, "pets");
  EXPECT_EQ(parsed("RECONNECT clients").verb, Verb::reconnect_clients);
  EXPECT_EQ(parsed("RECONNECT CLIENTS pets").name, "pets");
  EXPECT_EQ(parsed("RECONNECT \"clients\"").verb, Verb::reconnect);
  EXPECT_EQ(parsed("RECONNECT \"clients\"").name, "clients");
}

TEST(Command, ids_of_clients) {
  EXPECT_EQ(parsed("KILL_CLIENT 42").session, 42U);
  EXPECT_EQ(parsed("KILL_CLIENT 0x2a").session, 42U);
  EXPECT_EQ(parsed("kill_client 4294967295").session, 4294967295U);
  EXPECT_THAT(refusal("KILL_CLIENT"), HasSubstr("SHOW CLIENTS"));
  EXPECT_THAT(refusal("KILL_CLIENT 4294967296"), HasSubstr("4294967296"));
  EXPECT_THAT(refusal("KILL_CLIENT 4x"), HasSubstr("\"4x\""));
  EXPECT_THAT(refusal("KILL_CLIENT -1"), HasSubstr("-1"));
}

TEST(Command, ways_to_shut_down) {
  EXPECT_EQ(parsed("SHUTDOWN").mode, op::ShutdownMode::immediate);
  EXPECT_EQ(parsed("SHUTDOWN immediate").mode, op::ShutdownMode::immediate);
  EXPECT_EQ(parsed("SHUTDOWN WAIT_FOR_CLIENTS").mode, op::ShutdownMode::wait_for_clients);
  EXPECT_EQ(parsed("SHUTDOWN wait_for_servers;").mode, op::ShutdownMode::drain);
  EXPECT_THAT(refusal("SHUTDOWN WAIT_FOR_CLIENT"), HasSubstr("\"WAIT_FOR_CLIENTS\"?"));
}

TEST(Command, settings) {
  for (const char* text : {"SET log_level = 'debug'", "set LOG_LEVEL='DEBUG';",
                           "SET log_level TO debug", "SET log_level=debug"}) {
    EXPECT_EQ(parsed(text).name, "log_level") << text;
    EXPECT_EQ(parsed(text).value, "debug") << text;
  }
  EXPECT_THAT(refusal("SET log_levle = 'x'"), HasSubstr("did you mean \"log_level\""));
  EXPECT_THAT(refusal("SET pool_size = 5"), HasSubstr("RELOAD"));
  EXPECT_THAT(refusal("SET log_level"), HasSubstr("SET log_level = 'debug'"));
  EXPECT_THAT(refusal("SET log_level ="), HasSubstr("SET log_level = 'debug'"));
}

TEST(Command, what_is_not_understood_says_what_was_meant) {
  EXPECT_THAT(refusal("SHWO POOLS"), HasSubstr("did you mean \"SHOW\""));
  EXPECT_THAT(refusal("SHOW POLS"), HasSubstr("did you mean \"POOLS\""));
  EXPECT_THAT(refusal("SHOW"), HasSubstr("SHOW HELP"));
  EXPECT_THAT(refusal("SELECT 1"), HasSubstr("unknown command \"SELECT\""));
  EXPECT_THAT(refusal("SHOW POOLS now"), HasSubstr("unexpected \"now\""));
  EXPECT_THAT(refusal("PAUSE a b"), HasSubstr("unexpected \"b\""));
  EXPECT_THAT(refusal("RELOAD pets"), HasSubstr("unexpected \"pets\""));
  EXPECT_THAT(refusal("DISABLE"), HasSubstr("needs the name of a pool"));
  EXPECT_THAT(refusal("PAUSE ''"), HasSubstr("empty"));
  EXPECT_THAT(refusal("SHOW POOLS; SHOW STATS"), HasSubstr("one command at a time"));
  EXPECT_THAT(refusal(""), HasSubstr("no command"));
  EXPECT_THAT(refusal(" ; -- nothing"), HasSubstr("no command"));
  EXPECT_THAT(refusal("PAUSE \"pets"), HasSubstr("does not end"));
  EXPECT_THAT(refusal("SHOW /* POOLS"), HasSubstr("does not end"));
  EXPECT_THAT(refusal("\"SHOW\" POOLS"), HasSubstr("unknown command"));
}

// A long or strange word comes back cut and printable.
TEST(Command, errors_stay_short_and_printable) {
  EXPECT_LT(refusal(std::string(100000, 'x')).size(), 300U);
  EXPECT_THAT(refusal("SHOW \x01\x02"), testing::Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace sluice::proxy::console
