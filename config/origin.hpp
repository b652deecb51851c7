#pragma once

// Where a value of the configuration comes from: the file, an environment variable, a secret file,
// or nowhere, so that it is the default.

#include <string>
#include <string_view>

#include "config/node.hpp"

namespace sluice::config {

// What is to be shown of a configuration that was loaded from a text.
struct Shown {
  std::string text;
  std::string file;       // its name, for the origins
  bool defaults = false;  // also what the text does not give
  bool origins = false;   // behind each value, as a comment
};

// What the text gives for a struct; null: nothing, all of it is default.
struct Given {
  const TreeNode* node = nullptr;
  const Shown* shown = nullptr;  // null: everything is printed, without origins

  const TreeNode* find(std::string_view name) const {
    return node == nullptr ? nullptr : node->find(name);
  }
  Given at(std::string_view name) const { return {find(name), shown}; }
  // Of a list; the same for an index that is not there.
  Given at(std::size_t index) const;
};

// `default`, `FILE:LINE`, `FILE:LINE, environment NAME` or `FILE:LINE, secret file PATH`.
// `is_file`: the value is the path of the file that holds it. Never any part of a value.
std::string origin_text(const TreeNode* node, const std::string& file, bool is_file);

}  // namespace sluice::config
