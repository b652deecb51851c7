#include "config/report.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::config {

void Report::error(const std::string& path, const std::string& text) {
  doubtful_.insert(path);
  add(where(path), path.empty() ? text : path + ": " + text, false);
}

void Report::warning(const std::string& path, const std::string& text) {
  add(where(path), path + ": " + text, true);
}

void Report::error_at(Mark mark, const std::string& text) {
  add(mark, text, false);
}

bool Report::doubtful_within(const std::string& path) const {
  const auto inside = [&](const std::string& sign) {
    const auto found = doubtful_.lower_bound(path + sign);
    return found != doubtful_.end() && found->starts_with(path + sign);
  };
  return doubtful(path) || inside(".") || inside("[");
}

Mark Report::where(std::string path) const {
  while (true) {
    const auto found = places_.find(path);
    if (found != places_.end()) {
      return found->second;
    }
    const auto cut = path.find_last_of(".[");
    if (cut == std::string::npos) {
      const auto root = places_.find("");
      return root == places_.end() ? Mark{} : root->second;
    }
    path.resize(cut);
  }
}

void Report::add(Mark mark, std::string text, bool warning) {
  failed_ = failed_ || !warning;
  if (full()) {
    return;
  }
  problems_.push_back({file_, mark.line, mark.column, std::move(text), warning});
}

std::vector<Problem> Report::take() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (full()) {
    problems_.push_back(
        {file_, 0, 0, "there may be more problems; only the first are shown", false});
  }
  return std::exchange(problems_, {});
}

std::string to_string(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) {
    out += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
  }
  return out + (problem.warning ? ": warning: " : ": error: ") + problem.text;
}

}  // namespace sluice::config
