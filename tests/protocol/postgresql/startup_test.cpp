#include "protocol/postgresql/startup.hpp"

#include <gtest/gtest.h>

#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

Buffer packet(std::uint32_t version, const Parameters& pairs) {
  Buffer out;
  Writer writer(out);
  std::size_t place = writer.reserve(4);
  writer.be32(version);
  for (const auto& [name, value] : pairs) {
    writer.cstring(name).cstring(value);
  }
  writer.u8(0);
  writer.patch_be32(place, static_cast<std::uint32_t>(out.size()));
  return out;
}

std::string sqlstate_of(const Buffer& frame) {
  Result<Startup> startup = parse_startup(frame);
  return startup ? "accepted" : std::string(startup.failure().sqlstate());
}

TEST(PostgresqlStartup, UserDatabaseAndParameters) {
  Result<Startup> startup = parse_startup(
      packet(kProtocol30, {{"user", "app"}, {"TimeZone", "UTC"}, {"application_name", "a"}}));
  ASSERT_TRUE(startup);
  EXPECT_EQ(startup->version, kProtocol30);
  EXPECT_FALSE(startup->negotiate);
  EXPECT_EQ(startup->user, "app");
  EXPECT_EQ(startup->database, "app");
  EXPECT_FALSE(startup->replication);
  EXPECT_EQ(startup->parameters, (Parameters{{"timezone", "UTC"}, {"application_name", "a"}}));
}

TEST(PostgresqlStartup, EmptyDatabaseMeansTheUser) {
  EXPECT_EQ(parse_startup(packet(kProtocol30, {{"user", "u"}, {"database", ""}}))->database, "u");
  EXPECT_EQ(parse_startup(packet(kProtocol30, {{"user", "u"}, {"database", "d"}}))->database, "d");
}

TEST(PostgresqlStartup, LongNamesAreCutAsTheServerDoes) {
  Result<Startup> startup = parse_startup(
      packet(kProtocol30, {{"user", std::string(64, 'u')}, {"database", std::string(99, 'd')}}));
  ASSERT_TRUE(startup);
  EXPECT_EQ(startup->user, std::string(63, 'u'));
  EXPECT_EQ(startup->database, std::string(63, 'd'));
}

TEST(PostgresqlStartup, VersionsAreNegotiated) {
  struct Row {
    std::uint32_t asked;
    std::uint32_t spoken;
    bool negotiate;
  };
  for (Row row : {Row{kProtocol30, kProtocol30, false}, Row{kProtocol30 + 1, kProtocol30, true},
                  Row{kProtocol32, kProtocol32, false}, Row{kProtocol30 + 3, kProtocol32, true},
                  Row{kProtocol30 + 9999, kProtocol32, true}}) {
    Result<Startup> startup = parse_startup(packet(row.asked, {{"user", "u"}}));
    ASSERT_TRUE(startup);
    EXPECT_EQ(startup->version, row.spoken) << row.asked;
    EXPECT_EQ(startup->negotiate, row.negotiate) << row.asked;
  }
}

TEST(PostgresqlStartup, UnknownExtensionsAreNamedAndNeverParameters) {
  Result<Startup> startup =
      parse_startup(packet(kProtocol30, {{"_pq_.Test", "1"}, {"user", "u"}, {"_pq_.other", ""}}));
  ASSERT_TRUE(startup);
  EXPECT_TRUE(startup->negotiate);
  EXPECT_EQ(startup->unrecognised, (std::vector<std::string>{"_pq_.Test", "_pq_.other"}));
  EXPECT_TRUE(startup->parameters.empty());
}

TEST(PostgresqlStartup, OtherMajorVersionsAreRefused) {
  EXPECT_EQ(sqlstate_of(packet(2U << 16U, {{"user", "u"}})), "0A000");
  EXPECT_EQ(sqlstate_of(packet(4U << 16U, {{"user", "u"}})), "0A000");
}

TEST(PostgresqlStartup, NoUserIsRefused) {
  EXPECT_EQ(sqlstate_of(packet(kProtocol30, {})), "28000");
  EXPECT_EQ(sqlstate_of(packet(kProtocol30, {{"user", ""}})), "28000");
}

