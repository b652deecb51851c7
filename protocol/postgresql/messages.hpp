#pragma once

// Messages of the PostgreSQL protocol that sluice itself writes or must understand (documentation:
// "Message Formats"). The put_ functions append one whole message, header included; the parse_
// functions take the body without the header, and what they return borrows from it.
//
//   ErrorResponse        'E'  len  { field type, text, 0 }...  0
//   Authentication...    'R'  len  Int32 kind  data of the kind
//   ParameterStatus      'S'  len  name, 0  value, 0
//   BackendKeyData       'K'  len  Int32 process id  key (4 bytes; in protocol 3.2 4..256)
//   ReadyForQuery        'Z'  len  'I' | 'T' | 'E'
//   NegotiateProtocol... 'v'  len  Int32 version  Int32 count  { name, 0 }...
//   PasswordMessage      'p'  len  password, 0
//   SASLInitialResponse  'p'  len  mechanism, 0  Int32 length or -1  data
//   SASLResponse         'p'  len  data

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/failure.hpp"

namespace sluice::protocol::postgresql {

constexpr std::size_t kMinCancelKey = 4;
constexpr std::size_t kMaxCancelKey = 256;
constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";

enum class ErrorLevel : std::uint8_t { error, fatal };

// ---- what a server sends

// S, V, C, M and, where there is one, H (hint). NUL bytes in the texts are replaced.
void put_error_response(Buffer& out, const Failure& failure, ErrorLevel level,
                        std::string_view hint = {});
void put_authentication(Buffer& out, std::uint32_t kind, Bytes data = {});
void put_authentication_sasl(Buffer& out, const std::vector<std::string_view>& mechanisms);
void put_parameter_status(Buffer& out, std::string_view name, std::string_view value);
void put_backend_key_data(Buffer& out, std::uint32_t process_id, Bytes key);
void put_ready_for_query(Buffer& out, char transaction_status);
void put_negotiate_protocol_version(Buffer& out, std::uint32_t version,
                                    const std::vector<std::string>& unrecognised);
// One message of a type that has no function of its own.
void put_message(Buffer& out, char type, Bytes body = {});

// Every field may be missing: then it is empty.
struct ErrorFields {
  std::string_view severity;  // not translated ('V') where there is one, else 'S'
  std::string_view sqlstate;
  std::string_view message;
  std::string_view detail;
  std::string_view hint;
};
// 57P01, 57P02, 57P03: the server ends the connection that hears this, be it an error or (a crash,
// an immediate shutdown) a notice.
bool tells_shutdown(std::string_view sqlstate);
// ErrorResponse and NoticeResponse. nullopt: a text or the list has no terminator.
std::optional<ErrorFields> parse_error_fields(Bytes body);

struct AuthenticationRequest {
  std::uint32_t kind = 0;  // authentication:: in frame.hpp
  Bytes data;
};
std::optional<AuthenticationRequest> parse_authentication(Bytes body);
// The data of kSasl: the names of the mechanisms, at least one.
std::optional<std::vector<std::string_view>> parse_sasl_mechanisms(Bytes data);

struct ParameterStatus {
  std::string_view name;
  std::string_view value;
};
std::optional<ParameterStatus> parse_parameter_status(Bytes body);

struct KeyData {
  std::uint32_t process_id = 0;
  Bytes key;
};
std::optional<KeyData> parse_backend_key_data(Bytes body);

// The transaction status: 'I', 'T' or 'E'.
std::optional<char> parse_ready_for_query(Bytes body);

struct NegotiatedVersion {
  std::uint32_t version = 0;
  std::vector<std::string_view> unrecognised;
};
std::optional<NegotiatedVersion> parse_negotiate_protocol_version(Bytes body);

// ---- what a client sends while it logs in

void put_password(Buffer& out, std::string_view password);
void put_sasl_initial_response(Buffer& out, std::string_view mechanism, Bytes data);
void put_sasl_response(Buffer& out, Bytes data);

// PasswordMessage: nullopt when the NUL is missing or not the last byte.
std::optional<std::string_view> parse_password(Bytes body);

struct SaslInitialResponse {
  std::string_view mechanism;
  std::optional<Bytes> data;  // missing: the client waits for an empty challenge
};
std::optional<SaslInitialResponse> parse_sasl_initial_response(Bytes body);

// ---- texts

// A name for an error text: in double quotes, control characters replaced, cut when very long.
std::string quoted(std::string_view name);
// A peer's text on one line: control characters replaced, cut to `limit` bytes.
std::string printable(std::string_view text, std::size_t limit);

}  // namespace sluice::protocol::postgresql
