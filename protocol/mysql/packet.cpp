#include "protocol/mysql/packet.hpp"

#include <limits>

#include "protocol/cursor.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

std::optional<PacketHeader> read_header(Bytes have) {
  Cursor cursor(have);
  PacketHeader header;
  header.length = cursor.le24();
  header.sequence = cursor.u8();
  if (!cursor.ok()) {
    return std::nullopt;
  }
  return header;
}

void append_header(Buffer& out, PacketHeader header) {
  Writer(out).le24(header.length).u8(header.sequence);
}

void append_packet(Buffer& out, std::uint8_t& sequence, Bytes payload) {
  bool full = true;
  while (full) {
    full = payload.size() >= kMaxPayload;
    Bytes part = full ? payload.first(kMaxPayload) : payload;
    append_header(out, {static_cast<std::uint32_t>(part.size()), sequence++});
    Writer(out).bytes(part);
    payload = payload.subspan(part.size());
  }
}

Buffer packet(std::uint8_t sequence, Bytes payload) {
  Buffer out;
  out.reserve(kHeaderSize + payload.size());
  append_packet(out, sequence, payload);
  return out;
}

std::optional<std::size_t> packet_frame(Bytes have) {
  std::optional<PacketHeader> header = read_header(have);
  if (!header) {
    return std::nullopt;
  }
  if (header->length == kMaxPayload) {
    return std::numeric_limits<std::size_t>::max();
  }
  return kHeaderSize + header->length;
}

}  // namespace sluice::protocol::mysql
