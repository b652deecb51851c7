// docs/logs.md has every event that the source logs, and no other.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::metrics::log {
namespace {

using Events = std::set<std::string>;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What `pattern` captures where it matches at an occurrence of `begin`: a search for the pattern
// everywhere takes seconds.
void find_events(const std::string& text, std::string_view begin, const std::regex& pattern,
                 Events& events) {
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
    std::smatch match;
    if (std::regex_search(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), match,
                          pattern, std::regex_constants::match_continuous)) {
      events.insert(match[1]);
    }
  }
}

Events logged() {
  const std::regex call(
      R"re(log::(?:debug|info|warning|error|failed|write)\(\s*(?:[\w:]*Level::\w+,\s*)?"(\w+)")re");
  // What operators do is logged by its kind.
  const std::regex note(R"re(note\(\s*"(\w+)")re");
  const std::regex deed(R"re(act\(\s*pool, by,\s*\{"(\w+)")re");
  const std::regex add(R"re(events_\.add\(\s*\{"(\w+)")re");
  Events events{"log_repeats_suppressed"};  // the log's own
  for (const char* folder : {"proxy", "cli"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             std::string(SLUICE_SOURCE_DIR "/") + folder)) {
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") {
        const std::string source = read(entry.path());
        find_events(source, "log::", call, events);
        find_events(source, "note(", note, events);
        find_events(source, "act(", deed, events);
        find_events(source, "events_.add(", add, events);
      }
    }
  }
  return events;
}

TEST(LogDocument, HasEveryEventOfTheSource) {
  const std::string page = read(SLUICE_SOURCE_DIR "/docs/logs.md");
  const std::string events = page.substr(page.find("## Events"));
  Events documented;
  find_events(events, "\n| `", std::regex(R"(\n\| `(\w+)` \|)"), documented);
  const Events source = logged();
  EXPECT_GT(source.size(), 30U);
  for (const std::string& event : source) {
    EXPECT_TRUE(documented.contains(event)) << event << " is not in docs/logs.md";
  }
  for (const std::string& event : documented) {
    EXPECT_TRUE(source.contains(event)) << event << " is in docs/logs.md and nowhere logged";
  }
}

}  // namespace
}  // namespace sluice::metrics::log
