// The first part of a session's life: authenticate, find out that a backend accepts what the client
// asked for, and let the client in. session_route.cpp has what is between the two.

#include <functional>
#include <utility>

#include "metrics/log.hpp"
#include "protocol/crypto.hpp"
#include "protocol/proxy_header.hpp"
#include "proxy/address.hpp"
#include "proxy/cancel.hpp"
#include "proxy/drive.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using metrics::ClientState;
using protocol::Failure;
using protocol::FailureKind;

protocol::AcceptOptions Session::accept_options() const {
  Server& server = worker_.server;
  protocol::AcceptOptions options;
  options.tls = static_cast<protocol::TlsMode>(listener_.config->tls.mode);
  options.local = !listener_.config->bind.unix_path.empty();
  options.connection_id = id_;
  options.server_version = server.advertised_version(listener_);
  options.rsa_key = listener_.rsa_key;
  options.mock_salt_key = server.mock_salt_key();
  return options;
}

Task<bool> Session::log_in() {
  TimePoint started = worker_.loop.now();
  TimePoint deadline = started + worker_.server.config()->limits.client_login_timeout;
  auto& instruments = *listener_.instruments[worker_.index];
  protocol::Buffer unsent;  // of the login, and leaves with the welcome
  Attributes attributes;
  protocol::Status status = co_await learn_address(deadline);
  if (!status) {
    note_failed_login(status.failure());  // and no answer: who would it be for?
    co_return false;
  }
  status = co_await authenticate(deadline, unsent, attributes);
  if (status && login_->cancel) {
    if (!worker_.server.cancels().cancel(*login_->cancel)) {
      worker_.instruments.cancels(metrics::CancelResult::unknown).add();
    }
    co_return false;
  }
  if (!status) {
    const Failure& failure = status.failure();
    if (failure.kind == FailureKind::message_too_large) {
      // Found by the driver; every other failure the machine has told the client already.
      co_await client_.send(listener_.dialect->login_error(*login_, failure));
    }
    note_failed_login(failure);
    co_return false;
  }
  auto method = metrics::login_method(login_->method);
  status = choose_route(attributes);
  if (status) {
    status = co_await welcome(unsent);
  }
  if (!status) {
    instruments.logins(method, metrics::Outcome::failed).add();
    instruments.rejected(status.failure().kind).add();
    co_await refuse_login(std::move(status.failure()), unsent);
    co_return false;
  }
  instruments.logins(method, metrics::Outcome::ok).add();
  instruments.login_duration.observe(worker_.loop.now() - started);
  presence_.become(ClientState::idle);
  if (metrics::log::enabled(metrics::log::Level::debug)) {
    metrics::log::write(metrics::log::Level::debug, "client_login", about(),
                        {{"method", login_->method}});
  }
  co_return true;
}

void Session::note_failed_login(const Failure& failure) {
  if (failure.kind != FailureKind::client_gone) {
    auto& instruments = *listener_.instruments[worker_.index];
    instruments.auth_failures(failure.kind).add();
    instruments.logins(metrics::login_method(login_->method), metrics::Outcome::failed).add();
  }
  metrics::log::failed("client_login_failed", failure, about());
}

// Where the peer is a load balancer, it says first whose connection this is. Nothing is sent
// before: MySQL's greeting is for the client.
Task<protocol::Status> Session::learn_address(TimePoint deadline) {
  if (!listener_.asks_for_header(host_of(peer_))) {
    co_return protocol::Done{};
  }
  DriveContext context{client_, Stream::Role::server,     nullptr, {},
                       nullptr, worker_.server.offload(), deadline};
  auto header = co_await drive(protocol::read_proxy_header(), context);
  if (!header) {
    Failure& failure = header.failure();
    if (failure.kind == FailureKind::login_timeout) {
      failure.text = "no PROXY header has come within client_login_timeout";
    }
    co_return std::move(failure);
  }
  std::string client = to_string(*header);
  if (!client.empty()) {
    const std::string balancer = std::exchange(peer_, std::move(client));
    if (metrics::log::enabled(metrics::log::Level::debug)) {
      metrics::log::write(metrics::log::Level::debug, "proxy_header", about(),
                          {{"balancer", balancer}});
    }
  }
  co_return protocol::Done{};
}

Task<protocol::Status> Session::authenticate(TimePoint deadline, protocol::Buffer& unsent,
                                             Attributes& attributes) {
  Server& server = worker_.server;
  // A login that began under a configuration ends under it.
  const auto credentials = server.credentials();
  DriveContext context{client_,           Stream::Role::server, listener_.tls, {},
                       credentials.get(), server.offload(),     deadline,      &unsent};
  co_await server.learn_version(worker_, listener_.config->protocol);
  auto result = co_await drive(listener_.dialect->accept_client(accept_options()), context);
  if (!result) {
    co_return std::move(result.failure());
  }
  logged_in_as(std::move(*result), *credentials, attributes);
  co_return protocol::Done{};
}

