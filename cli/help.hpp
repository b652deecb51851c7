#pragma once

// How --help is laid out: CLI11's own layout, with long texts wrapped.

#include <memory>
#include <string>
#include <string_view>

namespace CLI {
class FormatterBase;
}

namespace sluice::cli {

std::shared_ptr<CLI::FormatterBase> make_help_layout();

// Breaks at blanks, so that no line is longer than `width` unless a word is.
std::string wrapped(std::string_view text, std::size_t width);

}  // namespace sluice::cli
