#include "config/suggest.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace sluice::config {
namespace {

constexpr std::size_t kLongest = 64;

// Edit distance with neighbours swapped counted once (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.size()][b.size()];
}

// What people vary without meaning it: case, and - for _.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out +=
        c == '-' || c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

std::string did_you_mean(std::string_view given, const std::vector<std::string>& candidates) {
  if (given.size() > kLongest) {
    return {};
  }
  const std::string wanted = folded(given);
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t away = distance(wanted, folded(candidate));
    const std::size_t allowed = std::max<std::size_t>(1, candidate.size() / 3);
    if (away <= allowed && away < candidate.size() && (best == nullptr || away < best_distance)) {
      best = &candidate;
      best_distance = away;
    }
  }
  return best == nullptr ? std::string() : "; did you mean \"" + *best + "\"?";
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F || c == '"' ? '?' : c;
  }
  return out + (name.size() > kLongest ? "...\"" : "\"");
}

}  // namespace sluice::config
