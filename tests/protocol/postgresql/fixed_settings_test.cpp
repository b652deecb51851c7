// Settings that a session starts with, and those that its client may not change.

#include "protocol/dialect.hpp"
#include "protocol/postgresql/settings_guard.hpp"
#include "tests/protocol/postgresql/inspector_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

SessionDefaults fixed_defaults() {
  SessionDefaults defaults;
  defaults.settings = {{"app.user", "ann"}, {"work_mem", "4MB"}};
  defaults.fixed = {"app.user"};
  return defaults;
}

SessionDefaults read_only_defaults() {
  SessionDefaults defaults;
  defaults.read_only = defaults.read_only_fixed = true;
  return defaults;
}

std::string verdict(const SessionDefaults& defaults, std::string_view sql) {
  const auto failure = fixed_refusal(defaults, sql, {});
  return failure ? std::string(failure->sqlstate()) : "";
}

TEST(SettingsGuardTest, RefusesWhatChangesAFixedSetting) {
  const SessionDefaults defaults = fixed_defaults();
  for (const char* sql : {
           "SET app.user = 'bob'",
           "set \"app\".\"user\" to bob",
           "SET \"app.user\" = 'bob'",
           "SET SESSION App.User TO 'bob'",
           "SET LOCAL app.user = 'bob'",
           "RESET app.user",
           "SELECT 1; SET app.user = 'bob'",
           "SELECT set_config('app.user', 'bob', false)",
           "SELECT pg_catalog.\"set_config\" ( 'APP.USER' , 'bob', true)",
           "WITH x AS (SELECT set_config('app.user', 'bob', false)) SELECT * FROM x",
           "PREPARE p AS SELECT set_config('app.user', $1, false)",
           "ALTER FUNCTION f() SET app.user = 'bob'",
           "DO $$ BEGIN SET app.user = 'bob'; END $$",
       }) {
    EXPECT_EQ(verdict(defaults, sql), "42501") << sql;
  }
}

TEST(SettingsGuardTest, RefusesWhatItCannotRead) {
  const SessionDefaults defaults = fixed_defaults();
  for (const char* sql : {
           "SELECT set_config($1, $2, false)",
           "SELECT set_config('app.' || 'user', 'bob', false)",
           "SELECT set_config('app'\n'.user', 'bob', false)",
           "SELECT set_config(E'app.\\x75ser', 'bob', false)",
           "SELECT set_config(setting_name => 'app.user', new_value => 'bob', is_local => true)",
           "SELECT U&\"\\0073et_config\"('app.user', 'bob', false)",
           "SELECT U&\"!0073et_config\" UESCAPE '!' ('app.user', 'bob', false)",
           "UPDATE pg_settings SET setting = 'bob' WHERE name = 'app.user'",
           "WITH x AS (UPDATE pg_catalog.pg_settings SET setting = 'bob' RETURNING 1) TABLE x",
           "DO $$ BEGIN PERFORM set_config('app.' || x, 'bob', false); END $$",
           "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT set_config('a.b','',true) "
           "$$",
       }) {
    EXPECT_EQ(verdict(defaults, sql), "42501") << sql;
  }
}

TEST(SettingsGuardTest, RefusesStringsWhoseEndIsNotSure) {
  const SessionDefaults defaults = fixed_defaults();
  const std::string_view sql = "SELECT E'\x95\\'; SET app.user = 'bob' --'";
  sql::ScannerOptions options;
  EXPECT_FALSE(fixed_refusal(defaults, sql, options).has_value());
  options.double_byte = true;  // for the server the string ends before the semicolon
  EXPECT_TRUE(fixed_refusal(defaults, sql, options).has_value());
  EXPECT_FALSE(fixed_refusal(defaults, "SELECT '\x95x', E'\\n'", options).has_value());
}

