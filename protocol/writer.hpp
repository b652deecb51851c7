#pragma once

// Appends wire values to a buffer that the caller owns.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol {

class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  Writer& u8(std::uint8_t value) {
    room(1);
    out_.push_back(value);
    return *this;
  }
  Writer& be16(std::uint16_t value) { return big<2>(value); }
  Writer& be32(std::uint32_t value) { return big<4>(value); }
  Writer& le16(std::uint16_t value) { return little<2>(value); }
  Writer& le24(std::uint32_t value) { return little<3>(value); }
  Writer& le32(std::uint32_t value) { return little<4>(value); }
  Writer& le64(std::uint64_t value) { return little<8>(value); }
  Writer& bytes(Bytes value);
  Writer& text(std::string_view value);     // no terminator
  Writer& cstring(std::string_view value);  // and a NUL
  Writer& zeros(std::size_t count);
  Writer& lenenc(std::uint64_t value);
  Writer& lenenc_string(std::string_view value);

  // A length that is known only afterwards: remember the place, write zeros, patch it later.
  std::size_t reserve(std::size_t width);
  void patch_be32(std::size_t place, std::uint32_t value);
  void patch_le24(std::size_t place, std::uint32_t value);
  std::size_t size() const { return out_.size(); }

 private:
  static constexpr std::size_t kFirst = 64;  // bytes that a message has room for at first

  void room(std::size_t width) {
    if (out_.capacity() - out_.size() < width) {
      grow(width);
    }
  }
  void grow(std::size_t width);
  template <std::size_t kWidth>
  Writer& little(std::uint64_t value) {
    std::array<std::uint8_t, kWidth> bytes;
    for (std::size_t i = 0; i < kWidth; ++i) {
      bytes[i] = static_cast<std::uint8_t>(value >> (8U * i));
    }
    return put(bytes);
  }
  template <std::size_t kWidth>
  Writer& big(std::uint64_t value) {
    std::array<std::uint8_t, kWidth> bytes;
    for (std::size_t i = 0; i < kWidth; ++i) {
      bytes[i] = static_cast<std::uint8_t>(value >> (8U * (kWidth - 1 - i)));
    }
    return put(bytes);
  }
  template <std::size_t kWidth>
  Writer& put(const std::array<std::uint8_t, kWidth>& bytes) {
    room(kWidth);
    for (std::uint8_t byte : bytes) {
      out_.push_back(byte);
    }
    return *this;
  }

  Buffer& out_;
};

}  // namespace sluice::protocol
