#include "config/yaml_text.hpp"

#include <string_view>

namespace sluice::config {

std::string yaml_text(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ ") ==
                         std::string::npos &&
                     text.front() != ' ' && text.back() != ' ' && text != "null";
  if (plain || text == "-1") {
    return text;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
      continue;
    }
    out += c == '"' || c == '\\' ? "\\" : "";
    out += c;
  }
  return out + "\"";
}

std::string unexpanded(std::string text) {
  for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3)) {
    text.insert(at, 1, '$');
  }
  return text;
}

}  // namespace sluice::config