void Session::logged_in_as(protocol::ClientLogin login, Credentials& credentials,
                           Attributes& attributes) {
  Server& server = worker_.server;
  if (!login.cancel) {
    credentials.learn(login.user, login.learned);
    login.learned = {};
    if (server.credentials().get() != &credentials) {
      note_removed_user(*server.credentials(), login.user);  // a reload came while it logged in
    }
    attributes = listener_.dialect->take_attributes(login, server.policy()->attribute_names());
  }
  login_ = std::make_shared<const protocol::ClientLogin>(std::move(login));
}

// Settings that no backend has accepted yet are tried on one, whose answers are then remembered.
Task<protocol::Result<protocol::Parameters>> Session::reported_parameters() {
  if (console_ != nullptr) {
    co_return protocol::Parameters();  // it knows its own
  }
  const protocol::SettingsPtr& settings = conversation_->settings();
  std::uint64_t hash = (settings ? settings->hash() : 0) ^ conversation_->link_class();
  if (auto known = pool_->known(hash)) {
    co_return std::move(*known);
  }
  presence_.become(ClientState::waiting);
  Checkout checkout(worker_, pool_, *conversation_);
  BackendPtr backend = checkout.try_now();
  if (backend == nullptr) {
    checkout_ = &checkout;
    auto result = co_await checkout.run();
    checkout_ = nullptr;
    if (!result) {
      co_return std::move(result.failure());
    }
    backend = std::move(*result);
  }
  protocol::Exchange exchange;
  hold(std::move(backend), exchange);
  trying_ = true;  // a session that changes its user would give it back at the last reply
  bool sent = co_await flush(exchange);
  TimePoint deadline = worker_.loop.now() + pool_->config()->connect_timeout;
  while (sent && !closing_ && !client_.hung_up() && backend_ != nullptr &&
         conversation_->outstanding() && worker_.loop.now() < deadline) {
    co_await progress_.wait_until(deadline);
  }
  trying_ = false;
  if (auto failure = conversation_->attach_failure()) {
    let_go();
    co_return std::move(*failure);
  }
  if (!sent || backend_ == nullptr || conversation_->outstanding()) {
    let_go();
    co_return protocol::fail(FailureKind::backend_lost, "the connection to the backend of pool " +
                                                            pool_->description() + " was lost");
  }
  protocol::Parameters reported = backend_->link().parameters();
  if (conversation_->may_release()) {
    let_go();
  }
  pool_->learn(hash, reported);
  co_return reported;
}

Task<protocol::Status> Session::welcome(const protocol::Buffer& unsent) {
  auto reported = co_await reported_parameters();
  if (!reported) {
    co_return std::move(reported.failure());
  }
  cancel_key_ = protocol::random_bytes(login_->protocol_version > 196608 ? 32 : 4);
  protocol::Outbox outbox;
  if (!unsent.empty()) {
    outbox.own(unsent);
  }
  conversation_->welcome(*reported, {id_, cancel_key_}, outbox);
  if (!co_await client_.send(outbox)) {
    co_return protocol::fail(FailureKind::client_gone, "connection closed during login");
  }
  co_return protocol::Done{};
}

Task<void> Session::refuse_login(Failure failure, protocol::Buffer unsent) {
  metrics::log::failed("client_login_refused", failure, about());
  const protocol::Buffer error = listener_.dialect->login_error(*login_, failure);
  unsent.insert(unsent.end(), error.begin(), error.end());
  co_await client_.send(std::move(unsent));
}

// MySQL: the session starts again as somebody else, on the same connection.
Task<void> Session::change_user(protocol::Buffer packet) {
  Server& server = worker_.server;
  co_await client_turn_.take();  // what is still being written to the client comes first
  client_turn_.give();
  let_go();
  protocol::Buffer unsent;
  Attributes attributes;
  // A login that began under a configuration ends under it.
  const auto credentials = server.credentials();
  DriveContext context{client_,
                       Stream::Role::server,
                       listener_.tls,
                       {},
                       credentials.get(),
                       server.offload(),
                       worker_.loop.now() + server.config()->limits.client_login_timeout,
                       &unsent};
  auto machine = listener_.dialect->change_user(accept_options(), *login_, std::move(packet));
  auto result = co_await drive(std::move(machine), context);
  auto& instruments = *listener_.instruments[worker_.index];
  protocol::Status status = protocol::Done{};
  if (!result) {
    instruments.auth_failures(result.failure().kind).add();
    metrics::log::failed("client_login_failed", result.failure(), about());
    closing_ = true;
    co_return;
  }
  logged_in_as(std::move(*result), *credentials, attributes);
  conversation_->inspect(nullptr, 0);
  close_chain();
  status = choose_route(attributes);
  if (status) {
    status = co_await welcome(unsent);
  }
  if (!status) {
    instruments.rejected(status.failure().kind).add();
    closing_ = true;
    co_await refuse_login(std::move(status.failure()), unsent);
    co_return;
  }
  server.cancels().add(id_, std::exchange(cancel_key_, {}), weak_from_this(), worker_,
                       login_->user);
  presence_.become(ClientState::idle);
}

}  // namespace sluice::proxy
