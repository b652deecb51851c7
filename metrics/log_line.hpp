#pragma once

// One line of the log as text: what escapes into it is decided here alone.
//
//   text  2026-01-31T09:15:00.125Z warning client_login_failed user="a b" reason=tls_required
//   json  {"time":"2026-01-31T09:15:00.125Z","level":"warning","event":"...","user":"a b"}
//
// Values may come from a client: control characters, quotes and what is no UTF-8 are escaped in
// both formats, so that a value can neither end a line nor invent a field. Long values are cut.
// Events and keys are literals of our own. That no value is a secret is the caller's duty.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::metrics::log {

enum class Level : std::uint8_t { trace, debug, info, warning, error, off };
enum class Format : std::uint8_t { text, json };

std::string_view level_name(Level level);

// Borrows a string: it lives as long as the call that it is an argument of.
class Value {
 public:
  Value(std::string_view text) : value_(text) {}  // NOLINT implicit: {{"user", name}}
  Value(const std::string& text) : value_(std::string_view(text)) {}                      // NOLINT
  Value(const char* text) : value_(std::string_view(text)) {}                             // NOLINT
  Value(bool flag) : value_(flag) {}                                                      // NOLINT
  Value(std::floating_point auto number) : value_(static_cast<double>(number)) {}         // NOLINT
  Value(std::signed_integral auto number) : value_(static_cast<std::int64_t>(number)) {}  // NOLINT
  Value(std::unsigned_integral auto number)                                               // NOLINT
      : value_(static_cast<std::uint64_t>(number)) {}
  // Seconds, with the unit in the key: {"after_seconds", took}.
  template <typename Rep, typename Period>
  Value(std::chrono::duration<Rep, Period> took)  // NOLINT
      : value_(std::chrono::duration<double>(took).count()) {}

  const auto& held() const { return value_; }

 private:
  std::variant<std::string_view, bool, double, std::int64_t, std::uint64_t> value_;
};

struct Field {
  std::string_view key;
  Value value;
};
using Fields = std::span<const Field>;

inline constexpr std::size_t kMaxValue = 1024;  // bytes of a value; the rest is cut

struct Line {
  std::chrono::system_clock::time_point time;
  Level level;
  std::string_view event;
  Fields fields;
};

// Without the newline.
std::string format_line(const Line& line, Format format);

}  // namespace sluice::metrics::log
