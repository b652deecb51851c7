#include "protocol/writer.hpp"

namespace sluice::protocol {

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

Writer& Writer::be16(std::uint16_t value) {
  return u8(static_cast<std::uint8_t>(value >> 8U)).u8(static_cast<std::uint8_t>(value));
}

Writer& Writer::be32(std::uint32_t value) {
  return be16(static_cast<std::uint16_t>(value >> 16U)).be16(static_cast<std::uint16_t>(value));
}

Writer& Writer::le16(std::uint16_t value) {
  return u8(static_cast<std::uint8_t>(value)).u8(static_cast<std::uint8_t>(value >> 8U));
}

Writer& Writer::le24(std::uint32_t value) {
  return le16(static_cast<std::uint16_t>(value)).u8(static_cast<std::uint8_t>(value >> 16U));
}

Writer& Writer::le32(std::uint32_t value) {
  return le16(static_cast<std::uint16_t>(value)).le16(static_cast<std::uint16_t>(value >> 16U));
}

Writer& Writer::le64(std::uint64_t value) {
  return le32(static_cast<std::uint32_t>(value)).le32(static_cast<std::uint32_t>(value >> 32U));
}

Writer& Writer::bytes(Bytes value) {
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
