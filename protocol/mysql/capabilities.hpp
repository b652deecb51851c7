#pragma once

// The numbers of the MySQL client/server protocol that more than one file needs: capability flags,
// status flags, command codes, first bytes of packets.
// https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html

#include <cstddef>
#include <cstdint>

namespace sluice::protocol::mysql {

// Capability flags of the handshake; the low and the high 16 bits travel apart in the greeting.
namespace capability {
inline constexpr std::uint32_t kLongPassword = 1U << 0U;  // clear: MariaDB's extended capabilities
inline constexpr std::uint32_t kFoundRows = 1U << 1U;
inline constexpr std::uint32_t kLongFlag = 1U << 2U;
inline constexpr std::uint32_t kConnectWithDb = 1U << 3U;
inline constexpr std::uint32_t kNoSchema = 1U << 4U;
inline constexpr std::uint32_t kCompress = 1U << 5U;
inline constexpr std::uint32_t kOdbc = 1U << 6U;
inline constexpr std::uint32_t kLocalFiles = 1U << 7U;
inline constexpr std::uint32_t kIgnoreSpace = 1U << 8U;
inline constexpr std::uint32_t kProtocol41 = 1U << 9U;
inline constexpr std::uint32_t kInteractive = 1U << 10U;
inline constexpr std::uint32_t kSsl = 1U << 11U;
inline constexpr std::uint32_t kTransactions = 1U << 13U;
inline constexpr std::uint32_t kSecureConnection = 1U << 15U;
inline constexpr std::uint32_t kMultiStatements = 1U << 16U;
inline constexpr std::uint32_t kMultiResults = 1U << 17U;
inline constexpr std::uint32_t kPsMultiResults = 1U << 18U;
inline constexpr std::uint32_t kPluginAuth = 1U << 19U;
inline constexpr std::uint32_t kConnectAttributes = 1U << 20U;
inline constexpr std::uint32_t kPluginAuthLenenc = 1U << 21U;
inline constexpr std::uint32_t kExpiredPasswords = 1U << 22U;
inline constexpr std::uint32_t kSessionTrack = 1U << 23U;
inline constexpr std::uint32_t kDeprecateEof = 1U << 24U;
inline constexpr std::uint32_t kOptionalMetadata = 1U << 25U;
inline constexpr std::uint32_t kZstd = 1U << 26U;
inline constexpr std::uint32_t kQueryAttributes = 1U << 27U;
inline constexpr std::uint32_t kMultiFactor = 1U << 28U;

// Fixed at login and changing what statements mean: a backend with another choice cannot serve.
inline constexpr std::uint32_t kMirrored = kFoundRows | kIgnoreSpace | kLocalFiles;

// All that sluice can offer to a client; kSsl is added where the listener has TLS.
inline constexpr std::uint32_t kOffered =
    kLongPassword | kFoundRows | kLongFlag | kConnectWithDb | kLocalFiles | kIgnoreSpace |
    kProtocol41 | kInteractive | kTransactions | kSecureConnection | kMultiStatements |
    kMultiResults | kPsMultiResults | kPluginAuth | kConnectAttributes | kPluginAuthLenenc |
    kSessionTrack | kDeprecateEof;

// Always on towards a backend that has them; what a client lacks is translated for it.
inline constexpr std::uint32_t kBackendAlways =
    kLongPassword | kLongFlag | kProtocol41 | kTransactions | kSecureConnection | kMultiStatements |
    kMultiResults | kPsMultiResults | kPluginAuth | kConnectAttributes | kPluginAuthLenenc |
    kSessionTrack | kDeprecateEof;
}  // namespace capability

// Status flags of OK and EOF packets.
namespace status_flag {
inline constexpr std::uint16_t kInTransaction = 0x0001;
inline constexpr std::uint16_t kAutocommit = 0x0002;
inline constexpr std::uint16_t kMoreResults = 0x0008;
inline constexpr std::uint16_t kNoGoodIndex = 0x0010;
inline constexpr std::uint16_t kNoIndex = 0x0020;
inline constexpr std::uint16_t kCursorExists = 0x0040;
inline constexpr std::uint16_t kLastRowSent = 0x0080;
inline constexpr std::uint16_t kDatabaseDropped = 0x0100;
inline constexpr std::uint16_t kNoBackslashEscapes = 0x0200;
inline constexpr std::uint16_t kMetadataChanged = 0x0400;
inline constexpr std::uint16_t kSlowQuery = 0x0800;
inline constexpr std::uint16_t kOutParameters = 0x1000;
inline constexpr std::uint16_t kInReadOnlyTransaction = 0x2000;
inline constexpr std::uint16_t kSessionStateChanged = 0x4000;
constexpr bool in_transaction(std::uint16_t status) {
  return (status & (kInTransaction | kInReadOnlyTransaction)) != 0;
}
}  // namespace status_flag

// The first byte of a request.
enum class Command : std::uint8_t {
  sleep = 0x00,
  quit = 0x01,
  init_db = 0x02,
  query = 0x03,
  field_list = 0x04,
  create_db = 0x05,
  drop_db = 0x06,
  refresh = 0x07,
  shutdown = 0x08,
  statistics = 0x09,
  process_info = 0x0A,
  connect = 0x0B,
  process_kill = 0x0C,
  debug = 0x0D,
  ping = 0x0E,
  change_user = 0x11,
  binlog_dump = 0x12,
  table_dump = 0x13,
  register_slave = 0x15,
  stmt_prepare = 0x16,
  stmt_execute = 0x17,
  stmt_send_long_data = 0x18,
  stmt_close = 0x19,
  stmt_reset = 0x1A,
  set_option = 0x1B,
  stmt_fetch = 0x1C,
  binlog_dump_gtid = 0x1E,
  reset_connection = 0x1F,
  clone = 0x20,
};

// The first byte of an answer.
namespace lead {
inline constexpr std::uint8_t kOk = 0x00;
inline constexpr std::uint8_t kAuthMoreData = 0x01;
inline constexpr std::uint8_t kLocalInfile = 0xFB;
inline constexpr std::uint8_t kEof = 0xFE;         // also the OK that ends a result (DEPRECATE_EOF)
inline constexpr std::uint8_t kAuthSwitch = 0xFE;  // during a login
inline constexpr std::uint8_t kErr = 0xFF;
}  // namespace lead

// Collations by id; ids above 255 do not fit into the handshake.
inline constexpr std::uint16_t kUtf8mb4GeneralCi = 45;
inline constexpr std::uint16_t kUtf8mb40900AiCi = 255;  // MySQL 8 and later only

inline constexpr std::size_t kNonceSize = 20;

inline constexpr char kNativePassword[] = "mysql_native_password";
inline constexpr char kCachingSha2[] = "caching_sha2_password";
inline constexpr char kClearPassword[] = "mysql_clear_password";

}  // namespace sluice::protocol::mysql
