#include "config/convert/source.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::config::convert {

const std::string* SourceMap::take(std::string_view key) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [key](const SourceValue& one) { return one.key == key; });
  if (found == values.end()) {
    return nullptr;
  }
  found->taken = true;
  return &found->value;
}

std::string SourceMap::take_or(std::string_view key, std::string_view otherwise) {
  const std::string* value = take(key);
  return value == nullptr ? std::string(otherwise) : *value;
}

void SourceMap::put(std::string key, std::string value, int at_line) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&key](const SourceValue& one) { return one.key == key; });
  if (found != values.end()) {
    *found = {std::move(key), std::move(value), at_line};
  } else {
    values.push_back({std::move(key), std::move(value), at_line});
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto cut = text.find(separator);
    const auto part = trimmed(text.substr(0, cut));
    if (!part.empty()) {
      out.emplace_back(part);
    }
    text = cut == std::string_view::npos ? std::string_view() : text.substr(cut + 1);
  }
  return out;
}

std::optional<long long> whole_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

}  // namespace sluice::config::convert
