#pragma once

// Frames and stored secrets for the tests of the PostgreSQL logins.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/login.hpp"
#include "protocol/postgresql/accept_client.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/login_backend.hpp"
#include "protocol/postgresql/md5.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/scram.hpp"
#include "protocol/postgresql/startup.hpp"
#include "protocol/writer.hpp"
#include "tests/support/scripted_machine.hpp"

namespace sluice::protocol::postgresql::fixtures {

constexpr const char* kUser = "app";
constexpr const char* kPassword = "correct horse";

// A frame out of a put_ function: frame_of(put_ready_for_query, 'I').
template <typename Put, typename... Args>
Buffer frame_of(Put put, Args&&... args) {
  Buffer out;
  put(out, std::forward<Args>(args)...);
  return out;
}

inline Buffer startup_frame_bytes(const std::string& user = kUser) {
  return frame_of(put_startup_message, user, "pets", Parameters{{"application_name", "test"}});
}

inline Buffer authentication_frame(std::uint32_t kind, std::string_view data = {}) {
  return frame_of(put_authentication, kind, as_bytes(data));
}

inline Buffer password_frame(std::string_view password) {
  return frame_of(put_password, password);
}

inline Buffer sasl_request_frame() {
  return frame_of(put_authentication_sasl, std::vector<std::string_view>{kScramSha256});
}

// What an AuthenticationSASLContinue or -Final that was written carries.
inline std::string_view sasl_text(Bytes frame) {
  return as_text(parse_authentication(open_message(frame)->body)->data);
}

inline Secret known() {
  Secret secret;
  secret.known = true;
  return secret;
}

inline Secret with_password(std::string password = kPassword) {
  Secret secret = known();
  secret.password = std::move(password);
  return secret;
}

inline Secret with_verifier(std::string_view password = kPassword) {
  Secret secret = known();
  secret.scram_verifier =
      format_scram_verifier(*derive_scram_verifier(password, as_bytes("0123456789abcdef"), 12));
  return secret;
}

// Checks a FATAL ErrorResponse; give it to expect_write().
inline std::function<void(Bytes)> fatal(std::string sqlstate, std::string part_of_text = {}) {
  return [sqlstate = std::move(sqlstate), part = std::move(part_of_text)](Bytes written) {
    std::optional<Message> message = open_message(written);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, 'E');
    std::optional<ErrorFields> fields = parse_error_fields(message->body);
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->severity, "FATAL");
    EXPECT_EQ(fields->sqlstate, sqlstate);
    EXPECT_NE(fields->message.find(part), std::string_view::npos) << fields->message;
  };
}

// Frames with a type byte have their length behind it, the untyped ones begin with it.
inline void relength(Buffer& frame) {
  std::size_t place = !frame.empty() && frame[0] != 0 ? 1 : 0;
  if (frame.size() >= place + 4) {
    Writer(frame).patch_be32(place, static_cast<std::uint32_t>(frame.size() - place));
  }
}

}  // namespace sluice::protocol::postgresql::fixtures
