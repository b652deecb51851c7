#pragma once

// Session state as a value: the settings that a session wants and that a backend has, by name, with
// a hash. Equal hashes of equal dialect mean that a backend needs nothing before it serves.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::protocol {

class Settings {
 public:
  using Entry = std::pair<std::string, std::string>;

  // Names are compared as given: a dialect folds their case before it calls.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);
  const std::string* find(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }  // sorted by name
  bool empty() const { return entries_.empty(); }
  std::uint64_t hash() const { return hash_; }  // 0 when empty

  friend bool operator==(const Settings& a, const Settings& b) {
    return a.hash_ == b.hash_ && a.entries_ == b.entries_;
  }

 private:
  void rehash();

  std::vector<Entry> entries_;
  std::uint64_t hash_ = 0;
};

// Shared between sessions and backends; immutable once shared. Null means empty.
using SettingsPtr = std::shared_ptr<const Settings>;

bool same_settings(const SettingsPtr& a, const SettingsPtr& b);
// Where sessions of this thread have equal settings, theirs; so that thousands of idle sessions do
// not each keep a copy.
SettingsPtr share_settings(Settings settings);

}  // namespace sluice::protocol
