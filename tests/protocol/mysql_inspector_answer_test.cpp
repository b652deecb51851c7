// What the Inspector is told: one answer for each request that was allowed, in their order.

#include "tests/protocol/mysql_inspector_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

class MysqlAnswers : public MysqlInspectorTest {
 protected:
  static std::string changed(std::uint64_t rows, std::uint16_t status = kAuto,
                             std::uint8_t sequence = 1) {
    Ok packet;
    packet.status = status;
    packet.affected_rows = rows;
    return pkt(sequence, text(encode_ok(packet, kModern)));
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlAnswers, ::testing::Bool(), chunk_name);

TEST_P(MysqlAnswers, ComeInTheOrderOfARequestsPipeline) {
  warm();
  inspector.script = {Verdict{}, refusal(), Verdict{}};
  client(query("SELECT 1") + query("DROP TABLE t") + query("UPDATE t SET a = 1") +
         query("SELECT 2"));
  backend(result("1"));
  EXPECT_EQ(inspector.answers, Answers{"done 1"});
  backend(changed(7));
  backend(pkt(1, err(1146)));
  EXPECT_EQ(inspector.answers, (Answers{"done 1", "done 7", "failed 0 1146 42000"}));
  EXPECT_EQ(inspector.asked.size(), 4U);
}

TEST_P(MysqlAnswers, CountRowsOfAllResults) {
  warm();
  const std::uint16_t more = kAuto | status_flag::kMoreResults;
  run("SELECT 1; UPDATE t SET a = 1; SELECT 2", result("1", more) + changed(3, more, 5) +
                                                    pkt(6, "\x01") + pkt(7, "column") +
                                                    pkt(8, "\1x") + pkt(9, "\1y") + pkt(10, end()));
  EXPECT_EQ(inspector.answers, Answers{"done 6"});
}

TEST_P(MysqlAnswers, CountRowsForAClientWithOtherPackets) {
  warm(kOld);
  run("SELECT 1",
      pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\1x") + pkt(4, "\1y") + pkt(5, end()));
  EXPECT_EQ(inspector.answers, Answers{"done 2"});
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\1x") +
                        pkt(5, "\1y") + pkt(6, eof()));
}

TEST_P(MysqlAnswers, FailWhenThereIsNoBackend) {
  begin();
  next = 2;
  client(query("SELECT 1") + query("SELECT 2"));
  EXPECT_EQ(need, Need::backend);
  EXPECT_EQ(conversation->refuse(fail(FailureKind::pool_timeout, "none free"), exchange),
            Ending::carry_on);
  pump();
  EXPECT_EQ(inspector.answers, Answers{"failed 0 1203 42000"});
  EXPECT_EQ(inspector.asked.size(), 2U);
}

TEST_P(MysqlAnswers, FailWhenSettingsAreRefused) {
  begin();
  client(query("SELECT 1"));
  while (attached->purpose() == Purpose::trackers) {
    backend(pkt(1, ok()));
  }
  backend(pkt(1, err(1193)));
  EXPECT_EQ(inspector.answers, Answers{"failed 0 1193 42000"});
  EXPECT_EQ(told(), pkt(1, err(1193)));
}

TEST_P(MysqlAnswers, FailWhenItIsRefusedAfterTheVerdict) {
  defaults->refuse_unsupported = true;
  warm();
  client(query("SET @a = 1"));
  EXPECT_EQ(inspector.answers, Answers{"failed 0 1235 42000"});
}

TEST_P(MysqlAnswers, FailWhenAnOpenTransactionIsRolledBack) {
  defaults->statement_mode = true;
  warm();
  client(query("CALL leaves_it_open()"));
  settle();
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(inspector.answers, Answers{"failed 0 1235 42000"});
}

TEST_P(MysqlAnswers, AreLostWithTheBackend) {
  warm();
  client(query("SELECT 1"));
  EXPECT_EQ(lose(), Ending::carry_on);
  EXPECT_EQ(inspector.answers, Answers{"lost 0"});
  make_links(kModern);
  next = 1;
  client(query("SELECT 2"));
  EXPECT_EQ(lose(), Ending::carry_on) << "while it was set up";
  EXPECT_EQ(inspector.answers, Answers{"lost 0"});
  make_links(kModern);
  pump();
  settle();
  backend(result("2"));
  EXPECT_EQ(inspector.answers, (Answers{"lost 0", "done 1"}));
  EXPECT_EQ(inspector.asked.size(), 2U);
}

TEST_P(MysqlAnswers, AreLostWithTheClient) {
  warm();
  client(query("SELECT 1"));
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\1x"));
  EXPECT_EQ(conversation->detach(), Cleanup::close);
  EXPECT_EQ(inspector.answers, Answers{"lost 1"});
}

TEST_P(MysqlAnswers, OfAMalformedReply) {
  warm();
  client(query("SELECT 1"));
  backend(pkt(1, "\xff"));
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(inspector.answers, Answers{"failed 0 2027 HY000"});
  EXPECT_TRUE(conversation->finished());
}

TEST_P(MysqlAnswers, OfAKillThatTheSessionCarriesOut) {
  warm();
  client(query("KILL QUERY 2147483653"));
  ASSERT_TRUE(conversation->take_special().has_value());
  EXPECT_EQ(inspector.answers, Answers{});
  conversation->complete_special(Done{}, exchange);
  EXPECT_EQ(inspector.answers, Answers{"done 0"});
  pump();
  client(query("KILL 2147483653"));
  ASSERT_TRUE(conversation->take_special().has_value());
  Failure failure = fail(FailureKind::unsupported_feature, "no such thread");
  failure.mysql_errno_override = 1094;
  conversation->complete_special(failure, exchange);
  EXPECT_EQ(inspector.answers, (Answers{"done 0", "failed 0 1094 HY000"}));
}

TEST_P(MysqlAnswers, OfAnUploadThatIsAnsweredEarly) {
  begin(kModern, 1024);
  const std::string command = query("INSERT INTO t VALUES ('" + std::string(4000, 'x') + "')");
  client(command.substr(0, 2000));
  settle();
  backend(pkt(1, err(1153)));
  EXPECT_EQ(inspector.answers, Answers{"failed 0 1153 42000"});
}

TEST_P(MysqlAnswers, OfAFileThatWasLoaded) {
  begin();
  client(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"));
  settle();
  backend(pkt(1,
              "\xfb"
              "f"));
  client(pkt(2, "data") + pkt(3, ""));
  EXPECT_EQ(inspector.answers, Answers{});
  backend(changed(5, kAuto, 4));
  EXPECT_EQ(inspector.answers, Answers{"done 5"});
}

}  // namespace
}  // namespace sluice::protocol::mysql
