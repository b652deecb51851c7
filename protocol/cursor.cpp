#include "protocol/cursor.hpp"

#include <cstring>

namespace sluice::protocol {

std::string_view Cursor::cstring() {
  const void* end = rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
  if (end == nullptr) {
    fail();
    return {};
  }
  Bytes text = take(static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - rest_.data()));
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
