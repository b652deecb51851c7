#pragma once

// The packets of the connection phase, and COM_CHANGE_USER, whose fields are nearly the same.
//
//   Greeting           0A  version NUL  thread 4  nonce[8]  00  caps 2 low  collation 1  status 2
//                      caps 2 high  auth_len 1  zeros 10  nonce[12] 00  plugin NUL
//   SSLRequest         caps 4  max_packet 4  collation 1  zeros 23
//   HandshakeResponse  the same 32 bytes, then  user NUL  auth (lenenc | 1+n)  [database NUL]
//                      [plugin NUL]  [attributes lenenc { key lenenc  value lenenc }...]
//   COM_CHANGE_USER    11  user NUL  auth 1+n  database NUL  [collation 2  [plugin NUL
//                      [attributes]]]
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets.html

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/bytes.hpp"
#include "protocol/login.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::mysql {

inline constexpr std::size_t kMaxAttributes = 65536;  // bytes of all keys and values
inline constexpr std::size_t kMaxUser = 384;          // bytes; MariaDB: 128 characters
inline constexpr std::size_t kMaxDatabase = 256;      // bytes; 64 characters
inline constexpr std::size_t kMaxPlugin = 64;         // bytes
inline constexpr std::size_t kMaxAuth = 4096;         // bytes of an authentication response
inline constexpr std::size_t kMaxVersion = 256;

struct Greeting {
  std::string server_version;  // as on the wire, with a "5.5.5-" where the server wrote one
  std::uint32_t connection_id = 0;
  std::string nonce;  // 20 bytes, without the NUL
  std::uint32_t capabilities = 0;
  std::uint8_t collation = 0;
  std::uint16_t status = 0;
  std::string plugin;  // empty where the server has no CLIENT_PLUGIN_AUTH
};
Buffer encode_greeting(const Greeting& greeting);
Result<Greeting> decode_greeting(Bytes payload);

struct HandshakeResponse {
  std::uint32_t capabilities = 0;
  std::uint32_t max_packet = 0;
  std::uint8_t collation = 0;
  std::string user;
  Buffer auth;
  std::string database;
  std::string plugin;
  Parameters attributes;
};
// Fields that the capabilities do not announce are left out; so are attributes beyond the bound.
Buffer encode_handshake_response(const HandshakeResponse& response);
// Reads what the packet's own capabilities announce.
Result<HandshakeResponse> decode_handshake_response(Bytes payload);

// The first 32 bytes of a response: sent alone, they ask for TLS.
Buffer encode_ssl_request(const HandshakeResponse& response);
bool is_ssl_request(Bytes payload);

struct ChangeUser {
  std::string user;
  Buffer auth;
  std::string database;
  std::uint16_t collation = 0;  // 0: not given
  std::string plugin;
  Parameters attributes;
};
// The payload with its command byte, read with the capabilities that the login agreed on.
Result<ChangeUser> decode_change_user(Bytes payload, std::uint32_t capabilities);

}  // namespace sluice::protocol::mysql
