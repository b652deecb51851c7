#include "protocol/writer.hpp"

#include <algorithm>

namespace sluice::protocol {

void Writer::grow(std::size_t width) {
  out_.reserve(std::max({kFirst, out_.size() + width, out_.capacity() * 2}));
}

Writer& Writer::bytes(Bytes value) {
  room(value.size());
  out_.insert(out_.end(), value.begin(), value.end());
  return *this;
}

Writer& Writer::text(std::string_view value) {
  return bytes(as_bytes(value));
}

Writer& Writer::cstring(std::string_view value) {
  return text(value).u8(0);
}

Writer& Writer::zeros(std::size_t count) {
  out_.resize(out_.size() + count);
  return *this;
}

Writer& Writer::lenenc(std::uint64_t value) {
  if (value < 0xFB) {
    return u8(static_cast<std::uint8_t>(value));
  }
  if (value <= 0xFFFF) {
    return u8(0xFC).le16(static_cast<std::uint16_t>(value));
  }
  if (value <= 0xFFFFFF) {
    return u8(0xFD).le24(static_cast<std::uint32_t>(value));
  }
  return u8(0xFE).le64(value);
}

Writer& Writer::lenenc_string(std::string_view value) {
  return lenenc(value.size()).text(value);
}

std::size_t Writer::reserve(std::size_t width) {
  std::size_t place = out_.size();
  zeros(width);
  return place;
}

void Writer::patch_be32(std::size_t place, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    out_[place + i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
  }
}

void Writer::patch_le24(std::size_t place, std::uint32_t value) {
  for (std::size_t i = 0; i < 3; ++i) {
    out_[place + i] = static_cast<std::uint8_t>(value >> (8U * i));
  }
}

}  // namespace sluice::protocol