TEST(SettingsGuardTest, LetsEverythingElsePass) {
  const SessionDefaults defaults = fixed_defaults();
  for (const char* sql : {
           "SELECT 1",
           "SELECT current_setting('app.user')",
           "SHOW app.user",
           "SET app.other = 'bob'",
           "SET work_mem = '1GB'",
           "SELECT set_config('app.other', 'x', true)",
           "RESET ALL",
           "DISCARD ALL",
           "UPDATE app SET \"user\" = 'bob'",
           "SELECT 'SET app.user = 1'",
           "SELECT * FROM pg_settings",
           "BEGIN READ WRITE",
           "CREATE TABLE t (a text DEFAULT 'app.user')",
       }) {
    EXPECT_EQ(verdict(defaults, sql), "") << sql;
  }
}

TEST(SettingsGuardTest, ReadOnlyStaysReadOnly) {
  const SessionDefaults defaults = read_only_defaults();
  for (const char* sql : {
           "BEGIN READ WRITE",
           "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
           "SET TRANSACTION READ WRITE",
           "SET LOCAL transaction_read_only = off",
           "SET transaction_read_only TO 0",
           "SET default_transaction_read_only = 'off'",
           "SET default_transaction_read_only TO DEFAULT",
           "RESET default_transaction_read_only",
           "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
           "SELECT set_config('transaction_read_only', 'off', true)",
           "BEGIN; SELECT 1; SET TRANSACTION READ WRITE",
           "DO $$ BEGIN SET TRANSACTION READ WRITE; END $$",
       }) {
    EXPECT_EQ(verdict(defaults, sql), "25006") << sql;
  }
  for (const char* sql : {
           "BEGIN",
           "BEGIN READ ONLY",
           "START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
           "SET TRANSACTION READ ONLY",
           "SET default_transaction_read_only = on",
           "SET default_transaction_read_only TO 'true'; SELECT 1",
           "SELECT read write FROM t",
           "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
           "COMMIT",
       }) {
    EXPECT_EQ(verdict(defaults, sql), "") << sql;
  }
}

