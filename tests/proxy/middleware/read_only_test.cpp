#include "proxy/middleware/read_only.hpp"

#include "asking.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;
using protocol::RequestKind;

TEST(ReadOnly, MakesTheSessionReadOnly) {
  Asking asking(make(config::ReadOnly{}));
  const protocol::Parameters none;
  Login login{asking.identity, none, asking.now};
  Verdict verdict;
  asking.part().on_login(login, verdict);
  EXPECT_TRUE(login.read_only);
  EXPECT_TRUE(verdict.goes_on());
  EXPECT_EQ(asking.middleware().name(), "read_only");
}

TEST(ReadOnly, LetsReadsPass) {
  Asking asking(make(config::ReadOnly{}));
  for (const std::string_view text :
       {"SELECT 1", "BEGIN", "COMMIT", "SHOW x", "EXPLAIN DELETE FROM t", "", "SET a = 1",
        "COPY t TO STDOUT", "WITH a AS (SELECT 1) SELECT * FROM a"}) {
    EXPECT_EQ(asking.ask(text).kind, Verdict::Kind::allow) << text;
  }
}

TEST(ReadOnly, RefusesWritesOfEachKindOfRequest) {
  Asking asking(make(config::ReadOnly{}));
  for (const RequestKind kind : {RequestKind::query, RequestKind::prepare, RequestKind::execute}) {
    const Verdict verdict = asking.ask(asking.request("DELETE FROM t WHERE a = 'secret'", kind));
    EXPECT_EQ(failure_of(verdict), FailureKind::read_only_route);
    EXPECT_EQ(verdict.reason, RefusalReason::write);
    EXPECT_EQ(verdict.failure->sqlstate(), "25006");
    EXPECT_EQ(verdict.failure->mysql_errno(), 1792);
    EXPECT_NE(verdict.failure->text.find("\"pets\""), std::string::npos);
    EXPECT_NE(verdict.failure->text.find("(delete)"), std::string::npos);
    EXPECT_EQ(verdict.failure->text.find("secret"), std::string::npos);
  }
  EXPECT_EQ(failure_of(asking.ask("SELECT 1; DROP TABLE t")), FailureKind::read_only_route);
  EXPECT_EQ(failure_of(asking.ask("START TRANSACTION READ WRITE")), FailureKind::read_only_route);
}

TEST(ReadOnly, RefusesWhatItCannotSee) {
  Asking asking(make(config::ReadOnly{}));
  protocol::Request longer = asking.request("SELECT 1");
  longer.truncated = true;
  const Verdict verdict = asking.ask(longer);
  EXPECT_EQ(failure_of(verdict), FailureKind::statement_unseen);
  EXPECT_EQ(verdict.reason, RefusalReason::unseen);
  asking.identity.protocol = protocol::Protocol::mysql;
  EXPECT_EQ(failure_of(asking.ask(asking.request("SELECT 1 /*!99999 x */"))),
            FailureKind::statement_unseen);
}

TEST(ReadOnly, RequestsWithoutText) {
  Asking postgresql(make(config::ReadOnly{}));
  EXPECT_EQ(failure_of(postgresql.ask(postgresql.request("", RequestKind::other))),
            FailureKind::read_only_route);
  Asking mysql(make(config::ReadOnly{}));
  mysql.identity.protocol = protocol::Protocol::mysql;
  EXPECT_TRUE(mysql.ask(mysql.request("", RequestKind::other)).goes_on());
}

}  // namespace
}  // namespace sluice::proxy::middleware
