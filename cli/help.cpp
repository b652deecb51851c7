#include "cli/help.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t kNames = 32;   // columns of a command's or option's name
constexpr std::size_t kWidth = 100;  // of a line

class Layout : public CLI::Formatter {
 public:
  Layout() { column_width(kNames); }

  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(CLI::Formatter::make_option_desc(option), kWidth - kNames);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::stringstream out;
    CLI::detail::format_help(out, command->get_name(),
                             wrapped(command->get_description(), kWidth - kNames), kNames);
    return out.str();
  }
  std::string make_description(const CLI::App* app) const override {
    return app->get_name().empty() ? CLI::Formatter::make_description(app)
                                   : wrapped(app->get_description(), kWidth) + "\n";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> make_help_layout() {
  return std::make_shared<Layout>();
}

std::string wrapped(std::string_view text, std::size_t width) {
  std::string out;
  while (text.size() > width) {
    auto cut = text.rfind(' ', width);
    cut = cut == std::string_view::npos ? text.find(' ') : cut;
    if (cut == std::string_view::npos) {
      break;
    }
    out.append(text.substr(0, cut)).append("\n");
    text.remove_prefix(cut + 1);
  }
  return out + std::string(text);
}

}  // namespace sluice::cli
