// Session state: settings carried from backend to backend, pins, refusals.

#include "protocol/postgresql/session_state.hpp"
#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

using ConversationState = ConversationTest;
INSTANTIATE_TEST_SUITE_P(Chunks, ConversationState, ::testing::Values(0, 1, 13));

std::string done(std::string_view tag = "SELECT 1", char status = 'I') {
  return complete(tag) + ready(status);
}
std::string applied() {
  return complete("BEGIN") + columns() + row() + complete("SELECT 1") + complete("COMMIT") +
         ready();
}
std::string setting(std::string_view name, std::string_view value) {
  return "pg_catalog.set_config('" + std::string(name) + "','" + std::string(value) + "',false)";
}
// Runs a statement that succeeds; what it pinned is in t.conversation->pins().
void run(Talk& t, std::string_view sql, std::string_view tag = "OK") {
  t.client(query(sql));
  t.backend(done(tag));
  t.to_client();
  t.to_backend();
}

TEST_P(ConversationState, StartupParametersAreAppliedBeforeTheFirstRequest) {
  SessionDefaults defaults;
  defaults.isolation_level = "REPEATABLE READ";
  Talk t = talk({{"Search_Path", "a, \"b\""}, {"application_name", "it's \\"}}, defaults);
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(),
            query("BEGIN;SELECT pg_catalog.set_config('application_name',E'it''s \\\\',false), " +
                  setting("default_transaction_isolation", "repeatable read") + ", " +
                  setting("search_path", "a, \"b\"") + ";COMMIT") +
                query("SELECT 1"));
  t.backend(reports("application_name", "x") + applied() + columns() + done());
  EXPECT_EQ(t.to_client(), columns() + done());
  EXPECT_FALSE(t.attached());
  EXPECT_TRUE(same_settings(t.link->settings(), t.conversation->settings()));
  EXPECT_EQ(t.link->parameter("application_name"), "x");

  t.client(query("SELECT 2"));  // the backend has them now
  EXPECT_EQ(t.to_backend(), query("SELECT 2"));
  t.backend(done());

  t.new_client({{"search_path", "c"}});  // who wants others gets the difference
  t.client(query("SELECT 3"));
  std::string sent = t.to_backend();
  EXPECT_NE(sent.find("RESET \"application_name\";SELECT"), std::string::npos);
  EXPECT_NE(sent.find(setting("search_path", "c")), std::string::npos);
}

TEST_P(ConversationState, ClientsOwnIsolationWins) {
  SessionDefaults defaults;
  defaults.isolation_level = "READ COMMITTED";
  Talk t = talk({{"default_transaction_isolation", "serializable"}}, defaults);
  EXPECT_EQ(*t.conversation->settings()->find("default_transaction_isolation"), "serializable");
}

TEST_P(ConversationState, ReadOnlyIsADefaultThatTheClientMayLeave) {
  SessionDefaults defaults;
  defaults.read_only = true;
  Talk t = talk({}, defaults);
  EXPECT_EQ(*t.conversation->settings()->find("default_transaction_read_only"), "on");
  t.client(query("SET default_transaction_read_only = off"));
  EXPECT_EQ(t.to_backend(),
            query("BEGIN;SELECT " + setting("default_transaction_read_only", "on") + ";COMMIT") +
                query("SET default_transaction_read_only = off"));
  t.backend(applied() + done("SET"));
  EXPECT_EQ(*t.conversation->settings()->find("default_transaction_read_only"), "off");
  run(t, "RESET default_transaction_read_only", "RESET");
  EXPECT_EQ(*t.conversation->settings()->find("default_transaction_read_only"), "on");
  Talk other = talk({{"default_transaction_read_only", "off"}}, defaults);
  EXPECT_EQ(*other.conversation->settings()->find("default_transaction_read_only"), "off");
}

TEST_P(ConversationState, RefusedSettingsAreTheRequestsError) {
  for (bool batch : {false, true}) {
    Talk t = talk({{"work_mem", "lots"}});
    t.client(batch ? parse("", "SELECT 1") + bind_message("", "") + execute() + sync()
                   : query("SELECT 1"));
    t.backend(complete("BEGIN") + error("22023", "invalid value") + ready('E') +
              error("25P02", "aborted") + ready('E'));
    std::string answer = t.to_client();
    EXPECT_NE(answer.find("22023"), std::string::npos);
    EXPECT_NE(answer.find("invalid value"), std::string::npos);
    EXPECT_EQ(answer.find("25P02"), std::string::npos);
    EXPECT_TRUE(answer.ends_with(ready()));
    EXPECT_FALSE(t.attached());
    EXPECT_EQ(t.last_cleanup, Cleanup::close);
  }
}

