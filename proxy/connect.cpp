#include "proxy/connect.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/checkout.hpp"
#include "proxy/connect_failure.hpp"
#include "proxy/drive.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using protocol::Result;

constexpr std::size_t kMaxAnswer = 65536;  // bytes of the answer to a cancel request

protocol::BackendTarget target_at(const LoginOrder& order, const Endpoint& at) {
  protocol::BackendTarget target = order.target;
  target.host = at.host;
  target.local = at.address.local();
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
      // No reason, or this one, means that it stopped in the middle of the handshake: it may be
      // about to shut down. A server that objects says so with an alert.
      if (failure.detail.empty() || failure.detail.find("unexpected eof") != std::string::npos) {
        return unreachable(pool, "it closed the connection during the TLS handshake");
      }
      failure.kind = FailureKind::backend_tls_failed;
      return failure;
    default:
      return failure;
  }
}

DriveContext drive_context(Worker& worker, const LoginOrder& order, const Dialed& dialed,
                           TimePoint deadline) {
  return {*dialed.stream,
          Stream::Role::client,
          order.settings->tls,
          dialed.at.host,
          nullptr,
          worker.server.offload(),
          deadline};
}

// Takes the front off `endpoints` and logs in there; no reader is started. An address that keeps us
// waiting may use up an even share of the time that is left for all.
Task<Result<BackendPtr>> log_in(Worker& worker, BackendPoolPtr pool, const LoginOrder& order,
                                std::vector<Endpoint>& endpoints, TimePoint deadline) {
  auto& connect = pool->instruments(worker.index).connect;
  const TimePoint started = worker.loop.now();
  auto dialed = co_await dial(worker, pool, endpoints, deadline);
  if (!dialed) {
    co_return std::move(dialed.failure());
  }
  const TimePoint connected = worker.loop.now();
  connect(metrics::ConnectPhase::tcp).observe(connected - started);
  const auto share = (deadline - connected) / static_cast<int>(endpoints.size() + 1);
  Duration handshake{0};
  DriveContext context = drive_context(worker, order, *dialed, connected + share);
  context.handshake = &handshake;
  auto login = co_await drive(pool->dialect().login_backend(target_at(order, dialed->at)), context);
  const TimePoint now = worker.loop.now();
  if (!login) {
    Failure failure = of_backend(std::move(login.failure()), *pool);
    if (tries_next_address(failure)) {
      pool->book().failed(dialed->at.address, now);
    }
    co_return failure;
  }
  pool->book().answered(dialed->at.address);
  if (login->tls) {
    connect(metrics::ConnectPhase::tls).observe(handshake);
  }
  connect(metrics::ConnectPhase::auth).observe(now - connected - handshake);
  connect(metrics::ConnectPhase::total).observe(now - started);
  pool->check_version(login->server_version);
  auto link = pool->dialect().make_link(std::move(*login), order.settings->defaults);
  auto backend = std::make_shared<Backend>(worker, pool, std::move(dialed->stream), std::move(link),
                                           dialed->at);
  backend->era = order.era;
  backend->opened_with = order.settings;
  co_return backend;
}

Task<Result<BackendPtr>> log_in_somewhere(Worker& worker, BackendPoolPtr pool,
                                          const LoginOrder& order, TimePoint deadline) {
  auto endpoints = co_await find_endpoints(worker, pool, deadline);
  if (!endpoints) {
    co_return std::move(endpoints.failure());
  }
  for (;;) {
    auto backend = co_await log_in(worker, pool, order, *endpoints, deadline);
    if (backend || endpoints->empty() || worker.loop.now() >= deadline ||
        !tries_next_address(backend.failure())) {
      co_return backend;
    }
  }
}

// init_sql, and whatever has come of the connection since the login.
Task<protocol::Status> initialise(Backend& backend, TimePoint deadline) {
  const BackendPool& pool = backend.pool();
  bool done = true;
  if (backend.link().needs_init()) {
    done = co_await backend.run_chore(protocol::Chore::init, deadline);
  }
  if (done && !backend.dead()) {
    co_return protocol::Done{};
  }
  if (done) {
    co_return unreachable(pool, "it closed the connection right after the login");
  }
  if (backend.link().chore_failure() == nullptr) {
    co_return unreachable(pool, backend.dead() ? "the connection was lost while init_sql ran"
                                               : "init_sql did not end within connect_timeout");
  }
  Failure failure = *backend.link().chore_failure();
  failure.text = "pool " + pool.description() + ": " + failure.text;
  co_return failure;
}

}  // namespace

