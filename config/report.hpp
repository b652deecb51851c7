#pragma once

// Collects problems by the path of an option ("pools.pets.url") and knows where each stood.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/node.hpp"

namespace sluice::config {

class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  // Remembers where the value of an option stood.
  void place(const std::string& path, Mark mark) { places_[path] = mark; }
  bool given(const std::string& path) const { return places_.contains(path); }

  // Of the option, or of the nearest enclosing one that is in the file.
  Mark where(std::string path) const;

  // Both stand there.
  void error(const std::string& path, const std::string& text);
  void warning(const std::string& path, const std::string& text);
  void error_at(Mark mark, const std::string& text);
  // The value cannot be known (a file, offline): checks that need it are left out.
  void set_unknown(const std::string& path) { doubtful_.insert(path); }
  // True when the option is wrong or unknown, so that what follows from it is no news.
  bool doubtful(const std::string& path) const { return doubtful_.contains(path); }
  // ... or anything in it.
  bool doubtful_within(const std::string& path) const;

  // A file that is read, or should be.
  void note_file(const std::string& path) { files_.push_back(path); }
  const std::vector<std::string>& files() const { return files_; }

  bool failed() const { return failed_; }
  // So many that more would help nobody: further ones are dropped.
  bool full() const { return problems_.size() >= kMaxProblems; }
  // In the order of the file; leaves the report empty.
  std::vector<Problem> take();

 private:
  static constexpr std::size_t kMaxProblems = 1000;

  void add(Mark mark, std::string text, bool warning);

  std::string file_;
  std::map<std::string, Mark> places_;
  std::set<std::string> doubtful_;
  std::vector<Problem> problems_;
  std::vector<std::string> files_;
  bool failed_ = false;
};

}  // namespace sluice::config
