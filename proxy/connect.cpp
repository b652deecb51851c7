#include "proxy/connect.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "proxy/drive.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using Addresses = protocol::Result<std::vector<SocketAddress>>;

constexpr std::size_t kMaxAnswer = 65536;  // bytes of the answer to a cancel request

Failure unreachable(const BackendPool& pool, const std::string& why) {
  return protocol::fail(FailureKind::backend_unreachable,
                        "cannot connect to the backend of pool " + pool.description() + ": " + why);
}

Task<Addresses> resolve_address(Worker& worker, const config::Address& address) {
  Server& server = worker.server;
  Addresses addresses = std::vector<SocketAddress>{};
  co_await detail::compute(server.offload(), worker.loop,
                           [&] { addresses = server.resolver().resolve(address); });
  co_return addresses;
}

int open_socket(const SocketAddress& address) {
  int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && !address.local()) {
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  return fd;
}

// Connects to one address; the error number on failure.
Task<int> connect_to(Worker& worker, const SocketAddress& address, TimePoint deadline,
                     std::unique_ptr<Stream>& connected) {
  int fd = open_socket(address);
  if (fd < 0) {
    co_return errno;
  }
  int status = ::connect(fd, address.data(), address.length);
  int error = status == 0 ? 0 : errno;
  auto stream = std::make_unique<Stream>(worker.loop, fd);
  if (error == EINPROGRESS) {
    bool expired = false;
    Timer timer(worker.loop);
    timer.arm(deadline, [&] {
      expired = true;
      stream->abort();
    });
    co_await stream->connecting();
    socklen_t length = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (expired) {
      co_return ETIMEDOUT;
    }
  }
  if (error == 0) {
    connected = std::move(stream);
  }
  co_return error;
}

protocol::BackendTarget make_target(Server& server, const BackendPool& pool,
                                    const protocol::Conversation* session) {
  const config::Pool& config = pool.config();
  protocol::BackendTarget target;
  target.host = config.addresses.front().host;
  target.local = !config.addresses.front().unix_path.empty();
  target.user = pool.user();
  target.database = pool.database();
  target.password = config.password;
  target.tls = static_cast<protocol::TlsMode>(config.tls.mode);
  if (!target.password) {
    target.learned = server.credentials().learned(pool.user());
    target.password = target.learned.password;
  }
  pool.dialect().prepare_target(target, *server.defaults(config), config.connect_args, session);
  return target;
}

// A TLS failure before the login tells that it is the backend's.
Failure of_backend(Failure failure, const BackendPool& pool) {
  switch (failure.kind) {
    case FailureKind::login_timeout:
      return unreachable(pool, "no answer within connect_timeout");
    case FailureKind::client_gone:
      return unreachable(pool, "it closed the connection during login");
    case FailureKind::tls_failed:
      failure.kind = FailureKind::backend_tls_failed;
      return failure;
    default:
      return failure;
  }
}

DriveContext drive_context(Worker& worker, const BackendPool& pool, Stream& stream,
                           TimePoint deadline) {
  return {stream,  Stream::Role::client,    pool.tls(), pool.config().addresses.front().host,
          nullptr, worker.server.offload(), deadline};
}

// init_sql, on a link that needs it; nobody reads from the stream but this.
Task<protocol::Status> initialise(Worker& worker, const BackendPool& pool, Stream& stream,
                                  protocol::Link& link, TimePoint deadline) {
  bool expired = false;
  Timer timer(worker.loop);
  timer.arm(deadline, [&] {
    expired = true;
    stream.abort();
  });
  protocol::Outbox outbox;
  link.start_chore(protocol::Chore::init, outbox);
  auto state = protocol::ChoreState::failed;
  if (co_await stream.send(outbox)) {
    do {
      Chunk chunk = co_await stream.receive();
      if (!chunk.has_data() && !chunk.spurious()) {
        state = protocol::ChoreState::failed;
        break;
      }
      state = chunk.has_data() ? link.chore_bytes(chunk.bytes()) : protocol::ChoreState::pending;
    } while (state == protocol::ChoreState::pending);
  }
  if (state == protocol::ChoreState::done) {
    co_return protocol::Done{};
  }
  if (link.chore_failure() == nullptr) {
    co_return unreachable(pool, expired ? "init_sql did not end within connect_timeout"
                                        : "the connection was lost while init_sql ran");
  }
  Failure failure = *link.chore_failure();
  failure.text = "pool " + pool.description() + ": " + failure.text;
  co_return failure;
}

}  // namespace

Task<protocol::Result<std::unique_ptr<Stream>>> connect_stream(Worker& worker, BackendPoolPtr pool,
                                                               TimePoint deadline) {
  auto addresses = co_await resolve_address(worker, pool->config().addresses.front());
  if (!addresses) {
    co_return unreachable(*pool, addresses.failure().text);
  }
  int error = 0;
  for (std::size_t i = 0; i < addresses->size() && worker.loop.now() < deadline; ++i) {
    // An address that does not answer may use up an even share of the time that is left.
    auto share = (deadline - worker.loop.now()) / static_cast<int>(addresses->size() - i);
    std::unique_ptr<Stream> stream;
    error = co_await connect_to(worker, (*addresses)[i], worker.loop.now() + share, stream);
    if (stream != nullptr) {
      co_return std::move(stream);
    }
  }
  co_return unreachable(*pool, std::strerror(error));
}