namespace {

LoginOrder order_under(Server& server, const BackendPool& pool, PoolSettingsPtr settings,
                       const protocol::Conversation* session) {
  LoginOrder order;
  order.settings = std::move(settings);
  const config::Pool& config = *order.settings->pool;
  protocol::BackendTarget& target = order.target;
  target.user = pool.user(config);
  target.database = pool.database(config);
  target.password = config.password;
  target.tls = static_cast<protocol::TlsMode>(config.tls.mode);
  if (!target.password) {
    target.learned = server.credentials()->learned(target.user);
    target.password = target.learned.password;
  }
  pool.dialect().prepare_target(target, *order.settings->defaults, config.connect_args, session);
  order.fit_class = session != nullptr ? session->link_class() : 0;
  return order;
}

}  // namespace

LoginOrder make_order(Server& server, const BackendPool& pool,
                      const protocol::Conversation* session) {
  const std::uint32_t era = pool.slots.era();  // first: what is newer than it is of the next one
  LoginOrder order = order_under(server, pool, pool.settings(), session);
  order.era = era;
  return order;
}

namespace {

// For a side connection to the server of `backend`: as the same user, whose password may be another
// one by now.
LoginOrder cancel_order(Server& server, Backend& backend) {
  const BackendPool& pool = backend.pool();
  PoolSettingsPtr now = pool.settings();
  const bool same_user = now->pool->user == backend.opened_with->pool->user;
  return order_under(server, pool, same_user ? std::move(now) : backend.opened_with, nullptr);
}

}  // namespace

Task<Result<BackendPtr>> open_backend(Worker& worker, BackendPoolPtr pool, LoginOrder order) {
  const TimePoint deadline = worker.loop.now() + pool->config()->connect_timeout;
  auto opened = co_await log_in_somewhere(worker, pool, order, deadline);
  if (opened) {
    (*opened)->start();
    (*opened)->fit_class = order.fit_class;
    protocol::Status ready = co_await initialise(**opened, deadline);
    if (!ready) {
      co_await end_of(worker, std::move(*opened), pool::CloseReason::error);
      opened = std::move(ready.failure());
    }
  }
  if (opened) {
    pool->note_success(std::move(order));
  } else {
    pool->note_failure(opened.failure(), worker.loop.now());
  }
  co_return opened;
}

Task<Result<std::string>> ask_version(Worker& worker, BackendPoolPtr pool) {
  const TimePoint deadline = worker.loop.now() + pool->config()->connect_timeout;
  auto endpoints = co_await find_endpoints(worker, pool, deadline);
  if (!endpoints) {
    co_return std::move(endpoints.failure());
  }
  auto dialed = co_await dial(worker, pool, *endpoints, deadline);
  if (!dialed) {
    co_return std::move(dialed.failure());
  }
  const LoginOrder order = make_order(worker.server, *pool, nullptr);
  auto login = co_await drive(pool->dialect().greet(target_at(order, dialed->at)),
                              drive_context(worker, order, *dialed, deadline));
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
  const TimePoint deadline = worker.loop.now() + pool.config()->connect_timeout;
  std::vector<Endpoint> endpoints{backend->endpoint()};
  auto dialed = co_await dial(worker, pool.shared_from_this(), endpoints, deadline);
  if (!dialed) {
    co_return std::move(dialed.failure());
  }
  Stream& stream = *dialed->stream;
  Timer timer(worker.loop);
  timer.arm(deadline, [&] { stream.abort(); });
  if (backend->link().login().tls) {
    const LoginOrder order = cancel_order(worker.server, *backend);
    auto status = co_await drive(pool.dialect().greet(target_at(order, dialed->at)),
                                 drive_context(worker, order, *dialed, deadline));
    if (!status) {
      co_return of_backend(std::move(status.failure()), pool);
    }
  }
  if (!still_wanted()) {
    co_return protocol::Done{};
  }
  if (!co_await stream.send(std::move(packet))) {
    co_return unreachable(pool, "the cancel request could not be sent");
  }
  std::size_t received = 0;
  for (;;) {
    Chunk chunk = co_await stream.receive();
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
  const TimePoint deadline = worker.loop.now() + pool.config()->connect_timeout;
  const LoginOrder order = cancel_order(worker.server, *backend);
  std::vector<Endpoint> endpoints{backend->endpoint()};
  auto side = co_await log_in(worker, pool.shared_from_this(), order, endpoints, deadline);
  if (!side) {
    co_return std::move(side.failure());
  }
  // It has no reader: the one answer, OK or an error, is all that is waited for.
  Stream& stream = (*side)->stream();
  Timer timer(worker.loop);
  timer.arm(deadline, [&] { stream.abort(); });
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
