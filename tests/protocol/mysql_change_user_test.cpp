// change_user: a fresh nonce whatever the command holds, and the same proofs as a login.

#include <gtest/gtest.h>

#include "protocol/mysql/change_user.hpp"
#include "protocol/writer.hpp"
#include "tests/support/mysql_client.hpp"

namespace sluice::protocol::mysql {
namespace {

ClientLogin current_login() {
  ClientLogin login;
  login.user = "first";
  login.database = "one";
  login.capabilities = capability::kOffered;
  login.collation = 45;
  login.tls = false;
  login.parameters = {{"program_name", "test"}};
  return login;
}

AcceptOptions options() {
  AcceptOptions out;
  out.rsa_key = test_rsa_key();
  return out;
}

Buffer command(const std::string& plugin, const Buffer& token = Buffer(20, 1)) {
  Buffer out;
  Writer writer(out);
  writer.u8(0x11).cstring("app").u8(static_cast<std::uint8_t>(token.size())).bytes(token);
  writer.cstring("two").le16(255).cstring(plugin);
  return out;
}

std::shared_ptr<const Secret> password_secret() {
  auto secret = std::make_shared<Secret>();
  secret->known = true;
  secret->password = "foobar";
  return secret;
}

TEST(ChangeUser, AlwaysSwitchesAndRunsTheSequenceOn) {
  for (std::string plugin : {kCachingSha2, kNativePassword, "dialog", kClearPassword, ""}) {
    Driven<ClientLogin> server(change_user(options(), current_login(), command(plugin)),
                               password_secret());
    TestClient client;
    EXPECT_TRUE(client.talk(server).empty());
    ASSERT_TRUE(server.ended());
    ASSERT_TRUE(server.result().ok()) << plugin;
    EXPECT_EQ(client.switches, 1);
    const bool native = plugin == kNativePassword;
    EXPECT_EQ(server.result()->method, native ? kNativePassword : kCachingSha2);
    // 0 the command, 1 the switch, 2 the token, 3 the word of the fast path.
    EXPECT_EQ(server.result()->sequence, native ? 3 : 4);
    EXPECT_EQ(server.result()->user, "app");
    EXPECT_EQ(server.result()->database, "two");
    EXPECT_EQ(server.result()->collation, 255);
    EXPECT_EQ(server.result()->capabilities, capability::kOffered);
    EXPECT_EQ(server.result()->parameters, current_login().parameters);
  }
}

TEST(ChangeUser, ATokenInTheCommandNeverCounts) {
  // The right token for some nonce, an empty one: both are asked again.
  for (const Buffer& token : {Buffer{}, Buffer(20, 1)}) {
    Driven<ClientLogin> server(
        change_user(options(), current_login(), command(kNativePassword, token)),
        password_secret());
    EXPECT_FALSE(server.ended());
    EXPECT_EQ(server.take_packet()[0], lead::kAuthSwitch);
    EXPECT_EQ(server.last_sequence(), 1);
  }
}

TEST(ChangeUser, AClientThatSpokeSha2AtItsLoginDoesSoAgain) {
  ClientLogin current = current_login();
  current.method = kCachingSha2;
  Driven<ClientLogin> server(change_user(options(), current, command(kNativePassword)),
                             password_secret());
  TestClient client;
  EXPECT_TRUE(client.talk(server).empty());
  ASSERT_TRUE(server.result().ok());
  EXPECT_EQ(client.plugin, kCachingSha2);
  EXPECT_EQ(client.switches, 1);
}

TEST(ChangeUser, AWrongPasswordIsRefused) {
  for (std::string plugin : {kCachingSha2, kNativePassword}) {
    Driven<ClientLogin> server(change_user(options(), current_login(), command(plugin)),
                               password_secret());
    TestClient client;
    client.password = "foobaz";
    const Buffer error = client.talk(server);
    ASSERT_TRUE(server.ended());
    EXPECT_FALSE(server.result().ok());
    EXPECT_EQ(decode_err(error).value().number, 1045);
  }
}

TEST(ChangeUser, AClientThatCannotSwitchIsRefused) {
  ClientLogin old = current_login();
  old.capabilities &= ~capability::kPluginAuth;
  for (const Buffer& token : {Buffer{}, Buffer(20, 1)}) {
    Driven<ClientLogin> server(change_user(options(), old, command("", token)), password_secret());
    ASSERT_TRUE(server.ended());
    EXPECT_FALSE(server.result().ok());
    const Buffer error = server.take_packet();
    EXPECT_NE(decode_err(error).value().number, 0);
  }
}

TEST(ChangeUser, AMalformedCommandIsAnsweredWithAnError) {
  const Buffer whole = command(kCachingSha2);
  const std::size_t database = 1 + 4 + 21 + 4;
  for (std::size_t size = 0; size < database; ++size) {
    Buffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    Driven<ClientLogin> server(change_user(options(), current_login(), cut), password_secret());
    ASSERT_TRUE(server.ended()) << size;
    EXPECT_EQ(server.result().failure().kind, FailureKind::protocol_violation);
    EXPECT_TRUE(server.asked().empty());
    EXPECT_EQ(server.take_packet()[0], lead::kErr);
    EXPECT_EQ(server.last_sequence(), 1);
  }
}

}  // namespace
}  // namespace sluice::protocol::mysql
