#include "protocol/mysql/handshake.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::uint8_t kProtocolVersion = 10;
constexpr std::size_t kFirstNonce = 8;
constexpr std::size_t kGreetingReserved = 10;
constexpr std::size_t kSslRequestSize = 32;
constexpr std::size_t kResponseReserved = 23;

Failure malformed(FailureKind kind, std::string_view what) {
  Failure failure = fail(kind, "malformed login packet", "malformed " + std::string(what));
  if (kind == FailureKind::protocol_violation) {
    failure.mysql_errno_override = 1043;
    failure.sqlstate_override = "08S01";
  }
  return failure;
}

std::string bounded(Cursor& cursor, std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    cursor.fail();
    return {};
  }
  return std::string(text);
}

Buffer bounded_bytes(Cursor& cursor, Bytes bytes) {
  if (bytes.size() > kMaxAuth) {
    cursor.fail();
    return {};
  }
  return {bytes.begin(), bytes.end()};
}

// Some peers leave out the NUL of a plugin name that ends the packet.
std::string read_plugin(Cursor& cursor) {
  const Bytes rest = cursor.rest();
  const bool terminated = std::find(rest.begin(), rest.end(), 0) != rest.end();
  return bounded(cursor, terminated ? cursor.cstring() : as_text(cursor.take_rest()), kMaxPlugin);
}

Parameters read_attributes(Cursor& cursor) {
  Parameters attributes;
  const std::string_view block = cursor.lenenc_string();
  Cursor inner(as_bytes(block));
  if (block.size() > kMaxAttributes) {
    inner.fail();
  }
  while (inner.ok() && !inner.at_end()) {
    const std::string_view key = inner.lenenc_string();
    const std::string_view value = inner.lenenc_string();
    attributes.emplace_back(key, value);
  }
  if (!inner.ok()) {
    cursor.fail();
  }
  return attributes;
}

void write_attributes(Writer& writer, const Parameters& attributes) {
  Buffer block;
  for (const auto& [key, value] : attributes) {
    Buffer pair;
    Writer(pair).lenenc_string(key).lenenc_string(value);
    if (pair.size() <= kMaxAttributes - block.size()) {
      Writer(block).bytes(pair);
    }
  }
  writer.lenenc_string(as_text(block));
}

Buffer read_auth(Cursor& cursor, std::uint32_t capabilities) {
  if ((capabilities & capability::kPluginAuthLenenc) != 0) {
    return bounded_bytes(cursor, as_bytes(cursor.lenenc_string()));
  }
  if ((capabilities & capability::kSecureConnection) != 0) {
    return bounded_bytes(cursor, cursor.take(cursor.u8()));
  }
  return bounded_bytes(cursor, as_bytes(cursor.cstring()));
}

void write_auth(Writer& writer, Bytes auth, std::uint32_t capabilities) {
  if ((capabilities & capability::kPluginAuthLenenc) != 0) {
    writer.lenenc_string(as_text(auth));
  } else {
    auth = auth.first(std::min<std::size_t>(auth.size(), 255));
    writer.u8(static_cast<std::uint8_t>(auth.size())).bytes(auth);
  }
}

void write_head(Writer& writer, const HandshakeResponse& response) {
  writer.le32(response.capabilities).le32(response.max_packet).u8(response.collation);
  writer.zeros(kResponseReserved);
}

// `also` are capabilities whose fields are there although the packet does not announce them.
std::optional<HandshakeResponse> read_response(Bytes payload, std::uint32_t also) {
  Cursor cursor(payload);
  HandshakeResponse response;
  response.capabilities = cursor.le32();
  response.max_packet = cursor.le32();
  response.collation = cursor.u8();
  cursor.skip(kResponseReserved);
  response.user = bounded(cursor, cursor.cstring(), kMaxUser);
  const std::uint32_t fields = response.capabilities | also;
  response.auth = read_auth(cursor, fields);
  if ((fields & capability::kConnectWithDb) != 0) {
    response.database = bounded(cursor, cursor.cstring(), kMaxDatabase);
  }
  if ((fields & capability::kPluginAuth) != 0) {
    response.plugin = read_plugin(cursor);
  }
  if ((fields & capability::kConnectAttributes) != 0) {
    response.attributes = read_attributes(cursor);
  }
  // The level of zstd, where a client names it although nobody offered it.
  if ((fields & capability::kZstd) != 0 && !cursor.at_end()) {
    cursor.skip(1);
  }
  if (!cursor.finished()) {
    return std::nullopt;
  }
  return response;
}

}  // namespace

