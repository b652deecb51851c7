// Version 2 of the PROXY header: binary.

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/proxy_header_versions.hpp"

namespace sluice::protocol {
namespace {

constexpr std::uint8_t kVersion = 2;
enum Command : std::uint8_t { kLocal = 0, kProxy = 1 };
// Family and transport, as the byte has them together.
enum Kind : std::uint8_t { kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnix = 0x31 };
constexpr std::uint8_t kDatagram = 2;
constexpr std::uint8_t kCrc32c = 3;  // type of a TLV
constexpr std::size_t kUnixAddresses = 216;

struct Start {
  std::uint8_t command = 0;
  std::uint8_t kind = 0;
  std::size_t block = 0;  // bytes that follow
};

Start read_start(Cursor& cursor) {
  cursor.skip(kProxySignature.size());
  Start start;
  start.command = cursor.u8();
  start.kind = cursor.u8();
  start.block = cursor.be16();
  return start;
}

bool known_kind(std::uint8_t kind) {
  const auto family = static_cast<std::uint8_t>(kind & 0xF0U);
  const auto stream = static_cast<std::uint8_t>(family | 1U);
  const bool with_family = stream == kTcp4 || stream == kTcp6 || stream == kUnix;
  return kind == kUnspecified || (with_family && (kind == stream || kind == (family | kDatagram)));
}

// Castagnoli's, bit by bit: a header is short, and this is once for each connection.
std::uint32_t crc32c(std::uint32_t crc, Bytes bytes) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    }
  }
  return crc;
}

// Of the header, taken with zeros in the place of the four bytes at `at`, that hold it.
bool sum_is_right(Bytes header, std::size_t at) {
  const std::array<std::uint8_t, 4> zeros{};
  std::uint32_t crc = crc32c(~std::uint32_t{0}, header.first(at));
  crc = crc32c(crc, zeros);
  crc = crc32c(crc, header.subspan(at + zeros.size()));
  Cursor stored(header.subspan(at, zeros.size()));
  return ~crc == stored.be32();
}

// They say nothing that is needed here; but that they are whole, and a checksum right, shows that
// the address is as it was sent.
Status check_tlvs(Bytes header, Cursor& tlvs) {
  bool summed = false;
  while (tlvs.ok() && !tlvs.at_end()) {
    const std::uint8_t type = tlvs.u8();
    const std::size_t length = tlvs.be16();
    const std::size_t at = header.size() - tlvs.remaining();
    tlvs.skip(length);
    if (type == kCrc32c && tlvs.ok()) {
      if (summed || length != sizeof(std::uint32_t)) {
        return bad_proxy_header("its checksum is malformed");
      }
      if (!sum_is_right(header, at)) {
        return bad_proxy_header("its checksum is wrong");
      }
      summed = true;
    }
  }
  return tlvs.finished() ? Status(Done{}) : bad_proxy_header("a TLV is longer than the header");
}

void read_source(Cursor& cursor, std::size_t size, ProxyHeader& header) {
  const Bytes source = cursor.take(size);
  cursor.skip(size);
  header.port = cursor.be16();
  cursor.skip(sizeof(std::uint16_t));
  std::copy(source.begin(), source.end(), header.address.begin());
}

}  // namespace

Result<std::size_t> proxy_block_missing(Bytes have) {
  if (have.size() < kProxyHeaderSize) {
    return kProxyHeaderSize - have.size();
  }
  Cursor cursor(have);
  const Start start = read_start(cursor);
  const auto command = static_cast<std::uint8_t>(start.command & 0x0FU);
  if (start.command >> 4U != kVersion || command > kProxy) {
    return bad_proxy_header("its version is not 2, or its command none of LOCAL and PROXY");
  }
  if (command == kProxy && !known_kind(start.kind)) {
    return bad_proxy_header("its family and transport are none that there are");
  }
  if (start.block > kProxyBlockLimit) {
    return bad_proxy_header("it is longer than 8 KiB");
  }
  if (cursor.remaining() > start.block) {
    return bad_proxy_header("its length is wrong");
  }
  return start.block - cursor.remaining();
}

Result<ProxyHeader> parse_proxy_block(Bytes header) {
  Cursor cursor(header);
  const Start start = read_start(cursor);
  ProxyHeader out;
  if ((start.command & 0x0FU) == kLocal) {
    return out;  // whatever else it says, its family included
  }
  switch (start.kind) {
    case kTcp4:
      out.source = ProxyHeader::Source::ipv4;
      read_source(cursor, 4, out);
      break;
    case kTcp6:
      out.source = ProxyHeader::Source::ipv6;
      read_source(cursor, 16, out);
      break;
    case kUnix:
      out.source = ProxyHeader::Source::local;
      cursor.skip(kUnixAddresses);
      break;
    default:
      return out;  // of nobody that we could name: what follows is to be ignored
  }
  if (!cursor.ok()) {
    return bad_proxy_header("it is too short for its addresses");
  }
  Status tlvs = check_tlvs(header, cursor);
  return tlvs ? Result<ProxyHeader>(out) : Result<ProxyHeader>(std::move(tlvs.failure()));
}

}  // namespace sluice::protocol
