#pragma once

// What a byte can be in SQL text.

#include <array>
#include <cstdint>

namespace sluice::protocol::sql {

enum Class : std::uint8_t { kOther, kSpace, kLetter, kDigit };  // letters and up make words

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned byte : {' ', '\t', '\n', '\r', '\f', '\v'}) {
    classes[byte] = kSpace;
  }
  for (unsigned byte = 0; byte < 26; ++byte) {
    classes['a' + byte] = classes['A' + byte] = kLetter;
  }
  for (unsigned byte = 0x80; byte < 0x100; ++byte) {
    classes[byte] = kLetter;
  }
  classes['_'] = kLetter;
  for (unsigned byte = '0'; byte <= '9'; ++byte) {
    classes[byte] = kDigit;
  }
  return classes;
}
inline constexpr auto kClasses = make_classes();

constexpr bool in_word(std::uint8_t byte) {
  return kClasses[byte] >= kLetter || byte == '$';
}

}  // namespace sluice::protocol::sql
