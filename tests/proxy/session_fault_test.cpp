// A session whose conversation throws: it costs itself and its backend, and leaves nothing behind.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <memory>
#include <stdexcept>
#include <string>

#include "proxy/server.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy {
namespace {

using protocol::Bytes;
using protocol::Exchange;

enum class Fault : std::uint8_t { none, welcome, from_client, attach, from_backend };

class FaultyConversation final : public protocol::Conversation {
 public:
  explicit FaultyConversation(Fault fault) : fault_(fault) {}

  void welcome(const protocol::Parameters&, const protocol::CancelRequest&,
               protocol::Outbox& to_client) override {
    maybe(Fault::welcome);
    welcomed_ = true;
    to_client.own(protocol::Buffer{'w'});
  }
  protocol::Need from_client(Bytes& in, Exchange& out) override {
    maybe(Fault::from_client);
    if (!attached_) {
      return protocol::Need::backend;
    }
    out.to_backend.own(protocol::Buffer(in.begin(), in.end()));
    in = {};
    outstanding_ = true;
    return protocol::Need::input;
  }
  void from_backend(Bytes in, Exchange& out) override {
    maybe(Fault::from_backend);
    outstanding_ = false;
    out.to_client.own(protocol::Buffer(in.begin(), in.end()));
  }
  void attach(protocol::Link&, Exchange&) override {
    attached_ = true;
    if (welcomed_) {
      maybe(Fault::attach);
    }
  }
  bool may_release() const override { return attached_ && !outstanding_; }
  protocol::Cleanup detach() override {
    attached_ = false;
    return protocol::Cleanup::none;
  }
  bool outstanding() const override { return outstanding_; }
  bool in_transaction() const override { return false; }
  bool awaits_client() const override { return false; }
  bool at_rest() const override { return !outstanding_; }
  protocol::Ending refuse(const protocol::Failure&, Exchange&) override {
    return protocol::Ending::close;
  }
  protocol::Ending backend_lost(const protocol::Failure&, Exchange&) override {
    attached_ = outstanding_ = false;
    return protocol::Ending::close;
  }
  void farewell(const protocol::Failure&, protocol::Outbox&) override {}
  const protocol::SettingsPtr& settings() const override { return settings_; }
  std::uint64_t link_class() const override { return 0; }
  protocol::PinSet pins() const override { return {}; }

 private:
  void maybe(Fault here) const {
    if (fault_ == here) {
      throw std::runtime_error("a defect");
    }
  }
  Fault fault_;
  bool attached_ = false;
  bool outstanding_ = false;
  bool welcomed_ = false;
  protocol::SettingsPtr settings_;
};

// Logs everybody in without a word.
class FaultyDialect final : public protocol::Dialect {
 public:
  explicit FaultyDialect(Fault fault) : fault_(fault) {}

  protocol::Protocol protocol() const override { return real_.protocol(); }
  std::string_view name() const override { return real_.name(); }
  std::uint16_t default_port() const override { return real_.default_port(); }
  protocol::Machine<protocol::ClientLogin> accept_client(protocol::AcceptOptions) const override {
    protocol::ClientLogin login;
    login.user = login.database = "app";
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
  protocol::Buffer login_error(const protocol::ClientLogin& login,
                               const protocol::Failure& failure) const override {
    return real_.login_error(login, failure);
  }
  protocol::Buffer greeting_error(const protocol::Failure& failure) const override {
    return real_.greeting_error(failure);
  }
  std::unique_ptr<protocol::Conversation> make_conversation(
      const protocol::ClientLogin&,
      std::shared_ptr<const protocol::SessionDefaults>) const override {
    return std::make_unique<FaultyConversation>(fault_);
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

 private:
  const protocol::Dialect& real_ = protocol::dialect(protocol::Protocol::postgresql);
  Fault fault_;
};

// A blocking socket that gives up after five seconds.
int patient(int fd) {
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

std::string received(int fd) {
  char bytes[512];
  ssize_t count = uninterrupted([&] { return ::recv(fd, bytes, sizeof bytes, 0); });
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

struct SessionFault : testing::TestWithParam<Fault> {
  SessionFault() {
    listening = patient(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening, 4), 0);
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);

    auto made = std::make_shared<config::Config>();
    made->workers = 1;
    config::Pool pool;
    pool.name = "main";
    pool.addresses = {{"127.0.0.1", ntohs(address.sin_port), ""}};
    pool.user = pool.database = "app";
    pool.tls.mode = config::TlsMode::disable;
    made->pools = {pool};
    config::Route route;
    route.name = "all";
    route.pool = "main";
    made->routes = {route};
    config = made;
    listener.config = &bound;
    listener.dialect = &dialect;
    listener.instruments = {&registry.add_listener("test")};
    server = std::make_unique<Server>(config, registry, Poller::epoll);
    EXPECT_TRUE(server->start().ok());
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int flag = ::fcntl(ends[0], F_GETFL);
    ::fcntl(ends[0], F_SETFL, flag | O_NONBLOCK);
    client = patient(ends[1]);
    server->accepted(listener, ends[0], "test");
  }
  ~SessionFault() override {
    ::close(client);
    ::close(listening);
  }

  // The backend's side: its login, as far as sluice needs it.
  int let_backend_in() {
    int fd = patient(uninterrupted([&] { return ::accept(listening, nullptr, nullptr); }));
    received(fd);
    const char welcome[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    EXPECT_EQ(::send(fd, welcome, sizeof welcome - 1, 0), static_cast<ssize_t>(sizeof welcome - 1));
    return fd;
  }
  pool::Snapshot snapshot() {
    return server->pools().get(config->pools[0], "app", "app")->slots.snapshot(Clock::now());
  }

  int listening = -1;
  int client = -1;
  std::shared_ptr<const config::Config> config;
  config::Listener bound;
  FaultyDialect dialect{GetParam()};
  Listener listener;
  metrics::Registry registry{"test"};
  std::unique_ptr<Server> server;
};

TEST_P(SessionFault, CostsItselfAndItsBackendAlone) {
  int backend = let_backend_in();
  bool harmless = GetParam() == Fault::none;
  EXPECT_EQ(received(client), GetParam() == Fault::welcome ? "" : "w");
  ::send(client, "ask", 3, MSG_NOSIGNAL);
  if (harmless || GetParam() == Fault::from_backend) {
    EXPECT_EQ(received(backend), "ask");
    ::send(backend, "answer", 6, MSG_NOSIGNAL);
  }
  EXPECT_EQ(received(client), harmless ? "answer" : "");
  ::shutdown(client, SHUT_RDWR);
  server->drain();
  server->join();
  EXPECT_TRUE(server->empty());
  EXPECT_TRUE(server->gate().empty()) << "no coroutine is left behind";
  EXPECT_EQ(snapshot().in_use + snapshot().opening, 0U);
  received(backend);  // PostgreSQL's Terminate where it was idle
  EXPECT_EQ(received(backend), "") << "closed";
  ::close(backend);
}

INSTANTIATE_TEST_SUITE_P(Each, SessionFault,
                         testing::Values(Fault::none, Fault::welcome, Fault::from_client,
                                         Fault::attach, Fault::from_backend));

}  // namespace
}  // namespace sluice::proxy
