#pragma once

// What one map of the file says against itself: tells it at the option that is given, and keeps
// silent about what follows from an option that is already known to be wrong.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "config/report.hpp"

namespace sluice::config {

class Rules {
 public:
  using Names = std::initializer_list<std::string_view>;

  Rules(std::string path, Report& report) : path_(std::move(path)), report_(report) {}

  const std::string& path() const { return path_; }
  std::string at(std::string_view name) const { return path_ + "." + std::string(name); }
  bool given(std::string_view name) const { return report_.given(at(name)); }
  bool doubtful(Names names) const {
    return std::any_of(names.begin(), names.end(),
                       [this](auto name) { return report_.doubtful(at(name)); });
  }

  // Where the first of `names` is given, none of them is in doubt and `broken` holds.
  void refuse(Names names, bool broken, const std::string& text) {
    if (broken && applies(names)) {
      report_.error(at(*names.begin()), text);
    }
  }
  void warn(Names names, bool broken, const std::string& text) {
    if (broken && applies(names)) {
      report_.warning(at(*names.begin()), text);
    }
  }
  // Of the map as a whole.
  void refuse_all(bool broken, const std::string& text) {
    if (broken) {
      report_.error(path_, text);
    }
  }
  void warn_all(bool broken, const std::string& text) {
    if (broken) {
      report_.warning(path_, text);
    }
  }

 private:
  bool applies(Names names) const { return given(*names.begin()) && !doubtful(names); }

  std::string path_;
  Report& report_;
};

}  // namespace sluice::config
