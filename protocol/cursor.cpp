#include "protocol/cursor.hpp"

#include <algorithm>

namespace sluice::protocol {

void Cursor::fail() {
  ok_ = false;
  rest_ = {};
}

Bytes Cursor::take(std::size_t count) {
  if (!ok_ || count > rest_.size()) {
    fail();
    return {};
  }
  Bytes taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

Bytes Cursor::take_rest() {
  return take(rest_.size());
}

template <typename Int>
Int Cursor::little() {
  Bytes bytes = take(sizeof(Int));
  Int value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = static_cast<Int>((value << 8U) | bytes[i]);
  }
  return value;
}

template <typename Int>
Int Cursor::big() {
  Int value = 0;
  for (std::uint8_t byte : take(sizeof(Int))) {
    value = static_cast<Int>((value << 8U) | byte);
  }
  return value;
}

std::uint8_t Cursor::u8() {
  Bytes bytes = take(1);
  return bytes.empty() ? 0 : bytes[0];
}

std::uint16_t Cursor::be16() {
  return big<std::uint16_t>();
}

std::uint32_t Cursor::be32() {
  return big<std::uint32_t>();
}

std::uint16_t Cursor::le16() {
  return little<std::uint16_t>();
}

std::uint32_t Cursor::le24() {
  Bytes bytes = take(3);
  if (bytes.empty()) {
    return 0;
  }
  return static_cast<std::uint32_t>(bytes[0]) | (static_cast<std::uint32_t>(bytes[1]) << 8U) |
         (static_cast<std::uint32_t>(bytes[2]) << 16U);
}

std::uint32_t Cursor::le32() {
  return little<std::uint32_t>();
}

std::uint64_t Cursor::le64() {
  return little<std::uint64_t>();
}

std::string_view Cursor::cstring() {
  auto end = std::find(rest_.begin(), rest_.end(), 0);
  if (!ok_ || end == rest_.end()) {
    fail();
    return {};
  }
  Bytes text = take(static_cast<std::size_t>(end - rest_.begin()));
  skip(1);
  return as_text(text);
}

std::uint64_t Cursor::lenenc() {
  std::uint8_t first = u8();
  if (first < 0xFB) {
    return first;
  }
  switch (first) {
    case 0xFC:
      return le16();
    case 0xFD:
      return le24();
    case 0xFE:
      return le64();
    default:
      fail();
      return 0;
  }
}

std::string_view Cursor::lenenc_string() {
  std::uint64_t length = lenenc();
  if (length > rest_.size()) {
    fail();
    return {};
  }
  return as_text(take(static_cast<std::size_t>(length)));
}

}  // namespace sluice::protocol
