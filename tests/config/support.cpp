#include "tests/config/support.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace sluice::config::test {
namespace {

struct Fragment {
  Part part;
  std::string text;
  std::string indent;
};

std::string indented(const std::string& lines, const std::string& indent) {
  std::istringstream in(lines);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    out += indent + line + "\n";
  }
  return out;
}

}  // namespace

Sample sample(Part part, const std::string& lines) {
  const std::string user = "users:\n  - name: u\n";
  const std::array<Fragment, 5> fragments{{
      {Part::listener, "listeners:\n  - name: l\n    protocol: postgresql\n    bind: \":6432\"\n",
       "    "},
      {Part::pool, "pools:\n  p:\n    url: postgresql://app@db/pets\n", "    "},
      {Part::user, part == Part::user ? user : user + "    password: test-only\n", "    "},
      {Part::route, "routes:\n  - name: r\n    pool: p\n", "    "},
      {Part::top, "", ""},
  }};
  Sample out;
  for (const Fragment& fragment : fragments) {
    out.text += fragment.text;
    if (fragment.part == part) {
      out.line = 1 + static_cast<int>(std::count(out.text.begin(), out.text.end(), '\n'));
      out.text += indented(lines, fragment.indent);
    }
  }
  return out;
}

Loaded load(const std::string& text, bool offline) {
  return load_text(text, "f", {offline});
}

std::vector<std::string> problems(const std::string& text, bool offline) {
  std::vector<std::string> out;
  for (const Problem& problem : load(text, offline).problems) {
    out.push_back(to_string(problem));
  }
  return out;
}

}  // namespace sluice::config::test
