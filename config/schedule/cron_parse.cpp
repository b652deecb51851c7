// The grammar of crontab(5):
//
//   expression = minute hour day month weekday | "@" word
//   field      = part *("," part)
//   part       = ("*" | value ["-" value]) ["/" step]        a step only behind "*" or a range

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <vector>

#include "config/schedule/cron.hpp"

namespace sluice::config::schedule {
namespace {

using Names = std::vector<std::string_view>;

struct Field {
  const char* name;
  unsigned min;
  unsigned max;
  Names names;  // of min, and those that follow it
};

const std::array<Field, 5>& all_fields() {
  static const std::array<Field, 5> kFields{
      {{"minute", 0, 59, {}},
       {"hour", 0, 23, {}},
       {"day of month", 1, 31, {}},
       {"month",
        1,
        12,
        {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
       {"day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}}};
  return kFields;
}

constexpr std::size_t kWeekday = 4;

struct Word {
  std::string_view name;
  const char* fields;
};
constexpr std::array<Word, 7> kWords{{{"@hourly", "0 * * * *"},
                                      {"@daily", "0 0 * * *"},
                                      {"@midnight", "0 0 * * *"},
                                      {"@weekly", "0 0 * * 0"},
                                      {"@monthly", "0 0 1 * *"},
                                      {"@yearly", "0 0 1 1 *"},
                                      {"@annually", "0 0 1 1 *"}}};

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(by, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return parts;
    }
    begin = end + 1;
  }
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

// One field of an expression; the first thing that is wrong with it stays.
class FieldParser {
 public:
  explicit FieldParser(std::size_t index) : field_(all_fields().at(index)), index_(index) {}

  std::uint64_t parse(const std::string& text) {
    for (const std::string& part : split(text, ',')) {
      add(part);
    }
    if (index_ == kWeekday && (bits_ >> 7U & 1U) != 0) {
      bits_ = (bits_ & ~(std::uint64_t{1} << 7U)) | 1U;  // 7 is Sunday, too
    }
    return bits_;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  void refuse(const std::string& why) {
    if (wrong_.empty()) {
      wrong_ = "field " + std::to_string(index_ + 1) + " (" + field_.name + ") " + why;
    }
  }
  std::string bounds() const {
    std::string text = std::to_string(field_.min) + " to " + std::to_string(field_.max);
    if (!field_.names.empty()) {
      text += ", " + std::string(field_.names.front()) + " to " + std::string(field_.names.back());
    }
    return text;
  }

  unsigned value(std::string_view text) {
    const auto name = std::find(field_.names.begin(), field_.names.end(), lower(text));
    if (name != field_.names.end()) {
      return field_.min + static_cast<unsigned>(name - field_.names.begin());
    }
    const unsigned number = digits(text);
    if (number < field_.min || number > field_.max) {
      refuse("has a value that is not one of " + bounds());
      return field_.min;
    }
    return number;
  }
  // Larger than any field's, where it is no number.
  static unsigned digits(std::string_view text) {
    constexpr unsigned kNone = 1000;
    if (text.empty() || text.size() > 2) {
      return kNone;
    }
    unsigned number = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') {
        return kNone;
      }
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number;
  }

  void add(const std::string& part) {
    if (part.empty()) {
      refuse("has a comma with nothing beside it");
      return;
    }
    const std::vector<std::string> halves = split(part, '/');
    const std::vector<std::string> ends = split(halves[0], '-');
    const bool all = halves[0] == "*";
    if (halves.size() > 2 || ends.size() > 2) {
      refuse("has a part with more than one \"/\" or \"-\"");
      return;
    }
    unsigned first = field_.min;
    unsigned last = index_ == kWeekday ? 6 : field_.max;
    if (!all) {
      first = value(ends[0]);
      last = ends.size() == 2 ? value(ends[1]) : first;
    }
    if (index_ == kWeekday && last == 0 && first > 0) {
      last = 7;  // fri-sun
    }
    if (first > last) {
      refuse("has a range that ends before it begins");
      return;
    }
    unsigned step = 1;
    if (halves.size() == 2) {
      step = digits(halves[1]);
      if (!all && ends.size() == 1) {
        refuse("has a step behind a single value; it belongs behind a range or \"*\"");
      } else if (step < 1 || step > field_.max) {
        refuse("has a step that is not one of 1 to " + std::to_string(field_.max));
      }
    }
    for (unsigned at = first; at <= last && wrong_.empty(); at += step) {
      bits_ |= std::uint64_t{1} << at;
    }
  }

  const Field& field_;
  const std::size_t index_;
  std::uint64_t bits_ = 0;
  std::string wrong_;
};

// Where the day of the month counts alone: some month must have such a day.
bool comes_ever(const Cron& cron) {
  if (!cron.any_weekday && !cron.any_day) {
    return true;
  }
  constexpr std::array<unsigned, 13> kDays{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    for (unsigned day = 1; day <= kDays.at(month); ++day) {
      if ((cron.months >> month & 1U) != 0 && (cron.days >> day & 1U) != 0) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::string parse_cron(const std::string& text, Cron& out) {
  std::vector<std::string> words = words_of(text);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const auto* known = std::find_if(kWords.begin(), kWords.end(),
                                     [&](const Word& one) { return one.name == lower(words[0]); });
    if (known == kWords.end()) {
      return "must be five fields, or one of @hourly, @daily, @weekly, @monthly and @yearly";
    }
    words = words_of(known->fields);
  }
  if (words.size() != all_fields().size()) {
    return "must be five fields (minute, hour, day of month, month, day of week), not " +
           std::to_string(words.size());
  }
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    FieldParser parser(i);
    bits.at(i) = parser.parse(words[i]);
    if (!parser.wrong().empty()) {
      return parser.wrong();
    }
  }
  Cron cron;
  cron.text = text;
  cron.minutes = bits[0];
  cron.hours = static_cast<std::uint32_t>(bits[1]);
  cron.days = static_cast<std::uint32_t>(bits[2]);
  cron.months = static_cast<std::uint32_t>(bits[3]);
  cron.weekdays = static_cast<std::uint32_t>(bits[4]);
  cron.any_day = words[2].starts_with('*');
  cron.any_weekday = words[4].starts_with('*');
  if (!comes_ever(cron)) {
    return "never comes: no month of field 4 has a day of field 3";
  }
  out = std::move(cron);
  return {};
}

}  // namespace sluice::config::schedule
