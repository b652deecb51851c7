#pragma once

// A client as the libraries behave, for tests of accept_client and change_user: it answers whatever
// the server asks during a login.

#include <string>
#include <utility>

#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/native_password.hpp"
#include "tests/support/mysql_machine.hpp"

namespace sluice::protocol::mysql {

enum class ClientKind {
  sha2,           // default of MySQL 8 and later
  native,         // names mysql_native_password with a token for the greeting's nonce
  silent_native,  // as libmariadb: waits for an AuthSwitchRequest
  clear,          // names mysql_clear_password and sends the password at once
  silent_clear,   // names it and waits to be asked
  unknown,        // names a plugin that nobody knows
  no_plugins,     // without CLIENT_PLUGIN_AUTH
};

struct TestClient {
  ClientKind kind = ClientKind::sha2;
  std::string user = "app";
  std::string password = "foobar";
  std::string database = "pets";
  bool secure = false;
  bool knows_key = false;  // encrypts without asking for the key
  std::string nonce;
  std::string plugin;
  bool saw_fast = false;
  bool saw_full = false;
  int switches = 0;
  std::string first_nonce;

  std::string named_plugin() const {
    switch (kind) {
      case ClientKind::sha2:
        return kCachingSha2;
      case ClientKind::clear:
      case ClientKind::silent_clear:
        return kClearPassword;
      case ClientKind::unknown:
        return "dialog";
      default:
        return kNativePassword;
    }
  }

  Buffer token() const {
    const Bytes challenge = as_bytes(nonce);
    Buffer clear(password.begin(), password.end());
    clear.push_back(0);
    if (plugin == kClearPassword) {
      return clear;
    }
    if (password.empty()) {
      return plugin == kCachingSha2 ? Buffer{0} : Buffer{};
    }
    return plugin == kNativePassword ? native_token(native_stage1(password), challenge)
                                     : caching_sha2_token(caching_sha2_stage1(password), challenge);
  }

  HandshakeResponse response(const Greeting& greeting) {
    nonce = first_nonce = greeting.nonce;
    plugin = named_plugin();
    HandshakeResponse out;
    out.capabilities = greeting.capabilities & ~capability::kSsl;
    if (kind == ClientKind::no_plugins) {
      out.capabilities &= ~(capability::kPluginAuth | capability::kPluginAuthLenenc);
    }
    out.collation = 45;
    out.user = user;
    out.database = database;
    out.plugin = plugin;
    out.attributes = {{"program_name", "test"}};
    const bool silent = kind == ClientKind::silent_native || kind == ClientKind::silent_clear ||
                        kind == ClientKind::unknown;
    out.auth = silent ? Buffer{} : token();
    return out;
  }

  // The answer to a packet of the server; null when it needs none or the dialogue is over.
  std::optional<Buffer> answer(const Buffer& payload) {
    if (payload[0] == lead::kAuthSwitch) {
      const AuthSwitch request = decode_auth_switch(payload).value();
      ++switches;
      EXPECT_EQ(request.data.size(), kNonceSize + 1);
      EXPECT_NE(as_text(request.data.first(kNonceSize)), nonce) << "a nonce was used twice";
      nonce = as_text(request.data.first(kNonceSize));
      plugin = request.plugin;
      return token();
    }
    if (payload[0] != lead::kAuthMoreData) {
      return std::nullopt;
    }
    Buffer clear(password.begin(), password.end());
    clear.push_back(0);
    if (payload.size() == 2) {
      saw_fast |= payload[1] == kFastOk;
      saw_full |= payload[1] == kFullAuthentication;
      if (payload[1] == kFastOk) {
        return std::nullopt;
      }
      if (secure) {
        return clear;
      }
      if (!knows_key) {
        return Buffer{kRequestPublicKey};
      }
    }
    const std::string pem =
        knows_key ? test_rsa_key()->public_pem() : std::string(as_text(Bytes(payload).subspan(1)));
    return rsa_encrypt(pem, mask_with_nonce(clear, as_bytes(nonce)));
  }

  // Talks until the machine ends; gives back the ERR payload when there was one.
  Buffer talk(Driven<ClientLogin>& server) {
    while (true) {
      Buffer payload = server.take_packet();
      if (payload.empty() || payload[0] == lead::kErr) {
        return payload;
      }
      if (std::optional<Buffer> reply = answer(payload)) {
        server.give_packet(*reply);
      }
    }
  }

  Buffer log_in(Driven<ClientLogin>& server) {
    const Greeting greeting = decode_greeting(server.take_packet()).value();
    server.give_packet(encode_handshake_response(response(greeting)));
    return talk(server);
  }
};

}  // namespace sluice::protocol::mysql
