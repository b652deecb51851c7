// docs/logs.md has every event that the source logs, and no other.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice::metrics::log {
namespace {

using Events = std::set<std::string>;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Events found(const std::string& text, const std::regex& pattern) {
  Events events;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern); at != std::sregex_iterator();
       ++at) {
    events.insert((*at)[1]);
  }
  return events;
}

Events logged() {
  const std::regex call(
      R"re(\blog::(?:debug|info|warning|error|failed|write)\(\s*(?:[\w:]*Level::\w+,\s*)?"(\w+)")re");
  Events events{"log_repeats_suppressed"};  // the log's own
  for (const char* folder : {"proxy", "cli"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             std::string(SLUICE_SOURCE_DIR "/") + folder)) {
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") {
        events.merge(found(read(entry.path()), call));
      }
    }
  }
  return events;
}

TEST(LogDocument, HasEveryEventOfTheSource) {
  const std::string page = read(SLUICE_SOURCE_DIR "/docs/logs.md");
  const std::string events = page.substr(page.find("## Events"));
  const Events documented = found(events, std::regex(R"(\n\| `(\w+)` \|)"));
  const Events source = logged();
  EXPECT_GT(source.size(), 30U);
  for (const std::string& event : source) {
    EXPECT_TRUE(documented.contains(event)) << event << " is not in docs/logs.md";
  }
  // Events of operators are logged by their kind, which is not written where they are logged.
  for (const std::string& event : documented) {
    EXPECT_TRUE(source.contains(event) ||
                events.find("| `" + event + "` | operator |") != std::string::npos)
        << event << " is in docs/logs.md and nowhere logged";
  }
}

}  // namespace
}  // namespace sluice::metrics::log
