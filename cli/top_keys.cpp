#include <algorithm>
#include <array>
#include <utility>

#include "cli/top_view.hpp"

namespace sluice::cli {
namespace {

using Kind = Key::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 14> kSequences{{
    {"\x1b[A", Kind::up},
    {"\x1b[B", Kind::down},
    {"\x1b[C", Kind::right},
    {"\x1b[D", Kind::left},
    {"\x1bOA", Kind::up},
    {"\x1bOB", Kind::down},
    {"\x1bOC", Kind::right},
    {"\x1bOD", Kind::left},
    {"\x1b[5~", Kind::page_up},
    {"\x1b[6~", Kind::page_down},
    {"\x1b[H", Kind::home},
    {"\x1b[F", Kind::end},
    {"\x1b[1~", Kind::home},
    {"\x1b[4~", Kind::end},
}};

// The length of an escape sequence that is not known: ESC [ digits and one last byte.
std::size_t unknown_length(std::string_view bytes) {
  std::size_t at = 2;
  while (at < bytes.size() && bytes[at] >= 0x20 && bytes[at] < 0x40) {
    ++at;
  }
  return std::min(at + 1, bytes.size());
}

Key plain_key(char c) {
  switch (c) {
    case '\t':
      return {Kind::tab};
    case '\r':
    case '\n':
      return {Kind::enter};
    case 0x7f:
    case '\b':
      return {Kind::backspace};
    default:
      return {Kind::character, c};
  }
}

}  // namespace

std::vector<Key> read_keys(std::string_view bytes) {
  std::vector<Key> out;
  while (!bytes.empty()) {
    if (bytes.front() != '\x1b') {
      out.push_back(plain_key(bytes.front()));
      bytes.remove_prefix(1);
      continue;
    }
    bool known = false;
    for (const auto& [sequence, kind] : kSequences) {
      if (bytes.starts_with(sequence)) {
        out.push_back({kind});
        bytes.remove_prefix(sequence.size());
        known = true;
        break;
      }
    }
    if (known) {
      continue;
    }
    if (bytes.size() > 1 && (bytes[1] == '[' || bytes[1] == 'O')) {
      bytes.remove_prefix(unknown_length(bytes));
    } else {
      out.push_back({Kind::escape});
      bytes.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace sluice::cli
