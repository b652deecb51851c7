#pragma once

// The answers that logins and conversations share. Encoders give payloads without the header; see
// packet.hpp. Decoders borrow from the payload.
//
//   OK   00|FE  affected lenenc  insert_id lenenc  status 2  warnings 2  info  [state lenenc]
//   ERR  FF     errno 2  '#' sqlstate 5  text to the end
//   EOF  FE     warnings 2  status 2                       (only below 9 bytes)
//   AuthSwitchRequest  FE  plugin NUL  data  00
//   AuthMoreData       01  data
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::mysql {

struct Ok {
  std::uint64_t affected_rows = 0;
  std::uint64_t last_insert_id = 0;
  std::uint16_t status = 0;
  std::uint16_t warnings = 0;
  std::string_view info;
  Bytes session_state;  // the entries of session_track.hpp; empty without status 0x4000
};

// The first byte: an answer of its own, or the end of a result under CLIENT_DEPRECATE_EOF.
enum class OkLead : std::uint8_t { ok = 0x00, end_of_result = 0xFE };

// Written for a peer with these capabilities: without CLIENT_SESSION_TRACK the state is left out
// and its status bit cleared.
Buffer encode_ok(const Ok& ok, std::uint32_t capabilities, OkLead lead = OkLead::ok);
void append_ok(Buffer& out, const Ok& ok, std::uint32_t capabilities, OkLead lead);
Result<Ok> decode_ok(Bytes payload, std::uint32_t capabilities);

struct Err {
  std::uint16_t number = 0;
  std::string_view sqlstate;  // empty where the server sent none (before the greeting)
  std::string_view text;
};

// The server ends the connection that gets this error: it shuts down or goes offline (1053, 3032),
// it has waited too long (4031), the connection was killed (3169, MariaDB 1927).
bool ends_connection(std::uint16_t number);
// Why, from the error.
Failure goodbye_failure(const Err& error);

// A peer that has not said CLIENT_PROTOCOL_41 yet gets no SQLSTATE.
Buffer encode_err(const Err& err, bool with_sqlstate = true);
Buffer encode_err(const Failure& failure, bool with_sqlstate = true);
Result<Err> decode_err(Bytes payload);
// The SQLSTATE that MySQL pairs with the failure's errno; the shared table speaks PostgreSQL's
// dialect where the two differ.
std::string_view sqlstate_of(const Failure& failure);

struct Eof {
  std::uint16_t warnings = 0;
  std::uint16_t status = 0;
};
Buffer encode_eof(Eof eof);
void append_eof(Buffer& out, Eof eof);
Result<Eof> decode_eof(Bytes payload);

struct AuthSwitch {
  std::string_view plugin;
  Bytes data;  // with the NUL that ends a nonce, as it came
};
Buffer encode_auth_switch(std::string_view plugin, std::string_view nonce);
// A bare FE, the switch to the passwords of MySQL 4.0, is a failure.
Result<AuthSwitch> decode_auth_switch(Bytes payload);

Buffer encode_auth_more_data(Bytes data);

// Text for an error message from bytes of a peer: control characters become '?', and what is
// longer than `limit` is cut.
std::string printable(std::string_view text, std::size_t limit);

}  // namespace sluice::protocol::mysql
