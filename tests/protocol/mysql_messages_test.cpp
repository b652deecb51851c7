// Packets and messages: what is encoded comes back, and what is cut anywhere is refused.

#include <gtest/gtest.h>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_track.hpp"
#include "protocol/writer.hpp"
#include "tests/support/mysql_machine.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::uint32_t kModern = capability::kProtocol41 | capability::kSessionTrack;

TEST(MysqlPacket, TheHeaderIsLittleEndian) {
  EXPECT_EQ(packet(7, from_hex("0e")), from_hex("010000070e"));
  EXPECT_EQ(packet_frame(from_hex("01000007")), 5U);
  EXPECT_FALSE(packet_frame(from_hex("010000")));
}

TEST(MysqlPacket, AFramedLoginPacketNeverContinues) {
  EXPECT_EQ(packet_frame(from_hex("feffff00")), 0xFFFFFEU + 4U);
  EXPECT_EQ(packet_frame(from_hex("ffffff00")), SIZE_MAX);
}

TEST(MysqlPacket, PayloadsAreCutAt16MiB) {
  for (std::size_t size : {0xFFFFFEUL, 0xFFFFFFUL, 0x1000000UL, 2 * 0xFFFFFFUL}) {
    Buffer out;
    std::uint8_t sequence = 255;
    append_packet(out, sequence, Buffer(size, 1));
    const std::size_t packets = size / kMaxPayload + 1;
    EXPECT_EQ(out.size(), size + packets * kHeaderSize);
    EXPECT_EQ(sequence, static_cast<std::uint8_t>(255 + packets));
    EXPECT_EQ(read_header(out)->length, std::min<std::size_t>(size, kMaxPayload));
  }
}

TEST(OkPacket, ComesBackWithItsSessionState) {
  const Buffer state = encode_session_state(
      {{TrackType::system_variables, "autocommit", "OFF"}, {TrackType::schema, "", "pets"}});
  Ok ok{300, 70000, status_flag::kInTransaction, 3, "Rows matched: 1", state};
  const Buffer bytes = encode_ok(ok, kModern);
  const Result<Ok> back = decode_ok(bytes, kModern);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().affected_rows, 300U);
  EXPECT_EQ(back.value().last_insert_id, 70000U);
  EXPECT_EQ(back.value().warnings, 3U);
  EXPECT_EQ(back.value().info, "Rows matched: 1");
  EXPECT_EQ(back.value().status, status_flag::kInTransaction | status_flag::kSessionStateChanged);
  EXPECT_EQ(Buffer(back.value().session_state.begin(), back.value().session_state.end()), state);
}

TEST(OkPacket, WithoutSessionTrackTheStateIsLeftOut) {
  const Buffer state = encode_session_state({{TrackType::schema, "", "pets"}});
  Ok ok{0, 0, status_flag::kSessionStateChanged | status_flag::kAutocommit, 0, "", state};
  EXPECT_EQ(encode_ok(ok, capability::kProtocol41), from_hex("00000002000000"));
  EXPECT_EQ(encode_ok(ok, 0), from_hex("000000"));
  EXPECT_EQ(encode_ok(ok, capability::kTransactions), from_hex("0000000200"));
}

TEST(OkPacket, ReadsInfoInBothFormsWithoutSessionTrack) {
  EXPECT_EQ(decode_ok(from_hex("0000000200000003616263"), capability::kProtocol41).value().info,
            "abc");
  EXPECT_EQ(decode_ok(from_hex("00000002000000616263"), capability::kProtocol41).value().info,
            "abc");
}

TEST(OkPacket, IsRefusedWhenItIsCutInAField) {
  const Buffer state = encode_session_state({{TrackType::schema, "", "pets"}});
  const Buffer bytes = encode_ok({300, 70000, 0, 0, "info", state}, kModern);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // Info and state may both be missing; half of one may not.
    const bool whole = size == 12 || size == 17;
    EXPECT_EQ(decode_ok(Bytes(bytes).first(size), kModern).ok(), whole) << size;
  }
  Buffer longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decode_ok(longer, kModern).ok());
}

