#pragma once

// The frame of every MySQL message.
//
//   +------------------+------------+----------------------+
//   | length, 3 bytes  | sequence 1 | payload, length bytes|   little-endian
//   +------------------+------------+----------------------+
//
// A payload of 0xFFFFFF bytes or more continues in the next packet; one whose size is a multiple of
// 0xFFFFFF ends with an empty packet. The sequence counts physical packets and wraps at 255.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html

#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocol/bytes.hpp"
#include "protocol/cursor.hpp"
#include "protocol/outbox.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

inline constexpr std::size_t kHeaderSize = 4;
inline constexpr std::uint32_t kMaxPayload = 0xFFFFFF;  // of one physical packet

struct PacketHeader {
  std::uint32_t length = 0;
  std::uint8_t sequence = 0;
};

// Null until the four bytes are there.
inline std::optional<PacketHeader> read_header(Bytes have) {
  Cursor cursor(have);
  PacketHeader header;
  header.length = cursor.le24();
  header.sequence = cursor.u8();
  return cursor.ok() ? std::optional<PacketHeader>(header) : std::nullopt;
}
inline void append_header(Buffer& out, PacketHeader header) {
  Writer(out).le24(header.length).u8(header.sequence);
}

// Appends the payload, cut into physical packets where it must be; `sequence` runs on.
void append_packet(Buffer& out, std::uint8_t& sequence, Bytes payload);
// One packet of its own.
Buffer packet(std::uint8_t sequence, Bytes payload);

// A packet whose payload is what `fill` appends; shorter than kMaxPayload.
template <typename Fill>
void put_packet(Outbox& out, std::uint8_t sequence, Fill fill) {
  out.compose([&](Buffer& buffer) {
    const std::size_t begin = buffer.size();
    append_header(buffer, {0, sequence});
    fill(buffer);
    const std::size_t length = buffer.size() - begin - kHeaderSize;
    Writer(buffer).patch_le24(begin, static_cast<std::uint32_t>(length));
  });
}

// FrameSizer of the logins: one physical packet. A packet of 0xFFFFFF bytes would continue, which
// no login packet does.
std::optional<std::size_t> packet_frame(Bytes have);

}  // namespace sluice::protocol::mysql
