#pragma once

// A server with one worker, one client on a socket pair and a backend whose side the test plays;
// the dialect logs everybody in without a word, and the test brings the conversation.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/server.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {

class SilentDialect final : public protocol::Dialect {
 public:
  using Begin = std::function<std::unique_ptr<protocol::Conversation>()>;
  explicit SilentDialect(Begin begin) : begin_(std::move(begin)) {}

  protocol::Protocol protocol() const override { return real_.protocol(); }
  std::string_view name() const override { return real_.name(); }
  std::uint16_t default_port() const override { return real_.default_port(); }
  protocol::Machine<protocol::ClientLogin> accept_client(protocol::AcceptOptions) const override {
    protocol::ClientLogin login;
    login.user = login.database = "app";
    login.parameters = {{"application_name", "test"}, {"sluice.token", "t0ken"}};
    co_return login;
  }
  protocol::Machine<protocol::BackendLogin> login_backend(
      protocol::BackendTarget target) const override {
    return real_.login_backend(std::move(target));
  }
  protocol::Machine<protocol::ClientLogin> change_user(protocol::AcceptOptions options,
                                                       protocol::ClientLogin current,
                                                       protocol::Buffer packet) const override {
    return real_.change_user(std::move(options), std::move(current), std::move(packet));
  }
  protocol::Buffer login_error(const protocol::ClientLogin& /*login*/,
                               const protocol::Failure& failure) const override {
    return {failure.text.begin(), failure.text.end()};
  }
  protocol::Buffer greeting_error(const protocol::Failure& failure) const override {
    return real_.greeting_error(failure);
  }
  std::unique_ptr<protocol::ConsoleConversation> make_console(
      const protocol::ClientLogin& login, protocol::ConsoleIdentity identity) const override {
    return real_.make_console(login, std::move(identity));
  }
  std::unique_ptr<protocol::Conversation> make_conversation(
      const protocol::ClientLogin& login,
      std::shared_ptr<const protocol::SessionDefaults> defaults) const override {
    begun_with = login.parameters;
    defaults_given = std::move(defaults);
    return begin_();
  }
  std::unique_ptr<protocol::Link> make_link(
      protocol::BackendLogin login,
      std::shared_ptr<const protocol::SessionDefaults> defaults) const override {
    return real_.make_link(std::move(login), std::move(defaults));
  }
  void prepare_target(protocol::BackendTarget& target, const protocol::SessionDefaults& defaults,
                      const protocol::Parameters& connect_args,
                      const protocol::Conversation* session) const override {
    real_.prepare_target(target, defaults, connect_args, session);
  }
  protocol::Buffer cancel_packet(const protocol::BackendLogin& backend) const override {
    return real_.cancel_packet(backend);
  }
  protocol::Machine<protocol::BackendLogin> greet(protocol::BackendTarget target) const override {
    return real_.greet(std::move(target));
  }
  protocol::Buffer kill_query(const protocol::BackendLogin& backend, bool only) const override {
    return real_.kill_query(backend, only);
  }

  // Of the last conversation; to be read when the server has ended.
  mutable protocol::Parameters begun_with;
  mutable std::shared_ptr<const protocol::SessionDefaults> defaults_given;

 private:
  const protocol::Dialect& real_ = protocol::dialect(protocol::Protocol::postgresql);
  Begin begin_;
};

// A blocking socket that gives up after five seconds.
inline int patient(int fd) {
  timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

// A ring that this thread has closed may still interrupt it once.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

inline std::string received(int fd) {
  char bytes[512];
  ssize_t count = uninterrupted([&] { return ::recv(fd, bytes, sizeof bytes, 0); });
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

inline void say(int fd, std::string_view text) {
  ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

// A listening socket of the loopback interface: one server for backends to connect to.
class BackendPort {
 public:
  BackendPort() : fd_(patient(::socket(AF_INET, SOCK_STREAM, 0))) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~BackendPort() { stop_listening(); }
  BackendPort(const BackendPort&) = delete;
  BackendPort& operator=(const BackendPort&) = delete;

  config::Pool pool(std::string name) const {
    config::Pool pool;
    pool.name = std::move(name);
    pool.addresses = {{"127.0.0.1", port_, ""}};
    pool.user = pool.database = "app";
    pool.tls.mode = config::TlsMode::disable;
    return pool;
  }
  // Further connections are refused, those that would cancel something among them.
  void stop_listening() {
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
    }
  }
  // The backend's side of a login, as far as sluice needs it.
  int let_in() const {
    int fd = patient(uninterrupted([&] { return ::accept(fd_, nullptr, nullptr); }));
    received(fd);
    const char welcome[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    EXPECT_EQ(::send(fd, welcome, sizeof welcome - 1, 0), static_cast<ssize_t>(sizeof welcome - 1));
    return fd;
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

struct SessionHouse {
  explicit SessionHouse(SilentDialect::Begin begin) : dialect(std::move(begin)) {
    wanted->workers = 1;
    wanted->pools = {port.pool("main")};
    config::Route route;
    route.name = "all";
    route.pool = "main";
    wanted->routes = {route};
    listener->config = &bound;
    listener->dialect = &dialect;
  }
  ~SessionHouse() { leave(); }
  SessionHouse(const SessionHouse&) = delete;
  SessionHouse& operator=(const SessionHouse&) = delete;

  // With what the test has made of `wanted`; one client comes.
  void open(Policy::Maker maker = &middleware::make) {
    listener->instruments = {registry.lend_listener("test")};
    server = std::make_unique<Server>(wanted, registry, Poller::epoll, std::move(maker));
    before_start(*server);
    ASSERT_TRUE(server->start().ok());
    client = come();
  }
  // Another client, whose end the test closes.
  int come(const std::string& peer = "test") {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int flag = ::fcntl(ends[0], F_GETFL);
    ::fcntl(ends[0], F_SETFL, flag | O_NONBLOCK);
    server->accepted(listener, ends[0], peer);
    return patient(ends[1]);
  }
  // The client closes its connection.
  void leave() {
    if (client >= 0) {
      ::close(std::exchange(client, -1));
    }
  }
  // The server ends; a backend closes its connection once it is told goodbye, or loses it.
  void shut(std::initializer_list<int> backends = {}) {
    server->drain();
    std::vector<std::thread> ends;
    for (const int backend : backends) {
      ends.emplace_back([backend] {
        constexpr char kTerminate = 'X';
        for (std::string more = received(backend); !more.empty() && more[0] != kTerminate;) {
          more = received(backend);
        }
        ::close(backend);
      });
    }
    server->join();
    for (std::thread& end : ends) {
      end.join();
    }
  }
  void expect_nothing_left() {
    EXPECT_TRUE(server->empty());
    EXPECT_TRUE(server->gate().empty()) << "no coroutine is left behind";
    const auto snapshot = pool("main").slots.snapshot(Clock::now());
    EXPECT_EQ(snapshot.in_use + snapshot.opening, 0U) << "every backend was given back";
  }
  BackendPool& pool(const std::string& name) {
    return *server->pools().get(*wanted->find_pool(name), "app", "app");
  }

  BackendPort port;
  int client = -1;
  std::function<void(Server&)> before_start = [](Server&) {};
  std::shared_ptr<config::Config> wanted = std::make_shared<config::Config>();
  config::Listener bound;
  SilentDialect dialect;
  metrics::Registry registry{"test"};
  std::shared_ptr<Listener> listener = std::make_shared<Listener>();
  std::unique_ptr<Server> server;
};

}  // namespace sluice::proxy
