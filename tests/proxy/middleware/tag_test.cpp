#include "proxy/middleware/tag.hpp"

#include "asking.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::RequestKind;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// The text that goes on.
std::string sent(Asking& asking, std::string_view text, RequestKind kind = RequestKind::query) {
  const Verdict verdict = asking.ask(asking.request(text, kind));
  EXPECT_TRUE(verdict.goes_on());
  return verdict.kind == Verdict::Kind::rewrite ? verdict.text : std::string(text);
}

TEST(Tag, StandsBehindTheLastToken) {
  Asking asking(make(config::Tag{}));
  EXPECT_EQ(sent(asking, "SELECT 1"), "SELECT 1 /*route='pets'*/");
  EXPECT_EQ(sent(asking, "SELECT 1;\n"), "SELECT 1 /*route='pets'*/;\n");
  EXPECT_EQ(sent(asking, "SELECT 1 -- x"), "SELECT 1 /*route='pets'*/ -- x");
  EXPECT_EQ(sent(asking, "SELECT 1 /* x */ ;"), "SELECT 1 /*route='pets'*/ /* x */ ;");
  EXPECT_EQ(sent(asking, "SELECT 1; SELECT ';--'"), "SELECT 1; SELECT ';--' /*route='pets'*/");
  EXPECT_EQ(sent(asking, "SELECT $$/*a='b'*/$$"), "SELECT $$/*a='b'*/$$ /*route='pets'*/");
}

TEST(Tag, TheClientsCommentIsCompleted) {
  config::Tag options;
  options.values = {{"team", "a b"}, {"app", "x"}};
  Asking asking(make(options));
  asking.identity.traceparent = kParent;
  EXPECT_EQ(sent(asking, "SELECT 1 /*traceparent='00-1',app='y'*/;"),
            "SELECT 1 /*traceparent='00-1',app='y',route='pets',team='a%20b'*/;");
  EXPECT_EQ(sent(asking, "/*route='other'*/ SELECT 1 /*traceparent='x',app='',team='z'*/"),
            "/*route='other'*/ SELECT 1 /*traceparent='x',app='',team='z'*/");
  EXPECT_EQ(sent(asking, "SELECT 1 /* app='y' and more */"),
            "SELECT 1 /*app='x',route='pets',team='a%20b',traceparent='" + std::string(kParent) +
                "'*/ /* app='y' and more */");
}

TEST(Tag, PreparedStatementsCarryNoTrace) {
  Asking asking(make(config::Tag{}));
  asking.identity.traceparent = kParent;
  EXPECT_EQ(sent(asking, "SELECT $1", RequestKind::prepare), "SELECT $1 /*route='pets'*/");
  EXPECT_EQ(sent(asking, "SELECT 1"),
            "SELECT 1 /*route='pets',traceparent='" + std::string(kParent) + "'*/");
  EXPECT_EQ(sent(asking, "SELECT $1", RequestKind::execute), "SELECT $1");
  EXPECT_EQ(sent(asking, "", RequestKind::other), "");
}

TEST(Tag, OptionsSayWhatIsAdded) {
  config::Tag options;
  options.route = false;
  options.traceparent = false;
  Asking nothing(make(options));
  nothing.identity.traceparent = kParent;
  EXPECT_EQ(sent(nothing, "SELECT 1"), "SELECT 1");
  Asking forged(make(config::Tag{}));
  forged.identity.traceparent = "*/ DROP TABLE t";
  forged.identity.route = "a*/'b";
  EXPECT_EQ(sent(forged, "SELECT 1"), "SELECT 1 /*route='a%2A%2F%27b'*/");
}

TEST(Tag, SomeTextsStayAsTheyAre) {
  Asking asking(make(config::Tag{}));
  for (const std::string_view text : {"", " ; ", "-- x", "/* x */", "CREATE TABLE t (a int)",
                                      "SELECT 1; ALTER TABLE t ADD b int"}) {
    EXPECT_EQ(sent(asking, text), text);
  }
  protocol::Request longer = asking.request("SELECT 1");
  longer.truncated = true;
  EXPECT_EQ(asking.ask(longer).kind, Verdict::Kind::allow);
  Asking mysql(make(config::Tag{}));
  mysql.identity.protocol = protocol::Protocol::mysql;
  EXPECT_EQ(sent(mysql, "SELECT 1 /*!40001 + 1 */"), "SELECT 1 /*!40001 + 1 */");
  EXPECT_EQ(sent(mysql, "SELECT 1 /*!99999 + 1 */ + 2"), "SELECT 1 /*!99999 + 1 */ + 2");
  EXPECT_EQ(sent(mysql, "SELECT /*!40001 SQL_NO_CACHE */ `a` # x"),
            "SELECT /*!40001 SQL_NO_CACHE */ `a` /*route='pets'*/ # x");
}

TEST(Tag, AddsToWhatOthersHaveRewritten) {
  config::Tag options;
  options.route = false;
  options.values = {{"layer", "global"}};
  Asking asking(make(options));
  Verdict before;
  before.kind = Verdict::Kind::rewrite;
  before.text = "SELECT 2 /*route='pets'*/";
  const Verdict after = asking.ask(asking.request("SELECT 1"), before);
  EXPECT_EQ(after.kind, Verdict::Kind::rewrite);
  EXPECT_EQ(after.text, "SELECT 2 /*route='pets',layer='global'*/");
}

}  // namespace
}  // namespace sluice::proxy::middleware
