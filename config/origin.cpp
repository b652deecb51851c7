#include "config/origin.hpp"

#include <cstdlib>
#include <utility>

namespace sluice::config {
namespace {

constexpr std::string_view kFile = "file:";

// What stands between the braces of the next reference of `raw`, from `at` on; `at` moves behind
// it.
std::string_view next_reference(std::string_view raw, std::size_t& at) {
  for (at = raw.find("${", at); at != std::string_view::npos; at = raw.find("${", at + 2)) {
    if (at > 0 && raw[at - 1] == '$') {
      continue;
    }
    const auto end = raw.find('}', at);
    if (end == std::string_view::npos) {
      break;
    }
    const auto inner = raw.substr(at + 2, end - at - 2);
    at = end;
    return inner;
  }
  at = std::string_view::npos;
  return {};
}

std::string source_text(std::string_view reference) {
  if (reference.starts_with(kFile)) {
    return "secret file " + std::string(reference.substr(kFile.size()));
  }
  const std::string name(reference.substr(0, reference.find(":-")));
  const char* value = std::getenv(name.c_str());
  return "environment " + name + (value == nullptr || *value == '\0' ? " (not set)" : "");
}

// A comment ends with its line.
std::string on_one_line(std::string text) {
  for (char& c : text) {
    c = static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return text;
}

}  // namespace

Given Given::at(std::size_t index) const {
  const bool there = node != nullptr && index < node->entries.size();
  return {there ? node->entries[index].value.get() : nullptr, shown};
}

std::string origin_text(const TreeNode* node, const std::string& file, bool is_file) {
  if (node == nullptr) {
    return "default";
  }
  std::string out = file + ":" + std::to_string(node->mark.line);
  std::size_t at = 0;
  while (at != std::string_view::npos) {
    if (const auto reference = next_reference(node->text, at); !reference.empty()) {
      out += ", " + source_text(reference);
    }
  }
  if (is_file) {
    out += ", secret file" + (node->text.find("${") == std::string::npos ? " " + node->text : "");
  }
  return on_one_line(std::move(out));
}

}  // namespace sluice::config
