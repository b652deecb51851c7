#include "cli/ask_password.hpp"

#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "cli/hash.hpp"

namespace sluice::cli {
namespace {

// Standard input shows nothing of what is typed while this exists.
class Unseen {
 public:
  Unseen() {
    if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
      termios quiet = before_;
      quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      set_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
  }
  ~Unseen() {
    if (set_) {
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios before_{};
  bool set_ = false;
};

}  // namespace

protocol::Result<std::string> ask_password(const std::string& prompt) {
  if (::isatty(STDIN_FILENO) == 0) {
    return protocol::fail(protocol::FailureKind::internal, "there is no terminal to ask on");
  }
  const Unseen unseen;
  std::cerr << prompt << std::flush;
  auto given = read_password(std::cin);
  std::cerr << '\n';
  return given;
}

}  // namespace sluice::cli