TEST(ErrPacket, CarriesErrnoAndSqlstate) {
  Failure failure = fail(FailureKind::authentication_failed, "no");
  EXPECT_EQ(encode_err(failure), from_hex("ff1504233238303030"
                                          "6e6f"));
  EXPECT_EQ(encode_err(failure, false), from_hex("ff15046e6f"));
  const Buffer bytes = encode_err(failure);
  const Result<Err> err = decode_err(bytes);
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err.value().number, 1045);
  EXPECT_EQ(err.value().sqlstate, "28000");
  EXPECT_EQ(err.value().text, "no");
}

TEST(ErrPacket, OverridesWin) {
  Failure failure = fail(FailureKind::backend_login_failed, "x");
  failure.mysql_errno_override = 1130;
  failure.sqlstate_override = "HY000";
  const Buffer bytes = encode_err(failure);
  const Result<Err> err = decode_err(bytes);
  EXPECT_EQ(err.value().number, 1130);
  EXPECT_EQ(err.value().sqlstate, "HY000");
}

TEST(ErrPacket, IsReadWithoutSqlstateToo) {
  const Buffer bytes = from_hex("ff10045468657265");
  const Result<Err> err = decode_err(bytes);
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err.value().number, 1040);
  EXPECT_TRUE(err.value().sqlstate.empty());
  EXPECT_EQ(err.value().text, "There");
  for (std::size_t size = 0; size < 3; ++size) {
    EXPECT_FALSE(decode_err(Bytes(bytes).first(size)).ok()) << size;
  }
  EXPECT_FALSE(decode_err(from_hex("ff1004233238")).ok());
}

TEST(EofPacket, ComesBack) {
  const Buffer bytes = encode_eof({2, status_flag::kMoreResults});
  EXPECT_EQ(bytes, from_hex("fe02000800"));
  EXPECT_EQ(decode_eof(bytes).value().status, status_flag::kMoreResults);
  EXPECT_FALSE(decode_eof(Bytes(bytes).first(4)).ok());
}

TEST(AuthSwitchRequest, ComesBackWithItsNul) {
  const std::string nonce(kNonceSize, 'n');
  const Buffer bytes = encode_auth_switch(kNativePassword, nonce);
  const Result<AuthSwitch> request = decode_auth_switch(bytes);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request.value().plugin, kNativePassword);
  EXPECT_EQ(as_text(request.value().data), nonce + std::string(1, '\0'));
  EXPECT_FALSE(decode_auth_switch(from_hex("fe")).ok());
  EXPECT_FALSE(decode_auth_switch(from_hex("fe6d7973")).ok());
}

TEST(SessionState, EveryTypeComesBack) {
  const std::vector<TrackEntry> entries{
      {TrackType::system_variables, "character_set_client", "utf8mb4"},
      {TrackType::schema, "", "pets"},
      {TrackType::state_change, "", "1"},
      {TrackType::gtids, "", "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"},
      {TrackType::transaction_characteristics, "", "START TRANSACTION READ ONLY;"},
      {TrackType::transaction_state, "", "T_______"}};
  const Buffer bytes = encode_session_state(entries);
  const Result<std::vector<TrackEntry>> back = decode_session_state(bytes);
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back.value().size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(back.value()[i].type, entries[i].type);
    EXPECT_EQ(back.value()[i].name, entries[i].name);
    EXPECT_EQ(back.value()[i].value, entries[i].value);
  }
}

TEST(SessionState, OneEntryMayHoldSeveralVariables) {
  Buffer data;
  Writer(data).lenenc_string("a").lenenc_string("1").lenenc_string("b").lenenc_string("2");
  Buffer bytes;
  Writer(bytes).u8(0).lenenc_string(as_text(data));
  const auto back = decode_session_state(bytes);
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back.value().size(), 2U);
  EXPECT_EQ(back.value()[1].name, "b");
}

