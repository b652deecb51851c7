#pragma once

// A YAML document as a plain tree that remembers where everything stood.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/mark.hpp"

namespace sluice::config {

struct TreeNode;
using TreePtr = std::shared_ptr<const TreeNode>;  // shared where an alias names an anchor

struct Entry {
  std::string key;  // empty in a sequence
  Mark key_mark;
  TreePtr value;
};

struct TreeNode {
  enum class Kind : std::uint8_t { null, scalar, sequence, map };

  Kind kind = Kind::null;
  Mark mark;
  std::string text;                                       // scalar, before any ${} is expanded
  std::vector<Entry> entries;                             // in the order of the file
  std::map<std::string, std::size_t, std::less<>> index;  // map: key to entry
  std::size_t weight = 1;  // nodes in it, aliases counted as what they stand for
  std::size_t height = 1;  // levels in it

  const TreeNode* find(std::string_view key) const {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : entries[found->second].value.get();
  }
};

}  // namespace sluice::config