Buffer encode_greeting(const Greeting& greeting) {
  const std::string_view nonce = greeting.nonce;
  Buffer out;
  Writer writer(out);
  writer.u8(kProtocolVersion).cstring(greeting.server_version).le32(greeting.connection_id);
  writer.text(nonce.substr(0, kFirstNonce)).u8(0);
  writer.le16(static_cast<std::uint16_t>(greeting.capabilities)).u8(greeting.collation);
  writer.le16(greeting.status).le16(static_cast<std::uint16_t>(greeting.capabilities >> 16U));
  writer.u8(kNonceSize + 1).zeros(kGreetingReserved);
  writer.cstring(nonce.substr(kFirstNonce)).cstring(greeting.plugin);
  return out;
}

Result<Greeting> decode_greeting(Bytes payload) {
  Cursor cursor(payload);
  Greeting greeting;
  if (cursor.u8() != kProtocolVersion) {
    cursor.fail();
  }
  greeting.server_version = bounded(cursor, cursor.cstring(), kMaxVersion);
  greeting.connection_id = cursor.le32();
  greeting.nonce = as_text(cursor.take(kFirstNonce));
  cursor.skip(1);
  greeting.capabilities = cursor.le16();
  greeting.collation = cursor.u8();
  greeting.status = cursor.le16();
  greeting.capabilities |= std::uint32_t{cursor.le16()} << 16U;
  const std::size_t auth_size = cursor.u8();
  cursor.skip(kGreetingReserved);
  // The second part is at least 12 bytes and a NUL, whatever the length says.
  const std::size_t second =
      std::max<std::size_t>(13, auth_size - std::min(auth_size, kFirstNonce));
  greeting.nonce += as_text(cursor.take(second)).substr(0, kNonceSize - kFirstNonce);
  if ((greeting.capabilities & capability::kPluginAuth) != 0) {
    greeting.plugin = read_plugin(cursor);
  }
  if (!cursor.ok()) {
    return malformed(FailureKind::backend_protocol, "greeting");
  }
  return greeting;
}

Buffer encode_handshake_response(const HandshakeResponse& response) {
  Buffer out;
  Writer writer(out);
  write_head(writer, response);
  writer.cstring(response.user);
  write_auth(writer, response.auth, response.capabilities);
  if ((response.capabilities & capability::kConnectWithDb) != 0) {
    writer.cstring(response.database);
  }
  if ((response.capabilities & capability::kPluginAuth) != 0) {
    writer.cstring(response.plugin);
  }
  if ((response.capabilities & capability::kConnectAttributes) != 0) {
    write_attributes(writer, response.attributes);
  }
  return out;
}

Result<HandshakeResponse> decode_handshake_response(Bytes payload) {
  std::optional<HandshakeResponse> response = read_response(payload, 0);
  if (!response) {
    // Connector/J 5.1 writes an empty database without announcing it.
    response = read_response(payload, capability::kConnectWithDb);
  }
  if (!response) {
    return malformed(FailureKind::protocol_violation, "HandshakeResponse");
  }
  return std::move(*response);
}

Buffer encode_ssl_request(const HandshakeResponse& response) {
  Buffer out;
  Writer writer(out);
  write_head(writer, response);
  return out;
}

bool is_ssl_request(Bytes payload) {
  Cursor cursor(payload);
  return payload.size() == kSslRequestSize && (cursor.le32() & capability::kSsl) != 0;
}

Result<ChangeUser> decode_change_user(Bytes payload, std::uint32_t capabilities) {
  Cursor cursor(payload);
  ChangeUser change;
  if (cursor.u8() != static_cast<std::uint8_t>(Command::change_user)) {
    cursor.fail();
  }
  change.user = bounded(cursor, cursor.cstring(), kMaxUser);
  // One byte of length, even under CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA.
  change.auth = read_auth(cursor, capabilities & capability::kSecureConnection);
  change.database = bounded(cursor, cursor.cstring(), kMaxDatabase);
  if (!cursor.at_end()) {
    change.collation = cursor.le16();
  }
  if ((capabilities & capability::kPluginAuth) != 0 && !cursor.at_end()) {
    change.plugin = read_plugin(cursor);
  }
  if ((capabilities & capability::kConnectAttributes) != 0 && !cursor.at_end()) {
    change.attributes = read_attributes(cursor);
  }
  if (!cursor.finished()) {
    return malformed(FailureKind::protocol_violation, "COM_CHANGE_USER");
  }
  return change;
}

}  // namespace sluice::protocol::mysql
