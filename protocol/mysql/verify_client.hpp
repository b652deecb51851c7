#pragma once

// The part of a login that proves the password; accept_client and change_user share it.
//
//   client names            stored             dialogue
//   caching_sha2_password   password, digest   token right: 01 03; else as below
//                           any other form     01 04, the password over TLS or under RSA
//   mysql_native_password   password, native   its token (asked for by a switch where it is
//   missing) mysql_clear_password    any, over TLS      the password in clear anything else
//   AuthSwitchRequest to caching_sha2_password
//
// An unknown user goes through the same dialogue with the same work and is refused at its end.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/bytes.hpp"
#include "protocol/login.hpp"
#include "protocol/machine.hpp"
#include "protocol/secret.hpp"

namespace sluice::protocol::mysql {

// The state of the dialogue; the caller owns it and learns from it where the sequence stands, also
// after a failure.
struct Challenge {
  std::string user;
  std::shared_ptr<const Secret> secret;
  std::shared_ptr<const RsaKey> rsa_key;  // may be null: then no full authentication without TLS
  std::string mock_salt_key;
  bool secure = false;             // TLS or a unix socket: passwords may come in clear
  bool can_switch = true;          // the client has CLIENT_PLUGIN_AUTH
  std::string plugin;              // that the client named
  std::string nonce;               // that `response` answers
  std::optional<Buffer> response;  // null: nothing that may count, so a switch comes first
  std::uint8_t sequence = 0;       // of the next packet, whoever sends it
};

struct Proof {
  std::string method;
  Learned learned;
};

// Ends before the final OK. Writes no ERR: that is the caller's, with the failure that comes back.
Machine<Proof> verify_client(Challenge& challenge);

// The payload of a frame with the sequence that is due; null when it has another. Counts on.
std::optional<Bytes> open_packet(Bytes frame, std::uint8_t& sequence);

// "packets out of order", as a client is told.
Failure out_of_order();

}  // namespace sluice::protocol::mysql
