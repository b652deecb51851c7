#include "proxy/console/views.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>

namespace sluice::proxy::console {

std::int64_t small(std::uint64_t number) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(number, std::numeric_limits<std::int32_t>::max()));
}

std::int64_t wide(std::uint64_t number) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

double seconds(op::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::int64_t microseconds(op::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

std::string utc(op::WallTime time) {
  if (time == op::WallTime{}) {
    return {};
  }
  const std::time_t whole = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, length};
}

Endpoint endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Endpoint found;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, found.port);
    if (read.ec == std::errc() && read.ptr == end) {
      text = text.substr(0, colon);
    }
  }
  if (text.size() > 1 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  found.host = text;
  return found;
}

std::string_view mode_word(config::PoolMode mode) {
  switch (mode) {
    case config::PoolMode::session:
      return "session";
    case config::PoolMode::statement:
      return "statement";
    case config::PoolMode::transaction:
      break;
  }
  return "transaction";
}

std::string_view state_word(op::BackendState state) {
  switch (state) {
    case op::BackendState::used:
      return "used";
    case op::BackendState::errand:
      return "errand";
    case op::BackendState::idle:
      break;
  }
  return "idle";
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    all.append(all.empty() ? "" : ", ").append(word);
  }
  return all;
}

std::string pin_words(protocol::PinSet pins) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < static_cast<std::size_t>(protocol::Pin::count_); ++i) {
    const auto pin = static_cast<protocol::Pin>(i);
    if (pins.has(pin)) {
      words.emplace_back(protocol::pin_label(pin));
    }
  }
  return joined(words);
}

}  // namespace sluice::proxy::console
