#pragma once

// The terminal view of `sluice top` without a terminal: keys change it, and it renders to lines.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/top_data.hpp"

namespace sluice::cli {

struct Key {
  enum class Kind : std::uint8_t {
    character,
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end,
    tab,
    enter,
    escape,
    backspace,
  };
  Kind kind = Kind::character;
  char character = 0;
};

// What was typed, as keys; sequences that are not known are left out.
std::vector<Key> read_keys(std::string_view bytes);

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

class TopView {
 public:
  // `colour`: attributes of the terminal are used.
  explicit TopView(bool colour) : colour_(colour) {}

  void on_key(const Key& key);
  void set_data(TopData data);
  // Said in place of the help line until data comes again.
  void set_error(std::string text) { error_ = std::move(text); }

  bool quit() const { return quit_; }
  bool paused() const { return paused_; }
  double interval() const { return interval_; }  // seconds
  void set_interval(double seconds);

  // size.rows lines at most, none of them wider than size.columns.
  std::vector<std::string> render(const ScreenSize& size) const;

 private:
  enum Focus : std::uint8_t { pools, sessions };
  // How one of the two tables is looked at.
  struct Look {
    int sort = -1;  // column; -1: as it came
    bool descending = true;
    std::size_t scroll = 0;  // rows
  };

  void on_search_key(const Key& key);
  void on_command(char character);
  void sort_by(int step);
  void scroll(long rows);
  Table selected(Focus which) const;
  void add_table(Focus which, std::size_t most, const ScreenSize& size,
                 std::vector<std::string>& out) const;
  std::string bottom_line() const;
  std::string styled(std::string line, std::string_view style, std::size_t width) const;

  const bool colour_;
  TopData data_;
  std::string error_;
  std::array<Look, 2> looks_;
  Focus focus_ = sessions;
  std::string search_;
  bool searching_ = false;
  bool paused_ = false;
  bool help_ = false;
  bool quit_ = false;
  double interval_ = 2;
};

}  // namespace sluice::cli
