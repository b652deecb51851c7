#include "protocol/postgresql/messages.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "protocol/postgresql/frame.hpp"

namespace sluice::protocol::postgresql {
namespace {

Bytes body_of(const Buffer& frame) {
  std::optional<Message> message = open_message(frame);
  return message ? message->body : Bytes{};
}

TEST(PostgresqlFrame, SizersWaitForTheLengthAndRefuseImpossibleOnes) {
  Buffer startup{0, 0, 0, 9, 0, 3, 0, 0, 0};
  EXPECT_EQ(startup_frame(Bytes(startup).first(3)), std::nullopt);
  EXPECT_EQ(startup_frame(startup), 9U);
  startup[3] = 7;
  EXPECT_EQ(startup_frame(startup), SIZE_MAX);

  Buffer message{'Q', 0, 0, 0, 4};
  EXPECT_EQ(message_frame(Bytes(message).first(4)), std::nullopt);
  EXPECT_EQ(message_frame(message), 5U);
  message[4] = 3;
  EXPECT_EQ(message_frame(message), SIZE_MAX);
}

TEST(PostgresqlFrame, HugeLengthsExceedEveryLimit) {
  Buffer message{'p', 0xFF, 0xFF, 0xFF, 0xFF};
  EXPECT_GT(*message_frame(message), kLoginLimit);
  Buffer http{'G', 'E', 'T', ' ', '/'};
  EXPECT_GT(*startup_frame(http), kStartupLimit);
}

TEST(PostgresqlFrame, OpenMessageChecksTheLength) {
  Buffer message{'Z', 0, 0, 0, 5, 'I'};
  ASSERT_TRUE(open_message(message));
  EXPECT_EQ(open_message(message)->type, 'Z');
  message.push_back('x');
  EXPECT_FALSE(open_message(message));
  EXPECT_FALSE(open_message({}));
}

TEST(PostgresqlMessages, ErrorResponseBytes) {
  Buffer out;
  put_error_response(out, fail(FailureKind::unknown_database, "no"), ErrorLevel::fatal, "try");
  std::string_view expected(
      "E\0\0\0\x23SFATAL\0VFATAL\0"
      "C3D000\0Mno\0Htry\0\0",
      36);
  EXPECT_EQ(as_text(out), expected);
}

TEST(PostgresqlMessages, ErrorFieldsSurviveTheRoundTrip) {
  Failure failure = fail(FailureKind::internal, std::string("a\0b", 3));
  failure.sqlstate_override = "42P05";
  Buffer out;
  put_error_response(out, failure, ErrorLevel::error);
  std::optional<ErrorFields> fields = parse_error_fields(body_of(out));
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->severity, "ERROR");
  EXPECT_EQ(fields->sqlstate, "42P05");
  EXPECT_EQ(fields->message, "a?b");
  EXPECT_EQ(fields->hint, "");
}

TEST(PostgresqlMessages, ErrorFieldsAreAllOptionalButTerminated) {
  EXPECT_TRUE(parse_error_fields(as_bytes(std::string_view("\0", 1))));
  std::string_view localised("SFATALE\0Q?\0\0", 12);
  EXPECT_EQ(parse_error_fields(as_bytes(localised))->severity, "FATALE");
  EXPECT_FALSE(parse_error_fields({}));
  EXPECT_FALSE(parse_error_fields(as_bytes("Mno end")));
  EXPECT_FALSE(parse_error_fields(as_bytes(std::string_view("Mno list end\0", 13))));
  EXPECT_FALSE(parse_error_fields(as_bytes(std::string_view("Mx\0\0more", 8))));
}

TEST(PostgresqlMessages, CancelKeysAreFourTo256Bytes) {
  for (std::size_t size : {4U, 32U, 256U}) {
    Buffer out;
    put_backend_key_data(out, 77, Buffer(size, 9));
    std::optional<KeyData> data = parse_backend_key_data(body_of(out));
    ASSERT_TRUE(data) << size;
    EXPECT_EQ(data->process_id, 77U);
    EXPECT_EQ(data->key.size(), size);
  }
  for (std::size_t size : {0U, 3U, 257U}) {
    Buffer out;
    put_backend_key_data(out, 77, Buffer(size, 9));
    EXPECT_FALSE(parse_backend_key_data(body_of(out))) << size;
  }
}

TEST(PostgresqlMessages, NegotiateProtocolVersionBytes) {
  Buffer out;
  put_negotiate_protocol_version(out, (3U << 16U) + 2, {"_pq_.a"});
  EXPECT_EQ(as_text(out), std::string_view("v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.a\0", 20));
  std::optional<NegotiatedVersion> parsed = parse_negotiate_protocol_version(body_of(out));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->unrecognised, std::vector<std::string_view>{"_pq_.a"});
}

TEST(PostgresqlMessages, NegotiateProtocolVersionRefusesACountThatLies) {
  EXPECT_FALSE(
      parse_negotiate_protocol_version(as_bytes(std::string_view("\0\3\0\0\xFF\xFF\xFF\xFF", 8))));
  EXPECT_FALSE(
      parse_negotiate_protocol_version(as_bytes(std::string_view("\0\3\0\0\0\0\0\2a\0", 10))));
}

TEST(PostgresqlMessages, SaslInitialResponse) {
  Buffer out;
  put_sasl_initial_response(out, kScramSha256, as_bytes("n,,"));
  std::optional<SaslInitialResponse> response = parse_sasl_initial_response(body_of(out));
  ASSERT_TRUE(response && response->data);
  EXPECT_EQ(response->mechanism, kScramSha256);
  EXPECT_EQ(as_text(*response->data), "n,,");

  std::string_view without("M\0\xFF\xFF\xFF\xFF", 6);
  ASSERT_TRUE(parse_sasl_initial_response(as_bytes(without)));
  EXPECT_FALSE(parse_sasl_initial_response(as_bytes(without))->data);
  EXPECT_FALSE(parse_sasl_initial_response(as_bytes(std::string_view("M\0\xFF\xFF\xFF\xFE", 6))));
  EXPECT_FALSE(parse_sasl_initial_response(as_bytes(std::string_view("M\0\0\0\0\1ab", 8))));
}

TEST(PostgresqlMessages, ReadyForQueryTakesOnlyKnownStates) {
  EXPECT_EQ(parse_ready_for_query(as_bytes("T")), 'T');
  EXPECT_FALSE(parse_ready_for_query(as_bytes("X")));
  EXPECT_FALSE(parse_ready_for_query(as_bytes("II")));
}

TEST(PostgresqlMessages, PrintableKeepsTextsOnOneLineAndWhole) {
  EXPECT_EQ(printable("a\r\n\x1B[31mb", 100), "a???[31mb");
  EXPECT_EQ(printable("\xC3\xA9\xC3\xA9", 3), "\xC3\xA9...");
  EXPECT_EQ(quoted("x"), "\"x\"");
}

}  // namespace
}  // namespace sluice::protocol::postgresql