TEST_P(ConversationState, WhatWouldEndTheFailedTransactionWaitsForTheSettings) {
  Talk t = talk({{"work_mem", "lots"}});
  EXPECT_EQ(t.client(query("ROLLBACK; INSERT INTO t VALUES (1)")), Need::reply);
  t.to_backend();
  t.backend(complete("BEGIN") + error("22023", "invalid value") + ready('E'));
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.to_client(), "");
  EXPECT_EQ(t.resume(), Need::input);
  EXPECT_EQ(t.to_backend(), "");
  std::string answer = t.to_client();
  EXPECT_NE(answer.find("22023"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
}

TEST_P(ConversationState, AttachBeforeTheWelcomeReportsItsFailure) {
  ClientLogin login;
  login.parameters = {{"work_mem", "lots"}};
  ClientConversation conversation(login, std::make_shared<const SessionDefaults>());
  BackendLink link({}, 10);
  Exchange out;
  conversation.attach(link, out);
  EXPECT_TRUE(conversation.outstanding());
  std::string answer = error("22023", "invalid value") + ready('E');
  conversation.from_backend(as_bytes(answer), out);
  EXPECT_TRUE(out.to_client.empty());
  ASSERT_TRUE(conversation.attach_failure());
  EXPECT_EQ(conversation.attach_failure()->sqlstate(), "22023");
  EXPECT_EQ(conversation.detach(), Cleanup::close);
}

TEST_P(ConversationState, PlainSetIsCarried) {
  Talk t = talk();
  t.client(query("SET TIME ZONE 'Europe/Berlin'"));
  t.backend(complete("SET") + reports("TimeZone", "Europe/Berlin") + ready());
  EXPECT_EQ(t.to_client(), complete("SET") + reports("TimeZone", "Europe/Berlin") + ready());
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(*t.conversation->settings()->find("timezone"), "Europe/Berlin");
  t.to_backend();
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  t.backend(done());
  t.new_link();
  t.client(query("SELECT 1"));
  EXPECT_NE(t.to_backend().find(setting("timezone", "Europe/Berlin")), std::string::npos);
}

TEST_P(ConversationState, SetThroughTheExtendedProtocolIsCarried) {
  Talk t = talk();
  t.client(parse("", "SET work_mem = 64") + bind_message("", "") + execute() + sync());
  t.backend(parsed() + bound() + complete("SET"));
  EXPECT_EQ(t.conversation->settings(), nullptr);  // the Sync decides
  t.backend(ready());
  EXPECT_EQ(*t.conversation->settings()->find("work_mem"), "64");
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationState, FailedSetChangesNothing) {
  Talk t = talk();
  t.client(query("SET work_mem = 'x'"));
  t.backend(error("22023") + ready());
  EXPECT_EQ(t.conversation->settings(), nullptr);
  t.client(parse("", "SET work_mem = 64") + bind_message("", "") + execute() +
           bind_message("", "nobody") + sync());
  t.backend(parsed() + bound() + complete("SET") + error("26000") + ready());
  EXPECT_EQ(t.conversation->settings(), nullptr);
  EXPECT_FALSE(t.attached());
}

TEST_P(ConversationState, ResetGoesBackToTheStartupValue) {
  Talk t = talk({{"work_mem", "1MB"}});
  t.client(query("SELECT 1"));
  t.backend(applied() + done());
  run(t, "SET work_mem = '2MB'");
  EXPECT_EQ(*t.conversation->settings()->find("work_mem"), "2MB");
  t.client(query("RESET work_mem"));
  t.backend(done("RESET"));
  t.to_backend();
  // On the server it is the login's value now: the client's own comes before the next request.
  t.client(query("SHOW work_mem"));
  EXPECT_EQ(t.to_backend(), query("BEGIN;SELECT " + setting("work_mem", "1MB") + ";COMMIT") +
                                query("SHOW work_mem"));
}

TEST_P(ConversationState, ResetInsideATransactionKeepsTheStartupValue) {
  Talk t = talk({{"work_mem", "1MB"}});
  t.client(query("BEGIN"));
  t.to_backend();
  t.backend(applied() + done("BEGIN", 'T'));
  t.client(query("RESET ALL") + query("SHOW work_mem"));
  EXPECT_EQ(t.to_backend(), query("RESET ALL"));
  t.backend(done("RESET", 'T'));
  t.to_client();
  t.resume();
  EXPECT_EQ(t.to_backend(), query("SELECT " + setting("work_mem", "1MB")) + query("SHOW work_mem"));
  t.backend(columns() + row() + done("SELECT 1", 'T') + columns() + done("SHOW", 'T'));
  EXPECT_EQ(t.to_client(), columns() + done("SHOW", 'T'));
}

TEST_P(ConversationState, SetInATransactionPins) {
  Talk t = talk();
  t.client(query("BEGIN"));
  t.backend(done("BEGIN", 'T'));
  t.client(query("SET work_mem = '2MB'"));
  t.backend(done("SET", 'T'));
  t.client(query("COMMIT"));
  t.backend(done("COMMIT"));
  EXPECT_TRUE(t.conversation->pins().has(Pin::settings));
  EXPECT_TRUE(t.attached());
  EXPECT_EQ(t.release(), Cleanup::reset);
}

TEST_P(ConversationState, PinsHoldAndUnpin) {
  struct Row {
    std::string_view pins, unpins;
    Pin pin;
  };
  for (const Row& row :
       {Row{"LISTEN a", "UNLISTEN *", Pin::listen},
        Row{"CREATE TEMP TABLE a (b int)", "DISCARD TEMP", Pin::temporary},
        Row{"PREPARE a AS SELECT 1", "DEALLOCATE ALL", Pin::prepared},
        Row{"SET ROLE a", "RESET ROLE", Pin::role},
        Row{"SELECT set_config('a.b', f(), false)", "RESET ALL", Pin::settings},
        Row{"DECLARE \"A\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1", "CLOSE \"A\"", Pin::cursor},
        Row{"DECLARE A CURSOR WITH HOLD FOR SELECT 1", "close a", Pin::cursor},
        Row{"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock_all()", Pin::lock},
        Row{"SELECT setseed(0.5)", "DISCARD ALL", Pin::session}}) {
    Talk t = talk();
    run(t, row.pins);
    EXPECT_TRUE(t.conversation->pins().has(row.pin)) << row.pins;
    EXPECT_TRUE(t.attached());
    run(t, row.unpins);
    EXPECT_FALSE(t.conversation->pins().any()) << row.unpins;
  }
}

TEST_P(ConversationState, ParametersThatTheServerReportsAreCarriedByWhatItReports) {
  Talk t = talk();
  t.client(parse("", "SELECT set_config('TimeZone', $1, false)") + bind_message("", "") +
           execute() + sync());
  t.backend(parsed() + bound() + row() + complete("SELECT 1") + reports("TimeZone", "UTC") +
            ready());
  EXPECT_FALSE(t.conversation->pins().any());
  EXPECT_EQ(*t.conversation->settings()->find("timezone"), "UTC");
  EXPECT_FALSE(t.attached());
  // Nobody says what a setting that is not reported has become.
  t.client(parse("", "SELECT set_config('app.tenant', $1, false)") + bind_message("", "") +
           execute() + sync());
  t.backend(parsed() + bound() + row() + complete("SELECT 1") + ready());
  EXPECT_TRUE(t.conversation->pins().has(Pin::settings));
}

TEST_P(ConversationState, FailedStatementsDoNotPin) {
  Talk t = talk();
  t.client(query("CREATE TEMP TABLE a (b int)"));
  t.backend(error("42601") + ready());
  EXPECT_FALSE(t.attached());
  // A lock outlives the failure of its statement.
  t.client(query("SELECT pg_advisory_lock(1), 1/0"));
  t.backend(error("22012") + ready());
  EXPECT_TRUE(t.conversation->pins().has(Pin::lock));
}

TEST_P(ConversationState, PreparedStatementsPinWhenTheyRun) {
  for (std::string_view portal : {"", "p"}) {
    Talk t = talk();
    t.client(parse("a", "LISTEN x") + sync());
    t.backend(parsed() + ready());
    EXPECT_FALSE(t.attached());
    t.client(bind_message(portal, "a") + execute(portal) + sync());
    t.backend(bound() + done("LISTEN"));
    EXPECT_TRUE(t.conversation->pins().has(Pin::listen));
  }
}

TEST_P(ConversationState, UnexplainedReportsPin) {
  Talk t = talk();
  t.link->report("DateStyle", "ISO");
  t.client(query("SELECT f()"));
  t.backend(columns() + complete("SELECT 1") + reports("DateStyle", "German") + ready());
  EXPECT_TRUE(t.conversation->pins().has(Pin::settings));
  // What goes back by itself at the end of a transaction does not.
  Talk u = talk();
  u.link->report("DateStyle", "ISO");
  u.client(query("BEGIN"));
  u.backend(done("BEGIN", 'T'));
  u.client(query("SET LOCAL datestyle = German"));
  u.backend(complete("SET") + reports("DateStyle", "German") + ready('T'));
  u.client(query("COMMIT"));
  u.backend(complete("COMMIT") + reports("DateStyle", "ISO") + ready());
  EXPECT_FALSE(u.attached());
}

TEST_P(ConversationState, CurrvalNeedsAWriteInTheSameTransaction) {
  Talk t = talk();
  t.client(query("SELECT currval('s')"));
  std::string answer = t.to_client();
  EXPECT_NE(answer.find("0A000"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
  EXPECT_EQ(t.to_backend(), "");
  EXPECT_TRUE(t.conversation->may_release());
  t.release();

  t.client(query("BEGIN"));
  t.backend(done("BEGIN", 'T'));
  t.client(query("INSERT INTO t VALUES (1)"));
  t.backend(done("INSERT 0 1", 'T'));
  t.to_backend();
  t.client(query("SELECT lastval()"));
  EXPECT_EQ(t.to_backend(), query("SELECT lastval()"));
  t.backend(done("SELECT 1", 'T'));
  t.client(query("COMMIT"));
  t.backend(done("COMMIT"));
  t.to_client();
  t.client(query("SELECT lastval()"));
  EXPECT_NE(t.to_client().find("0A000"), std::string::npos);
}

TEST_P(ConversationState, RefusalInATransactionFailsIt) {
  Talk t = talk();
  t.client(query("BEGIN"));
  t.backend(done("BEGIN", 'T'));
  t.to_backend();
  t.to_client();
  t.client(query("SELECT lastval()"));
  EXPECT_EQ(t.to_backend(), query("refused by sluice"));
  t.backend(error("42601") + ready('E'));
  std::string answer = t.to_client();
  EXPECT_NE(answer.find("0A000"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready('E')));
}

TEST_P(ConversationState, RefusalInABatchFailsTheBatch) {
  Talk t = talk();
  t.client(parse("", "SELECT lastval()") + bind_message("", "") + execute() + sync());
  EXPECT_EQ(t.to_backend(),
            parse("", "SELECT lastval()") + describe('S', "sluice_?") + execute() + sync());
  t.backend(parsed() + error("26000") + ready());
  std::string answer = t.to_client();
  EXPECT_TRUE(answer.starts_with(parsed()));
  EXPECT_NE(answer.find("0A000"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(ready()));
}

TEST_P(ConversationState, UnsupportedStateCanBeRefused) {
  SessionDefaults defaults;
  defaults.refuse_unsupported = true;
  Talk t = talk({}, defaults);
  t.client(query("LISTEN a"));
  EXPECT_NE(t.to_client().find("0A000"), std::string::npos);
  EXPECT_EQ(t.to_backend(), "");
  t.client(query("SET work_mem = '1MB'"));  // carried, so there is nothing to refuse
  EXPECT_EQ(t.to_backend(), query("SET work_mem = '1MB'"));
}

TEST_P(ConversationState, SessionModeKeepsTheBackend) {
  SessionDefaults defaults;
  defaults.session_mode = true;
  Talk t = talk({}, defaults);
  run(t, "SELECT currval('s')");
  EXPECT_TRUE(t.attached());
  EXPECT_EQ(t.release(), Cleanup::reset);
}

TEST_P(ConversationState, DiscardAllGoesBackToTheStart) {
  Talk t = talk({{"work_mem", "1MB"}});
  t.client(query("SELECT 1"));
  t.backend(applied() + done());
  run(t, "SET statement_timeout = 5");
  run(t, "DISCARD ALL", "DISCARD ALL");
  EXPECT_EQ(t.link->settings(), nullptr);
  EXPECT_EQ(t.conversation->settings()->entries().size(), 1U);
  EXPECT_FALSE(t.conversation->pins().any());
}

TEST_P(ConversationState, AnAnnouncedEndIsTheBackendsLastRequest) {
  for (std::string_view code : {"57P01", "57P02"}) {
    Talk t = talk();
    t.client(query("SELECT 1"));
    const std::string answer = notice(code, "going") + complete("SELECT 1") + ready();
    t.backend(answer);
    EXPECT_EQ(t.to_client(), answer);
    EXPECT_FALSE(t.attached());
    EXPECT_EQ(t.last_cleanup, Cleanup::close);
  }
  Talk t = talk();
  t.client(query("SELECT 1"));
  t.backend(notice("01000", "harmless") + complete("SELECT 1") + ready());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
