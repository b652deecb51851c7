#include "config/config.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

template <typename T>
const T* find_by_name(const std::vector<T>& all, const std::string& name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const Pool* Config::find_pool(const std::string& name) const {
  return find_by_name(pools, name);
}

const User* Config::find_user(const std::string& name) const {
  return find_by_name(users, name);
}

}  // namespace sluice::config