TEST(SessionState, UnknownTypesAreLeftOutAndCutsRefused) {
  Buffer bytes = from_hex("3f0161");
  const Buffer known = encode_session_state({{TrackType::schema, "", "pets"}});
  bytes.insert(bytes.end(), known.begin(), known.end());
  EXPECT_EQ(decode_session_state(bytes).value().size(), 1U);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_session_state(Bytes(bytes).first(size)).ok(), size == 3) << size;
  }
}

TEST(SessionState, TooManyEntriesAreRefused) {
  Buffer bytes;
  for (std::size_t i = 0; i <= kMaxTrackEntries; ++i) {
    Writer(bytes).u8(1).u8(1).u8(0);
  }
  EXPECT_FALSE(decode_session_state(bytes).ok());
}

Greeting example_greeting() {
  Greeting greeting;
  greeting.server_version = "8.0.36";
  greeting.connection_id = 77;
  greeting.nonce = "abcdefghijklmnopqrst";
  greeting.capabilities = capability::kOffered;
  greeting.collation = 45;
  greeting.status = 2;
  greeting.plugin = kCachingSha2;
  return greeting;
}

TEST(GreetingPacket, ComesBack) {
  const Greeting greeting = example_greeting();
  const Result<Greeting> back = decode_greeting(encode_greeting(greeting));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().server_version, greeting.server_version);
  EXPECT_EQ(back.value().connection_id, 77U);
  EXPECT_EQ(back.value().nonce, greeting.nonce);
  EXPECT_EQ(back.value().capabilities, greeting.capabilities);
  EXPECT_EQ(back.value().plugin, greeting.plugin);
}

TEST(GreetingPacket, IsRefusedWhenItIsCutBeforeThePlugin) {
  const Buffer bytes = encode_greeting(example_greeting());
  // A plugin name without its NUL is read: old servers forget it.
  const std::size_t plugin = bytes.size() - std::string_view(kCachingSha2).size() - 1;
  for (std::size_t size = 0; size < plugin; ++size) {
    EXPECT_FALSE(decode_greeting(Bytes(bytes).first(size)).ok()) << size;
  }
  Buffer other = bytes;
  other[0] = 9;
  EXPECT_FALSE(decode_greeting(other).ok());
}

HandshakeResponse example_response() {
  HandshakeResponse response;
  response.capabilities = capability::kOffered;
  response.max_packet = 1U << 24U;
  response.collation = 45;
  response.user = "app";
  response.auth = Buffer(32, 9);
  response.database = "pets";
  response.plugin = kCachingSha2;
  response.attributes = {{"_os", "Linux"}, {"program_name", "test"}};
  return response;
}

TEST(HandshakeResponsePacket, ComesBack) {
  const HandshakeResponse response = example_response();
  const auto back = decode_handshake_response(encode_handshake_response(response));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().user, "app");
  EXPECT_EQ(back.value().auth, response.auth);
  EXPECT_EQ(back.value().database, "pets");
  EXPECT_EQ(back.value().plugin, kCachingSha2);
  EXPECT_EQ(back.value().attributes, response.attributes);
  EXPECT_EQ(back.value().collation, 45);
}

TEST(HandshakeResponsePacket, IsRefusedWhenItIsCutAnywhere) {
  const Buffer bytes = encode_handshake_response(example_response());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode_handshake_response(Bytes(bytes).first(size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.failure().mysql_errno(), 1043);
  }
  Buffer longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decode_handshake_response(longer).ok());
}

