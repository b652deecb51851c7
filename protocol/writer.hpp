#pragma once

// Appends wire values to a buffer that the caller owns.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol {

class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  Writer& u8(std::uint8_t value);
  Writer& be16(std::uint16_t value);
  Writer& be32(std::uint32_t value);
  Writer& le16(std::uint16_t value);
  Writer& le24(std::uint32_t value);
  Writer& le32(std::uint32_t value);
  Writer& le64(std::uint64_t value);
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
  Buffer& out_;
};

}  // namespace sluice::protocol
