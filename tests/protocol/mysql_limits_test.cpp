// Results that go beyond their limits.

#include "tests/protocol/mysql_inspector_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

constexpr std::uint16_t kInterrupted = 1317;

class MysqlLimits : public MysqlInspectorTest {
 protected:
  // One column and the rows that are given, without what ends them.
  static std::string rows(std::initializer_list<std::string_view> values) {
    std::string bytes = pkt(1, "\x01") + pkt(2, "column");
    std::uint8_t sequence = 3;
    for (std::string_view value : values) {
      bytes += pkt(sequence++, std::string(1, char(value.size())) + std::string(value));
    }
    return bytes;
  }
  static std::string too_many(std::uint8_t sequence, std::uint64_t most) {
    return refused(sequence, limit_failure({most, 0}, most));
  }
  static std::string too_large(std::uint8_t sequence, std::uint64_t most) {
    return refused(sequence, limit_failure({0, most}, 0));
  }
  static std::string ping() { return pkt(0, com(Command::ping)); }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlLimits, ::testing::Bool(), chunk_name);

TEST_P(MysqlLimits, AnErrorStandsInThePlaceOfTheNextRow) {
  warm();
  inspector.always = limited(2);
  client(query("SELECT a"));
  sent();
  backend(rows({"a", "b", "c", "d"}) + pkt(7, end()));
  EXPECT_EQ(told(), rows({"a", "b"}) + too_many(5, 2));
  EXPECT_EQ(inspector.answers, Answers{"limited 2"});
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);
  EXPECT_EQ(facts.errors, 1U);
  EXPECT_EQ(facts.cancel_running, GetParam()) << "not where its end had come already";
  EXPECT_EQ(need, Need::input);
}

TEST_P(MysqlLimits, AResultAtItsLimitIsWhole) {
  warm();
  const std::string whole = rows({"a", "b"}) + pkt(5, end());
  const std::size_t size = 2 * pkt(3, "\1a").size();
  for (const Verdict& verdict : {limited(2), limited(0, size), limited(2, size)}) {
    inspector.script = {verdict};
    client(query("SELECT a"));
    backend(whole);
    EXPECT_EQ(told(), whole);
  }
  EXPECT_EQ(inspector.answers, (Answers{"done 2", "done 2", "done 2"}));
  EXPECT_FALSE(facts.cancel_running);
}

TEST_P(MysqlLimits, BytesOfRowsAreBounded) {
  warm();
  const std::size_t row = pkt(3, "\1a").size();
  inspector.always = limited(0, 2 * row + 1);
  client(query("SELECT a"));
  backend(rows({"a", "b", "c"}) + pkt(6, end()));
  EXPECT_EQ(told(), rows({"a", "b"}) + too_large(5, 2 * row + 1));
  client(query("SELECT a"));
  settle();
  backend(rows({std::string(200, 'x')}) + pkt(4, end()));
  EXPECT_EQ(told(), rows({}) + too_large(3, 2 * row + 1)) << "not even the first";
  EXPECT_EQ(inspector.answers, (Answers{"limited 2", "limited 0"}));
}

TEST_P(MysqlLimits, ClientsWithOtherPacketsReadTheSame) {
  warm(kOld);
  inspector.always = limited(1);
  client(query("SELECT a"));
  backend(rows({"a", "b"}) + pkt(5, end()));
  EXPECT_EQ(told(),
            pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\1a") + too_many(5, 1));
  inspector.always = limited(0, 3);
  client(query("SELECT a"));
  settle();
  backend(rows({"a", "b"}) + pkt(5, end()));
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + too_large(4, 3));

  make_links(kOld);
  next = 1;
  warm();
  inspector.always = limited(1);
  client(query("SELECT a"));
  settle();
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, eof()) + pkt(4, "\1a") + pkt(5, "\1b") +
          pkt(6, eof()));
  EXPECT_EQ(told(), pkt(1, "\x01") + pkt(2, "column") + pkt(3, "\1a") + too_many(4, 1));
}

TEST_P(MysqlLimits, TheRestIsCancelledAndSwallowed) {
  warm();
  run("BEGIN", pkt(1, ok(kInTrx)));
  told();
  inspector.script = {limited(1)};
  client(query("SELECT a"));
  sent();
  backend(rows({"a", "b", "c"}));
  EXPECT_TRUE(facts.cancel_running);
  EXPECT_EQ(told(), rows({"a"}) + too_many(4, 1));
  EXPECT_TRUE(conversation->outstanding());
  client(query("SELECT 2"));
  EXPECT_EQ(need, Need::reply);
  EXPECT_EQ(sent(), "");
  backend(pkt(6, err(kInterrupted)));
  EXPECT_EQ(told(), "");
  EXPECT_EQ(inspector.answers, (Answers{"done 0", "limited 1"}));
  EXPECT_TRUE(conversation->in_transaction());
  // The cancel may come late: it meets a ping of ours.
  EXPECT_EQ(sent(), ping());
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(sent(), query("SELECT 2"));
  backend(result("2", kInTrx));
  EXPECT_EQ(told(), result("2", kInTrx));
  client(query("SELECT 3"));
  EXPECT_EQ(sent(), query("SELECT 3")) << "once is enough";
}

