#include "cli/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

namespace sluice::cli {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";  // alternate screen, no cursor
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

volatile std::sig_atomic_t ended_by_signal = 0;

void on_end(int /*signal*/) {
  ended_by_signal = 1;
}
void on_resize(int /*signal*/) {}  // it only ends the wait

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::write(STDOUT_FILENO, text.data(), text.size());
    if (sent < 0 && errno != EINTR) {
      return;
    }
    text.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
  }
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

bool Terminal::available() {
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
}

Terminal::Terminal() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) {
    return;
  }
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    handle(signal, &on_end);
  }
  handle(SIGWINCH, &on_resize);
  termios raw = before_;
  ::cfmakeraw(&raw);
  ready_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
  if (ready_) {
    write_all(kEnter);
  }
}

Terminal::~Terminal() {
  if (ready_) {
    write_all(kLeave);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
}

ScreenSize Terminal::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

std::string Terminal::read(std::chrono::milliseconds most) {
  pollfd wait{STDIN_FILENO, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(most.count())) <= 0) {
    return {};
  }
  std::string out(256, '\0');
  const auto got = ::read(STDIN_FILENO, out.data(), out.size());
  gone_ = got == 0 || (got < 0 && errno != EINTR);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

void Terminal::show(const std::vector<std::string>& lines) {
  std::string out(kHome);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += (i == 0 ? "" : "\r\n") + lines[i] + std::string(kClearLine);
  }
  write_all(out + std::string(kClearBelow));
}

bool Terminal::ended() const {
  return gone_ || ended_by_signal != 0;
}

}  // namespace sluice::cli
