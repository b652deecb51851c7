#pragma once

// The packets that have no type byte (documentation: "Message Formats", "SSLRequest" ...):
//
//   SSLRequest, GSSENCRequest   len 8   code
//   CancelRequest               len     code   Int32 process id   key (4 bytes; in 3.2 4..256)
//   StartupMessage              len     Int16 major, Int16 minor  { name, 0  value, 0 }...  0

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/login.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::postgresql {

constexpr std::uint32_t kProtocol30 = 3U << 16U;
constexpr std::uint32_t kProtocol32 = kProtocol30 + 2;
constexpr std::uint32_t kCancelCode = 80877102;
constexpr std::uint32_t kSslCode = 80877103;
constexpr std::uint32_t kGssCode = 80877104;
constexpr std::size_t kMaxName = 63;  // bytes of a user's or database's name; more is cut off

// The code of a startup frame, or nullopt when its length is not the frame's.
std::optional<std::uint32_t> startup_code(Bytes frame);

std::optional<CancelRequest> parse_cancel_request(Bytes frame);

struct Startup {
  std::uint32_t version = 0;              // what we speak with this client: 3.0 or 3.2
  bool negotiate = false;                 // it must be told so by NegotiateProtocolVersion
  std::vector<std::string> unrecognised;  // every _pq_. option, as the client wrote it
  std::string user;
  std::string database;
  bool replication = false;
  // Names in lower case, each once; what `options` sets first, as in the server.
  Parameters parameters;
};

// A StartupMessage, checked as the server checks it. The failure's text is for the client.
Result<Startup> parse_startup(Bytes frame);

// Splits `options` into settings: "-c name=value", "-cname=value", "--name=value"; words end at
// white space, a backslash takes the next character as it is.
Result<Parameters> split_options(std::string_view options);

void put_ssl_request(Buffer& out);
void put_cancel_request(Buffer& out, const CancelRequest& request);
// None of the texts may hold a NUL; an empty database is left out.
void put_startup_message(Buffer& out, std::string_view user, std::string_view database,
                         const Parameters& parameters);

}  // namespace sluice::protocol::postgresql
