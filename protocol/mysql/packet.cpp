#include "protocol/mysql/packet.hpp"

#include <limits>

namespace sluice::protocol::mysql {

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
