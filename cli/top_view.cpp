#include "cli/top_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace sluice::cli {
namespace {

constexpr double kShortest = 0.5;  // seconds
constexpr double kLongest = 60;
constexpr long kPage = 10;  // rows
constexpr char kInterrupt = '\x03';
constexpr std::string_view kReverse = "\x1b[7m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

constexpr std::array<std::string_view, 12> kHelp{
    "Tab        the other table: sorting and scrolling are for it",
    "Left Right sort by the column before or behind; the arrow shows it",
    "r          reverse the order",
    "0          the order in which it comes",
    "Up Down PageUp PageDown Home End   scroll",
    "/          search in all columns of both tables; Enter keeps it, Escape ends it",
    "Space      stop and go on with refreshing",
    "+ -        refresh more often, less often",
    "h ?        this help",
    "q          quit",
    "",
    "Times are in seconds. FOR is how long a session is in its state, WAIT how long it waits.",
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

// Numbers by their value, and before texts; nothing comes first.
bool less(const std::string& a, const std::string& b) {
  char* end_a = nullptr;
  char* end_b = nullptr;
  const double left = std::strtod(a.c_str(), &end_a);
  const double right = std::strtod(b.c_str(), &end_b);
  // "nan" is a name: it is neither before nor behind any number, and no order could be made of it.
  const bool number_a = *end_a == '\0' && std::isfinite(left);
  const bool number_b = *end_b == '\0' && std::isfinite(right);
  if (number_a && number_b) {
    return left < right;
  }
  return number_a != number_b ? number_a : a < b;
}

// The first `width` columns of a text in UTF-8.
std::string cut(std::string_view text, std::size_t width) {
  std::size_t shown = 0;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (starts && shown++ == width) {
      break;
    }
  }
  return std::string(text.substr(0, at));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

void TopView::set_data(TopData data) {
  data_ = std::move(data);
  error_.clear();
}

void TopView::set_interval(double seconds) {
  interval_ = std::clamp(seconds, kShortest, kLongest);
}

void TopView::on_key(const Key& key) {
  if (key.kind == Key::Kind::character && key.character == kInterrupt) {
    quit_ = true;
    return;
  }
  if (searching_) {
    on_search_key(key);
    return;
  }
  switch (key.kind) {
    case Key::Kind::character:
      on_command(key.character);
      break;
    case Key::Kind::tab:
      focus_ = focus_ == pools ? sessions : pools;
      break;
    case Key::Kind::left:
      sort_by(-1);
      break;
    case Key::Kind::right:
      sort_by(1);
      break;
    case Key::Kind::up:
      scroll(-1);
      break;
    case Key::Kind::down:
      scroll(1);
      break;
    case Key::Kind::page_up:
      scroll(-kPage);
      break;
    case Key::Kind::page_down:
      scroll(kPage);
      break;
    case Key::Kind::home:
      looks_[focus_].scroll = 0;
      break;
    case Key::Kind::end:
      scroll(static_cast<long>(selected(focus_).rows.size()));
      break;
    case Key::Kind::escape:
      help_ = false;
      search_.clear();
      break;
    default:
      break;
  }
}

void TopView::on_search_key(const Key& key) {
  if (key.kind == Key::Kind::enter || key.kind == Key::Kind::escape) {
    searching_ = false;
    if (key.kind == Key::Kind::escape) {
      search_.clear();
    }
  } else if (key.kind == Key::Kind::backspace) {
    search_ = search_.substr(0, search_.empty() ? 0 : search_.size() - 1);
  } else if (key.kind == Key::Kind::character &&
             static_cast<unsigned char>(key.character) >= 0x20) {
    search_ += key.character;
  }
  looks_[pools].scroll = 0;
  looks_[sessions].scroll = 0;
}

void TopView::on_command(char character) {
  switch (character) {
    case 'q':
    case 'Q':
      quit_ = true;
      break;
    case ' ':
      paused_ = !paused_;
      break;
    case '/':
      searching_ = true;
      search_.clear();
      break;
    case 'r':
      looks_[focus_].descending = !looks_[focus_].descending;
      break;
    case '0':
      looks_[focus_] = {};
      break;
    case '+':
      set_interval(interval_ / 2);
      break;
    case '-':
      set_interval(interval_ * 2);
      break;
    case 'h':
    case '?':
      help_ = !help_;
      break;
    default:
      break;
  }
}

void TopView::sort_by(int step) {
  const Table& table = focus_ == pools ? data_.pools : data_.sessions;
  const int count = static_cast<int>(table.columns.size());
  if (count > 0) {
    int& sort = looks_[focus_].sort;
    sort = sort < 0 ? (step > 0 ? 0 : count - 1) : (sort + step + count) % count;
  }
}

void TopView::scroll(long rows) {
  Look& look = looks_[focus_];
  const long most = static_cast<long>(selected(focus_).rows.size()) - 1;
  look.scroll = static_cast<std::size_t>(
      std::clamp(static_cast<long>(look.scroll) + rows, 0L, std::max(most, 0L)));
}

// The rows that the search finds, in the order that is wanted; the heading tells which.
Table TopView::selected(Focus which) const {
  Table out = which == pools ? data_.pools : data_.sessions;
  if (!search_.empty()) {
    std::erase_if(out.rows, [this](const auto& row) {
      return std::none_of(row.begin(), row.end(),
                          [this](const std::string& cell) { return contains(cell, search_); });
    });
  }
  const Look& look = looks_[which];
  if (look.sort >= 0 && look.sort < static_cast<int>(out.columns.size())) {
    const auto column = static_cast<std::size_t>(look.sort);
    std::stable_sort(out.rows.begin(), out.rows.end(), [&](const auto& a, const auto& b) {
      return look.descending ? less(b[column], a[column]) : less(a[column], b[column]);
    });
    out.columns[column] += look.descending ? "v" : "^";
  }
  return out;
}

void TopView::add_table(Focus which, std::size_t most, const ScreenSize& size,
                        std::vector<std::string>& out) const {
  Table table = selected(which);
  const std::size_t all = table.rows.size();
  // There may be fewer rows than when it was scrolled: the last one stays in sight.
  const std::size_t first = std::min(looks_[which].scroll, all > 0 ? all - 1 : 0);
  const auto lines = lines_of(aligned(table));  // of all rows, so that scrolling moves no column
  const std::string title = (which == pools ? "pools " : "sessions ") + std::to_string(all) +
                            (first > 0 ? ", from " + std::to_string(first + 1) : "") +
                            (focus_ == which ? " *" : "");
  out.push_back(styled(title, kBold, size.columns));
  out.push_back(styled(lines.front(), kReverse, size.columns));
  const std::size_t shown = std::min(all - first, most > 2 ? most - 2 : 0);
  for (std::size_t i = 0; i < shown; ++i) {
    out.push_back(cut(lines[2 + first + i], size.columns));
  }
}

std::string TopView::bottom_line() const {
  if (searching_) {
    return "search: " + search_ + "_";
  }
  if (!error_.empty()) {
    return printable(error_);
  }
  std::string out =
      paused_ ? "stopped (Space goes on)" : "q quit  h help  / search  Space stop  Tab table";
  if (!search_.empty()) {
    out += "  search: " + search_ + " (Escape ends it)";
  }
  return out;
}

std::string TopView::styled(std::string line, std::string_view style, std::size_t width) const {
  line = cut(line, width);
  if (!colour_) {
    return line;
  }
  if (style == kReverse) {
    line += std::string(width - std::min(width, display_width(line)), ' ');
  }
  return std::string(style) + line + std::string(kPlain);
}

std::vector<std::string> TopView::render(const ScreenSize& size) const {
  std::vector<std::string> out;
  if (size.rows < 4 || size.columns < 10) {
    out.push_back(cut("too small", size.columns));
    return out;
  }
  out.push_back(styled(printable(data_.headline), kBold, size.columns));
  const std::size_t body = size.rows - 2;
  if (help_) {
    for (std::size_t i = 0; i < std::min(body, kHelp.size()); ++i) {
      out.push_back(cut(kHelp[i], size.columns));
    }
  } else {
    // Pools get what they need, up to half of the screen.
    const std::size_t wanted = selected(pools).rows.size() + 2;
    const std::size_t top = std::min(wanted, std::max<std::size_t>(body / 2, 2));
    add_table(pools, top, size, out);
    if (body >= top + 2) {
      add_table(sessions, body - top, size, out);
    }
  }
  out.resize(std::min(out.size(), size.rows - 1));
  while (out.size() + 1 < size.rows) {
    out.emplace_back();
  }
  out.push_back(styled(bottom_line(), error_.empty() ? "" : kReverse, size.columns));
  return out;
}

}  // namespace sluice::cli