TEST(HandshakeResponsePacket, EveryFieldIsBounded) {
  const auto refused = [](auto change) {
    HandshakeResponse response = example_response();
    change(response);
    return !decode_handshake_response(encode_handshake_response(response)).ok();
  };
  EXPECT_FALSE(refused([](auto& r) { r.user.assign(kMaxUser, 'u'); }));
  EXPECT_TRUE(refused([](auto& r) { r.user.assign(kMaxUser + 1, 'u'); }));
  EXPECT_TRUE(refused([](auto& r) { r.database.assign(kMaxDatabase + 1, 'd'); }));
  EXPECT_TRUE(refused([](auto& r) { r.plugin.assign(kMaxPlugin + 1, 'p'); }));
  EXPECT_TRUE(refused([](auto& r) { r.auth.assign(kMaxAuth + 1, 1); }));
}

TEST(HandshakeResponsePacket, AttributesAbove64KiBAreRefusedAndNeverSent) {
  HandshakeResponse response = example_response();
  response.attributes = {};
  Buffer bytes = encode_handshake_response(response);
  bytes.pop_back();
  Buffer block;
  Writer(block).lenenc_string("key").lenenc_string(std::string(kMaxAttributes, 'v'));
  Writer(bytes).lenenc_string(as_text(block));
  EXPECT_FALSE(decode_handshake_response(bytes).ok());

  response.attributes = {{"key", std::string(kMaxAttributes, 'v')}, {"a", "b"}};
  const auto back = decode_handshake_response(encode_handshake_response(response));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().attributes, (Parameters{{"a", "b"}}));
}

TEST(HandshakeResponsePacket, AnEmptyDatabaseThatIsNotAnnouncedIsRead) {
  HandshakeResponse response = example_response();
  response.database.clear();
  Buffer bytes = encode_handshake_response(response);
  bytes[0] &= static_cast<std::uint8_t>(~capability::kConnectWithDb);
  const auto back = decode_handshake_response(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back.value().plugin, kCachingSha2);
  EXPECT_TRUE(back.value().database.empty());
}

TEST(SslRequestPacket, IsTheHeadOfAResponseAlone) {
  HandshakeResponse response = example_response();
  EXPECT_FALSE(is_ssl_request(encode_ssl_request(response)));
  response.capabilities |= capability::kSsl;
  EXPECT_TRUE(is_ssl_request(encode_ssl_request(response)));
  EXPECT_FALSE(is_ssl_request(encode_handshake_response(response)));
}

Buffer example_change_user() {
  Buffer bytes;
  Writer writer(bytes);
  writer.u8(0x11).cstring("app").u8(20).bytes(Buffer(20, 7)).cstring("pets").le16(255);
  Buffer block;
  Writer(block).lenenc_string("k").lenenc_string("v");
  writer.cstring(kCachingSha2).lenenc_string(as_text(block));
  return bytes;
}

TEST(ChangeUserPacket, ComesBack) {
  const auto change = decode_change_user(example_change_user(), capability::kOffered);
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change.value().user, "app");
  EXPECT_EQ(change.value().auth, Buffer(20, 7));
  EXPECT_EQ(change.value().database, "pets");
  EXPECT_EQ(change.value().collation, 255);
  EXPECT_EQ(change.value().plugin, kCachingSha2);
  EXPECT_EQ(change.value().attributes, (Parameters{{"k", "v"}}));
}

TEST(ChangeUserPacket, IsRefusedWhenItIsCutInAField) {
  const Buffer bytes = example_change_user();
  const std::size_t database_end = 1 + 4 + 21 + 5;
  const std::size_t plugin = database_end + 2;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // What follows the database is optional, field by field; a plugin name may lack its NUL.
    const bool whole = size == database_end || (size >= plugin && size < bytes.size() - 4);
    EXPECT_EQ(decode_change_user(Bytes(bytes).first(size), capability::kOffered).ok(), whole)
        << size;
  }
  EXPECT_FALSE(decode_change_user(from_hex("1261000000"), capability::kOffered).ok());
}

TEST(Printable, HidesControlCharactersAndCuts) {
  EXPECT_EQ(printable("a\nb\x7F\x01", 10), "a?b??");
  EXPECT_EQ(printable("abcdef", 3), "abc");
}

}  // namespace
}  // namespace sluice::protocol::mysql