TEST(PostgresqlStartup, TheTerminatorMustBeTheLastByte) {
  Buffer frame = packet(kProtocol30, {{"user", "u"}});
  Buffer longer = frame;
  longer.push_back(0);
  longer[3] = static_cast<std::uint8_t>(longer.size());
  EXPECT_EQ(sqlstate_of(longer), "08P01");
  Buffer shorter = frame;
  shorter.pop_back();
  shorter[3] = static_cast<std::uint8_t>(shorter.size());
  EXPECT_EQ(sqlstate_of(shorter), "08P01");
}

TEST(PostgresqlStartup, ReplicationIsReadAsTheServerReadsIt) {
  for (const char* yes : {"true", "on", "YES", "1", "database", "t"}) {
    EXPECT_TRUE(
        parse_startup(packet(kProtocol30, {{"user", "u"}, {"replication", yes}}))->replication)
        << yes;
  }
  for (const char* no : {"false", "off", "0", "no", ""}) {
    EXPECT_FALSE(
        parse_startup(packet(kProtocol30, {{"user", "u"}, {"replication", no}}))->replication)
        << no;
  }
  EXPECT_EQ(sqlstate_of(packet(kProtocol30, {{"user", "u"}, {"replication", "o"}})), "22023");
}

TEST(PostgresqlStartup, OptionsBecomeParametersAndNamedOnesWin) {
  Result<Startup> startup = parse_startup(
      packet(kProtocol30, {{"work_mem", "2MB"},
                           {"user", "u"},
                           {"options", "-c Search_Path=a -cwork_mem=1MB --statement-timeout=5s"}}));
  ASSERT_TRUE(startup);
  EXPECT_EQ(startup->parameters,
            (Parameters{{"search_path", "a"}, {"work_mem", "2MB"}, {"statement_timeout", "5s"}}));
}

TEST(PostgresqlStartup, OptionsUnescape) {
  Result<Parameters> split = split_options(R"(  -c a.b=x\ y\\z	--c=a=b -c d=
)");
  ASSERT_TRUE(split);
  EXPECT_EQ(*split, (Parameters{{"a.b", R"(x y\z)"}, {"c", "a=b"}, {"d", ""}}));
  EXPECT_TRUE(split_options("")->empty());
}

TEST(PostgresqlStartup, BadOptionsAreRefusedWithoutShowingThem) {
  for (const char* bad : {"-c", "-c name", "--", "--name", "-x 5", "hunter2", "-c =v", "-c 1a=b",
                          "-c a;b=c", "-c a\\ b=c", "- -c a=b", "-e"}) {
    Result<Parameters> split = split_options(bad);
    ASSERT_FALSE(split) << bad;
    EXPECT_EQ(split.failure().text.find("hunter2"), std::string::npos);
  }
}

TEST(PostgresqlStartup, ReservedNamesNeverBecomeParameters) {
  for (const char* name : {"user", "database", "replication", "options", "_pq_.x", "User"}) {
    EXPECT_FALSE(split_options("-c " + std::string(name) + "=root")) << name;
  }
  for (const char* name : {"User", "DATABASE", "Replication", "Options", "_PQ_.x"}) {
    EXPECT_EQ(sqlstate_of(packet(kProtocol30, {{"user", "u"}, {name, "root"}})), "42704") << name;
  }
}

TEST(PostgresqlStartup, CancelRequests) {
  for (std::size_t size : {4U, 32U, 256U}) {
    CancelRequest request{4711, Buffer(size, 7)};
    Buffer out;
    put_cancel_request(out, request);
    std::optional<CancelRequest> parsed = parse_cancel_request(out);
    ASSERT_TRUE(parsed) << size;
    EXPECT_EQ(parsed->process_id, 4711U);
    EXPECT_EQ(parsed->key, request.key);
  }
  for (std::size_t size : {0U, 3U, 257U}) {
    Buffer out;
    put_cancel_request(out, {4711, Buffer(size, 7)});
    EXPECT_FALSE(parse_cancel_request(out)) << size;
  }
}

TEST(PostgresqlStartup, WhatWeSendIsWhatWeRead) {
  Buffer out;
  put_startup_message(out, "app", "pets", {{"application_name", "sluice"}});
  Result<Startup> startup = parse_startup(out);
  ASSERT_TRUE(startup);
  EXPECT_EQ(startup->database, "pets");
  EXPECT_EQ(startup->parameters, (Parameters{{"application_name", "sluice"}}));
  Buffer ssl;
  put_ssl_request(ssl);
  EXPECT_EQ(ssl, (Buffer{0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F}));
}

}  // namespace
}  // namespace sluice::protocol::postgresql
