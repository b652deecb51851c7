#include "protocol/settings.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "protocol/shared_values.hpp"

namespace sluice::protocol {
namespace {

auto lower_bound(auto& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const Settings::Entry& entry, std::string_view key) {
                            return entry.first.compare(key) < 0;
                          });
}

}  // namespace

void Settings::set(std::string_view name, std::string_view value) {
  auto place = lower_bound(entries_, name);
  if (place != entries_.end() && place->first == name) {
    place->second = value;
  } else {
    entries_.emplace(place, name, value);
  }
  rehash();
}

void Settings::erase(std::string_view name) {
  auto place = lower_bound(entries_, name);
  if (place != entries_.end() && place->first == name) {
    entries_.erase(place);
    rehash();
  }
}

const std::string* Settings::find(std::string_view name) const {
  auto place = lower_bound(entries_, name);
  return place != entries_.end() && place->first == name ? &place->second : nullptr;
}

void Settings::rehash() {
  hash_ = 0;
  for (const auto& [name, value] : entries_) {
    hash_ = hash_ * 1099511628211ULL + std::hash<std::string>{}(name);
    hash_ = hash_ * 1099511628211ULL + std::hash<std::string>{}(value);
  }
  if (hash_ == 0 && !entries_.empty()) {
    hash_ = 1;  // 0 is kept for "nothing set"
  }
}

bool same_settings(const SettingsPtr& a, const SettingsPtr& b) {
  static const Settings kNone;
  return a == b || (a ? *a : kNone) == (b ? *b : kNone);
}

SettingsPtr share_settings(Settings settings) {
  thread_local SharedValues<Settings> values;
  const std::uint64_t hash = settings.hash();
  return values.share(std::move(settings), hash);
}

}  // namespace sluice::protocol