TEST_P(MysqlLimits, ALateCancelHitsThePing) {
  warm();
  run("BEGIN", pkt(1, ok(kInTrx)));
  inspector.script = {limited(1)};
  client(query("SELECT a"));
  backend(rows({"a", "b"}));
  backend(pkt(5, end(kInTrx)));
  told();
  sent();
  client(query("SELECT 2"));
  EXPECT_EQ(sent(), ping());
  backend(pkt(1, err(kInterrupted)));
  EXPECT_EQ(sent(), ping()) << "for the status, which an error does not tell";
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(sent(), query("SELECT 2"));
  backend(result("2", kInTrx));
  EXPECT_EQ(told(), result("2", kInTrx));
  EXPECT_TRUE(conversation->in_transaction());
}

TEST_P(MysqlLimits, TheBackendMayGoWhenTheReplyHasEnded) {
  warm();
  inspector.script = {limited(1)};
  client(query("SELECT a"));
  backend(rows({"a", "b"}));
  EXPECT_TRUE(held());
  backend(pkt(5, err(kInterrupted)));
  EXPECT_FALSE(held());
  sent();
  client(query("SELECT 2"));
  EXPECT_EQ(sent(), query("SELECT 2")) << "who lends it sees to a late cancel";
}

// Part of it is not seen, so nobody knows that it leaves nothing behind.
TEST_P(MysqlLimits, WhatMayGoOnBehindTheCutEndsTheSession) {
  begin(kModern, 1024);
  inspector.always = limited(1);
  const std::string sql = "SELECT a; " + std::string(3000, ' ') + "DELETE FROM t";
  client(query(sql));
  settle();
  sent();
  backend(rows({"a", "b"}));
  EXPECT_FALSE(conversation->finished());
  backend(pkt(5, err(kInterrupted)));
  EXPECT_FALSE(conversation->finished()) << "the server went no further";
  settle();
  told();
  client(query(sql));
  settle();
  sent();
  backend(rows({"a", "b"}) + pkt(5, end(kAuto | status_flag::kMoreResults)));
  EXPECT_TRUE(conversation->finished());
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(told(), rows({"a"}) + too_many(4, 1));
}

TEST_P(MysqlLimits, WhatTookEffectAlthoughTheClientHadAnErrorEndsTheSession) {
  inspector.always = limited(1);
  for (std::string_view sql :
       {"INSERT INTO t VALUES (1), (2) RETURNING a", "SELECT a; COMMIT", "CALL p()"}) {
    warm();
    client(query(sql));
    settle();
    sent();
    backend(rows({"a", "b"}) + pkt(5, end()));
    EXPECT_TRUE(conversation->finished()) << sql;
    EXPECT_EQ(told(), rows({"a"}) + too_many(4, 1));
    attached = nullptr;
    pending.clear();
    make_links(kModern);
  }
}

TEST_P(MysqlLimits, ReadsBehindTheCutAreSwallowed) {
  warm();
  inspector.always = limited(1);
  client(query("SELECT a; SELECT b"));
  sent();
  backend(rows({"a", "b"}) + pkt(5, end(kAuto | status_flag::kMoreResults)));
  EXPECT_FALSE(conversation->finished());
  backend(pkt(6, "\x01") + pkt(7, "column") + pkt(8, "\1b") + pkt(9, end()));
  EXPECT_EQ(told(), rows({"a"}) + too_many(4, 1));
  EXPECT_EQ(inspector.answers, Answers{"limited 1"});
  EXPECT_FALSE(conversation->finished());
  EXPECT_FALSE(held());
}

TEST_P(MysqlLimits, ABackendThatIsLostBehindTheCutIsNoNewError) {
  warm();
  inspector.script = {limited(1)};
  client(query("SELECT a"));
  backend(rows({"a", "b"}));
  told();
  EXPECT_EQ(lose(), Ending::carry_on);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(inspector.answers, Answers{"limited 1"});
  make_links(kModern);
  next = 1;
  client(query("SELECT 2"));
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT 2")));
}

TEST_P(MysqlLimits, AFarewellBehindTheCutIsAPacketOfItsOwn) {
  warm();
  inspector.script = {limited(1)};
  client(query("SELECT a"));
  backend(rows({"a", "b"}));
  told();
  conversation->farewell(fail(FailureKind::shutting_down, "bye"), exchange.to_client);
  drain();
  EXPECT_EQ(told().substr(3, 4), "\0\xff\x1d\x04"s);
}

TEST_P(MysqlLimits, FetchedRowsAreBounded) {
  warm();
  client(pkt(0, com(Command::stmt_prepare, "SELECT a")));
  backend(pkt(1, "\0"s + le32(40) + "\1\0\0\0\0\0\0"s) + pkt(2, "column"));
  client(pkt(0, com(Command::stmt_execute, le32(1) + "\1\1\0\0\0"s)));
  backend(pkt(1, "\x01") + pkt(2, "column") + pkt(3, end(kAuto | status_flag::kCursorExists)));
  told();
  inspector.always = limited(1);
  client(pkt(0, com(Command::stmt_fetch, le32(1) + le32(3))));
  backend(pkt(1, "\0\0a"s) + pkt(2, "\0\0b"s) + pkt(3, "\0\0c"s) +
          pkt(4, end(kAuto | status_flag::kCursorExists)));
  EXPECT_EQ(told(), pkt(1, "\0\0a"s) + too_many(2, 1));
  EXPECT_TRUE(conversation->pins().has(Pin::cursor));
}

}  // namespace
}  // namespace sluice::protocol::mysql