TEST(SettingsGuardTest, SpecialWordsAreTheSettingsThatTheyChange) {
  SessionDefaults defaults;
  defaults.fixed = {"timezone",    "client_encoding",
                    "search_path", "session_authorization",
                    "role",        "default_transaction_isolation",
                    "xmloption",   "default_transaction_deferrable"};
  for (const char* sql :
       {"SET TIME ZONE 'UTC'", "RESET TIME ZONE", "SET NAMES 'utf8'", "SET SCHEMA 'x'",
        "SET SESSION AUTHORIZATION bob", "RESET SESSION AUTHORIZATION", "SET ROLE bob",
        "SET LOCAL ROLE bob", "RESET role", "SET XML OPTION DOCUMENT",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION NOT DEFERRABLE"}) {
    EXPECT_EQ(verdict(defaults, sql), "42501") << sql;
  }
  EXPECT_EQ(verdict(defaults, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), "");
}

TEST(SettingsGuardTest, DoesNotDependOnTheChunks) {
  const SessionDefaults defaults = fixed_defaults();
  for (const std::string& sql :
       {std::string("SELECT 1; SET  app . user = 'bob'"),
        std::string("SELECT set_config('app.user', 'bob', false)"),
        std::string("SELECT U&\"\\0073et_config\"('x')"), std::string("DO 'SET app.user = 1'")}) {
    SettingsGuard guard(defaults, {});
    for (char letter : sql) {
      guard.feed(as_bytes({&letter, 1}));
    }
    EXPECT_TRUE(guard.finish().has_value()) << sql;
  }
}

using FixedSettings = InspectedTest;
INSTANTIATE_TEST_SUITE_P(Chunks, FixedSettings, ::testing::Values(0, 1, 13));

std::string applied() {
  return complete("BEGIN") + columns() + row() + complete("SELECT 1") + complete("COMMIT") +
         ready();
}

TEST_P(FixedSettings, SessionsStartWithTheirSettings) {
  Talk t = talk({{"work_mem", "8MB"}}, fixed_defaults());
  EXPECT_EQ(*t.conversation->settings()->find("app.user"), "ann");
  EXPECT_EQ(*t.conversation->settings()->find("work_mem"), "8MB");  // the client's own wins
  t.client(query("SELECT 1"));
  EXPECT_NE(t.to_backend().find("set_config('app.user','ann',false)"), std::string::npos);
  t.backend(applied() + done("SELECT 1"));
  t.client(query("RESET ALL"));
  t.backend(done("RESET"));
  t.client(query("SELECT 2"));
  EXPECT_NE(t.to_backend().find("set_config('app.user','ann',false)"), std::string::npos);
}

TEST_P(FixedSettings, TextThatEndsWithAResetBringsBackTheStartup) {
  constexpr std::string_view kTidy =
      "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;";
  Talk t = talk({{"work_mem", "8MB"}});
  t.client(query("SELECT 1"));
  t.backend(applied() + done("SELECT 1"));
  t.client(query("LISTEN a"));
  t.backend(done("LISTEN"));
  EXPECT_TRUE(t.conversation->pins().has(Pin::listen));
  t.client(query(kTidy));
  t.backend(complete("SELECT 1") + complete("CLOSE CURSOR ALL") + complete("UNLISTEN") +
            error("57014") + ready());
  EXPECT_TRUE(t.conversation->pins().has(Pin::listen));  // nothing of it has happened
  t.to_backend();
  t.client(query(kTidy));
  EXPECT_EQ(t.to_backend(), query(kTidy));
  t.backend(complete("SELECT 1") + complete("CLOSE CURSOR ALL") + complete("UNLISTEN") +
            done("RESET"));
  EXPECT_FALSE(t.conversation->pins().any());
  EXPECT_FALSE(t.attached());
  t.client(query("SHOW work_mem"));
  EXPECT_EQ(t.to_backend(),
            query("BEGIN;SELECT " + std::string("pg_catalog.set_config('work_mem','8MB',false)") +
                  ";COMMIT") +
                query("SHOW work_mem"));
}

TEST_P(FixedSettings, StartupParameterIsRefused) {
  for (const SessionDefaults& defaults : {fixed_defaults(), read_only_defaults()}) {
    ClientLogin login;
    login.parameters = {{"app.user", "bob"}, {"default_transaction_read_only", "off"}};
    ClientConversation conversation(login, std::make_shared<const SessionDefaults>(defaults));
    Outbox out;
    conversation.welcome({}, {}, out);
    EXPECT_TRUE(conversation.finished());
    EXPECT_NE(bytes_of(out).find("FATAL"), std::string::npos);
    EXPECT_NE(bytes_of(out).find(defaults.fixed.empty() ? "C25006" : "C42501"), std::string::npos);
    if (!defaults.fixed.empty()) {
      EXPECT_EQ(*conversation.settings()->find("app.user"), "ann");
    }
  }
}

TEST_P(FixedSettings, StatementsAreRefusedWithoutABackend) {
  Talk t = talk({}, fixed_defaults());
  t.client(query("SET app.user = 'bob'"));
  EXPECT_FALSE(t.attached());
  const std::string answer = t.to_client();
  EXPECT_NE(answer.find("C42501"), std::string::npos);
  EXPECT_NE(answer.find("\"app.user\""), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  t.client(batch("SELECT set_config('app.user', $1, false)"));
  EXPECT_FALSE(t.attached());
  EXPECT_TRUE(t.to_client().ends_with(ready()));
  t.client(message('F', be32(2078) + "rest"));
  EXPECT_FALSE(t.attached());
  EXPECT_NE(t.to_client().find("C42501"), std::string::npos);
}

TEST_P(FixedSettings, RefusalFailsAnOpenTransaction) {
  Talk t = talk({}, read_only_defaults());
  t.client(query("BEGIN"));
  t.backend(applied() + done("BEGIN", 'T'));
  t.to_client();
  t.to_backend();
  t.client(query("SET TRANSACTION READ WRITE"));
  EXPECT_EQ(t.to_backend(), failing());
  t.backend(error("42601") + ready('E'));
  EXPECT_NE(t.to_client().find("C25006"), std::string::npos);
}

TEST_P(FixedSettings, RefusedStatementsOfAnInspectorHaveFailed) {
  Talk t = inspected({}, fixed_defaults());
  t.client(query("SET app.user = 'bob'"));
  EXPECT_EQ(inspector.answers, (Lines{"failed 42501"}));
  t.client(batch("SET app.user = 'bob'"));
  EXPECT_EQ(inspector.asked.back(), "prepare SET app.user = 'bob' [free]");
  EXPECT_EQ(inspector.answers.size(), 1U);
}

TEST_P(FixedSettings, LongTextsAreReadToTheirEnd) {
  for (const bool prepared : {false, true}) {
    Talk t = talk({}, fixed_defaults());
    const std::string sql = "SELECT '" + std::string(100'000, 'x') + "'; SET app.user = 'bob'";
    const std::string sent = prepared ? parse("", sql) + sync() : query(sql);
    EXPECT_EQ(t.client_in_two(sent), Need::close);
    EXPECT_NE(t.to_client().find("C42501"), std::string::npos);
    EXPECT_EQ(t.to_backend().find(sent), std::string::npos);  // its end was never sent
    EXPECT_EQ(t.release(), Cleanup::close);

    Talk other = talk({}, fixed_defaults());
    const std::string harmless = "SELECT '" + std::string(100'000, 'x') + "'";
    const std::string passed = prepared ? parse("", harmless) : query(harmless);
    other.client_in_two(passed);
    EXPECT_TRUE(other.to_backend().ends_with(passed));
  }
}

TEST_P(FixedSettings, NothingRunsBetweenAResetAndItsSync) {
  for (const char* sql : {"RESET ALL", "DISCARD ALL"}) {
    Talk t = talk({}, fixed_defaults());
    t.client(parse("r", sql) + parse("s", "SELECT 1") + sync());
    t.backend(applied() + parsed() + parsed() + ready());
    t.to_client();
    t.to_backend();
    t.client(bind_message("p", "s") + bind_message("", "r") + execute() + execute("p") + sync());
    const std::string sent = t.to_backend();
    EXPECT_EQ(sent.find(execute("p")), std::string::npos) << sql;
    EXPECT_TRUE(sent.ends_with(execute() + failing_message() + sync())) << sql;
    t.backend(bound() + bound() + complete("RESET") + error("26000") + ready());
    EXPECT_NE(t.to_client().find("C42501"), std::string::npos);
  }
}

TEST_P(FixedSettings, ResetAloneInItsBatchIsFine) {
  Talk t = talk({}, fixed_defaults());
  t.client(batch("RESET ALL"));
  t.backend(applied() + parsed() + bound() + done("RESET"));
  t.to_backend();
  t.client(batch("SELECT 1"));
  const std::string sent = t.to_backend();
  EXPECT_NE(sent.find("set_config('app.user','ann',false)"), std::string::npos);
  EXPECT_TRUE(sent.ends_with(batch("SELECT 1")));
}

TEST(TakeAttributesTest, TakesWhatIsForSluiceAlone) {
  ClientLogin login;
  login.parameters = {{"application_name", "x"}, {"sluice.token", "t"}, {"Sluice.Other", "o"},
                      {"my_token", "m"},         {"search_path", "a"},  {"sluices", "s"}};
  const Parameters taken =
      dialect(Protocol::postgresql).take_attributes(login, {"MY_TOKEN", "absent"});
  EXPECT_EQ(taken, (Parameters{{"sluice.token", "t"}, {"Sluice.Other", "o"}, {"my_token", "m"}}));
  EXPECT_EQ(login.parameters,
            (Parameters{{"application_name", "x"}, {"search_path", "a"}, {"sluices", "s"}}));
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
