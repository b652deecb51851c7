#include "cli/successor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

namespace sluice::cli {
namespace {

constexpr int kFirst = 3;
constexpr const char* kReadyVariable = "SLUICE_READY_FD";
constexpr std::string_view kPidVariable = "LISTEN_PID=";

// What the child needs, made before the fork: after it, nothing may be allocated.
struct Launch {
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<int> descriptors;  // the sockets, then the pipe; from kFirst on in the child
  char* pid = nullptr;           // where the child writes its own number, with its zero
};

bool replaced(std::string_view variable) {
  return variable.starts_with("LISTEN_") || variable.starts_with(std::string(kReadyVariable) + "=");
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    all.push_back(text.data());
  }
  all.push_back(nullptr);
  return all;
}

void prepare(Launch& launch, const std::vector<proxy::InheritedSockets::Socket>& sockets,
             int pipe) {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!replaced(*variable)) {
      launch.environment.emplace_back(*variable);
    }
  }
  std::string names;
  for (const auto& socket : sockets) {
    names += (names.empty() ? "" : ":") + socket.name;
    launch.descriptors.push_back(socket.fd);
  }
  const auto count = std::to_string(sockets.size());
  launch.environment.push_back("LISTEN_FDS=" + count);
  launch.environment.push_back("LISTEN_FDNAMES=" + names);
  launch.environment.push_back(std::string(kReadyVariable) + "=" +
                               std::to_string(kFirst + static_cast<int>(sockets.size())));
  launch.environment.push_back(std::string(kPidVariable) + std::string(20, '\0'));
  launch.pid = launch.environment.back().data() + kPidVariable.size();
  launch.argv = pointers(launch.command);
  launch.envp = pointers(launch.environment);
  launch.descriptors.push_back(pipe);
}

// What a library has opened without O_CLOEXEC is not the successor's: a connection that it held
// would never end.
void close_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0U, 0) == 0) {
    return;
  }
  rlimit limit{};  // a kernel before 5.9
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t fd = static_cast<rlim_t>(first); fd < limit.rlim_cur; ++fd) {
    ::close(static_cast<int>(fd));
  }
}

// In the child, which has this thread alone: only what is safe there.
[[noreturn]] void become(Launch& launch) {
  const int clear = kFirst + static_cast<int>(launch.descriptors.size());
  for (int& descriptor : launch.descriptors) {  // out of the way of where they go
    descriptor = ::fcntl(descriptor, F_DUPFD_CLOEXEC, clear);
  }
  for (std::size_t i = 0; i < launch.descriptors.size(); ++i) {
    ::dup2(launch.descriptors[i], kFirst + static_cast<int>(i));
  }
  close_from(clear);
  std::to_chars(launch.pid, launch.pid + 19, ::getpid());
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(launch.argv[0], launch.argv.data(), launch.envp.data());
  ::_exit(127);
}

}  // namespace

protocol::Result<Successor> Successor::start(
    const std::vector<std::string>& command,
    const std::vector<proxy::InheritedSockets::Socket>& sockets) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return protocol::fail(protocol::FailureKind::internal,
                          std::string("no pipe could be made: ") + std::strerror(errno));
  }
  Launch launch{.command = command};
  prepare(launch, sockets, ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(launch);
  }
  const int error = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return protocol::fail(protocol::FailureKind::internal,
                          std::string("no process could be made: ") + std::strerror(error));
  }
  return Successor(pid, ends[0]);
}

Successor::Successor(Successor&& other) noexcept
    : pid_(other.pid_), pipe_(std::exchange(other.pipe_, -1)), state_(other.state_) {}

Successor::~Successor() {
  if (pipe_ >= 0) {
    ::close(pipe_);
  }
}

Successor::State Successor::state() {
  pollfd waiting{.fd = pipe_, .events = POLLIN, .revents = 0};
  if (state_ == State::starting && ::poll(&waiting, 1, 0) > 0) {
    char word = 0;
    if (::read(pipe_, &word, 1) == 1) {
      state_ = State::ready;
    } else {
      give_up();
    }
  }
  return state_;
}

void Successor::give_up() {
  if (state_ == State::starting) {  // else its number may be another process's already
    state_ = State::failed;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void tell_predecessor() {
  const char* text = std::getenv(kReadyVariable);
  if (text == nullptr) {
    return;
  }
  int pipe = -1;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, pipe);
  if (error == std::errc() && stopped == end && pipe >= kFirst) {
    [[maybe_unused]] const auto written = ::write(pipe, "1", 1);
    ::close(pipe);
  }
  ::unsetenv(kReadyVariable);
}

std::vector<std::string> own_command() {
  std::vector<std::string> command;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(file, word, '\0');) {
    command.push_back(std::move(word));
  }
  std::error_code error;
  if (command.empty() || command.front().find('/') == std::string::npos) {
    command.resize(std::max<std::size_t>(command.size(), 1));
    command.front() = std::filesystem::read_symlink("/proc/self/exe", error).string();
    // What the kernel adds when the file has been replaced.
    constexpr std::string_view kDeleted = " (deleted)";
    if (command.front().ends_with(kDeleted)) {
      command.front().resize(command.front().size() - kDeleted.size());
    }
  }
  return command;
}

}  // namespace sluice::cli