Task<protocol::Result<BackendPtr>> open_backend(Worker& worker, BackendPoolPtr pool,
                                                const protocol::Conversation* session) {
  Server& server = worker.server;
  auto& connect = pool->instruments(worker.index).connect;
  TimePoint started = worker.loop.now();
  TimePoint deadline = started + pool->config().connect_timeout;
  auto stream = co_await connect_stream(worker, pool, deadline);
  if (!stream) {
    pool->note_connect(false);
    co_return std::move(stream.failure());
  }
  TimePoint connected = worker.loop.now();
  connect(metrics::ConnectPhase::tcp).observe(connected - started);
  auto login = co_await drive(pool->dialect().login_backend(make_target(server, *pool, session)),
                              drive_context(worker, *pool, **stream, deadline));
  if (!login) {
    // It answers, if with a refusal.
    pool->note_connect(login.failure().kind == FailureKind::backend_login_failed ||
                       login.failure().kind == FailureKind::unknown_database);
    co_return of_backend(std::move(login.failure()), *pool);
  }
  connect(metrics::ConnectPhase::auth).observe(worker.loop.now() - connected);
  connect(metrics::ConnectPhase::total).observe(worker.loop.now() - started);
  pool->note_connect(true);
  pool->check_version(login->server_version);
  auto link = pool->dialect().make_link(std::move(*login), server.defaults(pool->config()));
  if (link->needs_init()) {
    auto status = co_await initialise(worker, *pool, **stream, *link, deadline);
    if (!status) {
      co_return std::move(status.failure());
    }
  }
  co_return std::make_shared<Backend>(worker, pool, std::move(*stream), std::move(link));
}

Task<protocol::Result<std::string>> ask_version(Worker& worker, BackendPoolPtr pool) {
  TimePoint deadline = worker.loop.now() + pool->config().connect_timeout;
  auto stream = co_await connect_stream(worker, pool, deadline);
  if (!stream) {
    co_return std::move(stream.failure());
  }
  auto login = co_await drive(pool->dialect().greet(make_target(worker.server, *pool, nullptr)),
                              drive_context(worker, *pool, **stream, deadline));
  if (!login) {
    co_return of_backend(std::move(login.failure()), *pool);
  }
  co_return std::move(login->server_version);
}

namespace {

// PostgreSQL: one packet on a fresh connection. The server closes it once the signal is sent.
Task<protocol::Status> send_packet(Worker& worker, BackendPtr backend, protocol::Buffer packet,
                                   std::function<bool()> still_wanted) {
  BackendPool& pool = backend->pool();
  auto self = backend->pool().shared_from_this();
  TimePoint deadline = worker.loop.now() + pool.config().connect_timeout;
  auto stream = co_await connect_stream(worker, self, deadline);
  if (!stream) {
    co_return std::move(stream.failure());
  }
  Timer timer(worker.loop);
  timer.arm(deadline, [&] { (*stream)->abort(); });
  if (backend->link().login().tls) {
    auto status = co_await drive(pool.dialect().greet(make_target(worker.server, pool, nullptr)),
                                 drive_context(worker, pool, **stream, deadline));
    if (!status) {
      co_return of_backend(std::move(status.failure()), pool);
    }
  }
  if (!still_wanted()) {
    co_return protocol::Done{};
  }
  if (!co_await (*stream)->send(std::move(packet))) {
    co_return unreachable(pool, "the cancel request could not be sent");
  }
  std::size_t received = 0;
  for (;;) {
    Chunk chunk = co_await (*stream)->receive();
    if (!chunk.has_data() && !chunk.spurious()) {
      co_return protocol::Done{};
    }
    received += chunk.has_data() ? chunk.bytes().size() : 0;
    if (received > kMaxAnswer) {
      co_return unreachable(pool, "unexpected answer to a cancel request");
    }
  }
}

}  // namespace

Task<protocol::Status> send_cancel(Worker& worker, BackendPtr backend, bool query_only,
                                   std::function<bool()> still_wanted) {
  BackendPool& pool = backend->pool();
  const protocol::BackendLogin& login = backend->link().login();
  protocol::Buffer packet = pool.dialect().cancel_packet(login);
  if (!packet.empty()) {
    backend->cancel_sent = true;
    co_return co_await send_packet(worker, backend, std::move(packet), std::move(still_wanted));
  }
  auto side = co_await open_backend(worker, pool.shared_from_this(), nullptr);
  if (!side) {
    co_return std::move(side.failure());
  }
  // It has no reader: the one answer, OK or an error, is all that is waited for.
  Stream& stream = (*side)->stream();
  Timer timer(worker.loop);
  timer.arm(worker.loop.now() + pool.config().connect_timeout, [&] { stream.abort(); });
  if (still_wanted()) {
    backend->cancel_sent = true;
    if (co_await stream.send(pool.dialect().kill_query(login, query_only))) {
      while ((co_await stream.receive()).spurious()) {
      }
    }
  }
  co_return protocol::Done{};
}

}  // namespace sluice::proxy
