#pragma once

// Frames of the PostgreSQL protocol (documentation: "Message Formats").
//
//   before the startup packet is answered         afterwards
//   +-----------+-----------+---------~           +------+-----------+---------~
//   | Int32 len | Int32 code| body                | type | Int32 len | body
//   +-----------+-----------+---------~           +------+-----------+---------~
//   len counts itself, the code and the body      len counts itself and the body, not the type

#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocol/bytes.hpp"
#include "protocol/cursor.hpp"

namespace sluice::protocol::postgresql {

constexpr std::size_t kHeaderSize = 5;          // type and length
constexpr std::size_t kStartupLimit = 10000;    // bytes of a startup packet, as the server has it
constexpr std::size_t kLoginLimit = 64 * 1024;  // bytes of one message during a login

// FrameSizers for ReadFrame (machine.hpp).
std::optional<std::size_t> startup_frame(Bytes have);
std::optional<std::size_t> message_frame(Bytes have);
// The one byte that answers an SSLRequest.
std::optional<std::size_t> answer_frame(Bytes have);

struct Header {
  char type = 0;
  std::size_t body = 0;  // bytes that follow the header
  std::size_t frame() const { return kHeaderSize + body; }
};

enum class HeaderState : std::uint8_t { incomplete, bad, ready };

// Reads the header that `have` starts with. bad: a length below 4.
inline HeaderState parse_header(Bytes have, Header& header) {
  Cursor cursor(have);
  header.type = static_cast<char>(cursor.u8());
  const std::size_t length = cursor.be32();
  if (!cursor.ok()) {
    return HeaderState::incomplete;
  }
  if (length < 4) {
    return HeaderState::bad;
  }
  header.body = length - 4;
  return HeaderState::ready;
}

struct Message {
  char type = 0;
  Bytes body;
};

// One whole frame taken apart; nullopt when its length is not the frame's.
std::optional<Message> open_message(Bytes frame);

// Message types, named for their sender because the two sides share letters.
namespace frontend {
constexpr char kBind = 'B';
constexpr char kClose = 'C';
constexpr char kCopyData = 'd';
constexpr char kCopyDone = 'c';
constexpr char kCopyFail = 'f';
constexpr char kDescribe = 'D';
constexpr char kExecute = 'E';
constexpr char kFlush = 'H';
constexpr char kFunctionCall = 'F';
constexpr char kParse = 'P';
constexpr char kPassword = 'p';  // and every SASL or GSS response
constexpr char kQuery = 'Q';
constexpr char kSync = 'S';
constexpr char kTerminate = 'X';
}  // namespace frontend

namespace backend {
constexpr char kAuthentication = 'R';
constexpr char kBackendKeyData = 'K';
constexpr char kBindComplete = '2';
constexpr char kCloseComplete = '3';
constexpr char kCommandComplete = 'C';
constexpr char kCopyBothResponse = 'W';
constexpr char kCopyData = 'd';
constexpr char kCopyDone = 'c';
constexpr char kCopyInResponse = 'G';
constexpr char kCopyOutResponse = 'H';
constexpr char kDataRow = 'D';
constexpr char kEmptyQueryResponse = 'I';
constexpr char kErrorResponse = 'E';
constexpr char kFunctionCallResponse = 'V';
constexpr char kNegotiateProtocolVersion = 'v';
constexpr char kNoData = 'n';
constexpr char kNoticeResponse = 'N';
constexpr char kNotificationResponse = 'A';
constexpr char kParameterDescription = 't';
constexpr char kParameterStatus = 'S';
constexpr char kParseComplete = '1';
constexpr char kPortalSuspended = 's';
constexpr char kReadyForQuery = 'Z';
constexpr char kRowDescription = 'T';
}  // namespace backend

// Authentication requests: the Int32 that an 'R' message starts with.
namespace authentication {
constexpr std::uint32_t kOk = 0;
constexpr std::uint32_t kKerberosV5 = 2;
constexpr std::uint32_t kCleartextPassword = 3;
constexpr std::uint32_t kMd5Password = 5;
constexpr std::uint32_t kScmCredential = 6;
constexpr std::uint32_t kGss = 7;
constexpr std::uint32_t kGssContinue = 8;
constexpr std::uint32_t kSspi = 9;
constexpr std::uint32_t kSasl = 10;
constexpr std::uint32_t kSaslContinue = 11;
constexpr std::uint32_t kSaslFinal = 12;
}  // namespace authentication

}  // namespace sluice::protocol::postgresql
