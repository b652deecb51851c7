#include "proxy/session.hpp"

#include <utility>

#include "metrics/log.hpp"
#include "proxy/cancel.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using metrics::ClientState;
using metrics::Direction;
using metrics::Side;
using protocol::Ending;
using protocol::Exchange;
using protocol::Need;

namespace {

// Who a client is before its login.
const std::shared_ptr<const protocol::ClientLogin>& nobody() {
  static const auto login = std::make_shared<const protocol::ClientLogin>();
  return login;
}

}  // namespace

Session::Session(Worker& worker, ListenerPtr listener, int fd, std::string peer)
    : worker_(worker),
      its_listener_(std::move(listener)),
      listener_(*its_listener_),
      client_(worker.loop, fd),
      client_turn_(worker.loop),
      progress_(worker.loop),
      presence_(*listener_.instruments[worker.index]),
      peer_(std::move(peer)),
      id_(worker.server.cancels().new_id(listener_.dialect->protocol())),
      connected_at_(worker.loop.now()),
      login_(nobody()),
      backend_turn_(worker.loop) {
  client_.tell_when_closed(*this);
  worker_.sessions.insert(this);
  worker_.start_sweep();
}

Session::~Session() {
  count_prepared(0);
  presence_.leave();
  worker_.sessions.erase(this);
  worker_.session_count.fetch_sub(1, std::memory_order_relaxed);
  worker_.server.client_left();
}

Task<void> Session::run() {
  auto self = shared_from_this();
  try {
    if (co_await log_in()) {
      worker_.server.cancels().add(id_, std::exchange(cancel_key_, {}), weak_from_this(), worker_,
                                   login_->user);
      serving_ = true;
      co_await serve();
    }
  } catch (const std::exception& error) {
    abandon(error.what());
  } catch (...) {
    abandon("unknown exception");
  }
  serving_ = false;
  worker_.server.cancels().remove(id_);
  let_go();  // after a login that failed, too: it may have tried its settings on a backend
  close_chain();
  if (client_turn_.taken()) {
    client_.abort();  // the backend's reader is stuck in a write to this client: wake it
  } else {
    co_await client_.close_politely();
  }
}

Task<void> Session::serve() {
  client_.receive_ahead();
  logged_in_at_ = heard_at_ = worker_.loop.now();
  moved();
  if (draining_) {
    drain();  // asked for while the client logged in
  }
  while (!closing_) {
    Chunk chunk = co_await client_.receive();
    if (chunk.spurious()) {
      continue;
    }
    if (!chunk.has_data()) {
      if (chunk.arrival() == Arrival::end) {
        co_await answer_the_rest();
      }
      break;
    }
    heard_at_ = worker_.loop.now();
    left_ = false;
    count_client_bytes(Direction::received, chunk.bytes().size());
    if (!co_await forward(chunk)) {
      break;
    }
    show_state();
  }
  say_goodbye();
}

// The path of a query, from the bytes of the client to the backend. False: the session ends.
Task<bool> Session::forward(Chunk& chunk) {
  Exchange& exchange = chunk.exchange();
  protocol::Bytes in = chunk.bytes();
  for (;;) {
    if (backend_ != nullptr && backend_->cancels > 0) {
      co_await cancels_are_over();
      if (closing_ || left_ || client_.hung_up()) {
        co_return false;
      }
    }
    bool idle = backend_ == nullptr || !conversation_->outstanding();
    Need need = conversation_->from_client(in, exchange);
    if (idle) {
      asked_at_ = worker_.loop.now();
      moved();
    }
    count(exchange.facts);
    if (!flush_now(exchange) && !co_await flush(exchange)) {
      co_return false;
    }
    release_if_done();
    switch (need) {
      case Need::input:
        co_return !closing_;
      case Need::close:
        co_return false;
      case Need::backend:
        if (backend_ == nullptr) {
          if (closing_ || !co_await obtain_backend(exchange)) {
            co_return false;
          }
          if (backend_ == nullptr) {
            continue;  // refused: the client is told where the request is read again
          }
        }
        break;
      case Need::reply:
        if (!co_await carry_out_special(exchange)) {
          co_return false;
        }
        break;
      case Need::pause:
        if (!co_await pause()) {
          co_return false;
        }
        break;
    }
    if (closing_) {
      co_return false;
    }
  }
}

// A cancel that is still on its way to the server would hit the request that comes next.
Task<void> Session::cancels_are_over() {
  BackendPtr backend = backend_;
  while (backend != nullptr && backend == backend_ && backend->cancels > 0 &&
         !conversation_->outstanding() && !closing_) {
    co_await progress_.wait();
  }
}

// Replies of our own go out before the requests behind them.
bool Session::flush_now(Exchange& exchange) {
  if (!exchange.to_client.empty()) {
    if (!client_turn_.try_take()) {
      return false;
    }
    std::size_t before = exchange.to_client.size();
    Stream::Sent sent = client_.try_send(exchange.to_client);
    count_client_bytes(Direction::sent, before - exchange.to_client.size());
    if (sent == Stream::Sent::blocked) {
      turn_holder_ = &exchange;  // nobody else may write in the middle of it; flush() goes on
      return false;
    }
    client_turn_.give();
    if (sent != Stream::Sent::all) {
      return false;
    }
  }
  if (!exchange.to_backend.empty()) {
    if (backend_ == nullptr) {
      exchange.to_backend.clear();
      return true;
    }
    if (backend_turn_.taken()) {
      return false;
    }
    std::size_t before = exchange.to_backend.size();
    Stream::Sent sent = backend_->stream().try_send(exchange.to_backend);
    worker_.instruments.bytes(Side::backend, Direction::sent)
        .add(before - exchange.to_backend.size());
    return sent == Stream::Sent::all;
  }
  return true;
}

Task<bool> Session::flush(Exchange& exchange) {
  if (!exchange.to_client.empty()) {
    if (turn_holder_ != &exchange) {
      co_await client_turn_.take();
    }
    turn_holder_ = nullptr;
    std::size_t size = exchange.to_client.size();
    bool sent = co_await client_.send(exchange.to_client);
    count_client_bytes(Direction::sent, size);
    client_turn_.give();
    if (!sent) {
      co_return false;
    }
  }
  if (!exchange.to_backend.empty() && backend_ != nullptr) {
    // The backend may end while we wait: its reader then detaches it, and what is left of this
    // request is dropped with it.
    BackendPtr backend = backend_;
    std::size_t size = exchange.to_backend.size();
    co_await backend_turn_.take();
    bool sent = co_await backend->stream().send(exchange.to_backend);
    backend_turn_.give();
    worker_.instruments.bytes(Side::backend, Direction::sent).add(size);
    if (!sent) {
      backend->hang_up();
    }
  }
  exchange.to_backend.clear();
  co_return !closing_;
}

Task<bool> Session::obtain_backend(Exchange& exchange) {
  Checkout checkout(worker_, pool_of_request(), *conversation_);
  BackendPtr backend = checkout.try_now();
  if (backend == nullptr) {
    presence_.become(ClientState::waiting);
    checkout_ = &checkout;
    auto result = co_await checkout.run();
    checkout_ = nullptr;
    moved();
    if (!result) {
      metrics::log::failed("request_refused", result.failure(), about());
      Ending ending = conversation_->refuse(result.failure(), exchange);
      co_return co_await flush(exchange) && ending == Ending::carry_on;
    }
    hold(std::move(*result), exchange);
    co_return !client_.hung_up();  // a statement whose client is gone by now is not run
  }
  hold(std::move(backend), exchange);
  co_return true;
}

void Session::hold(BackendPtr backend, Exchange& exchange) {
  backend_ = std::move(backend);
  backend_->lend(shared_from_this());
  backend_->lent_at = worker_.loop.now();
  if (lender_.get() != &backend_->pool()) {
    lender_ = backend_->pool().shared_from_this();
  }
  ++lease_;
  presence_.become(ClientState::active);
  conversation_->attach(backend_->link(), exchange);
}

// Middleware lets the request at the head wait. False: the session ends.
Task<bool> Session::pause() {
  const auto resume_at = chain_->resume_at();
  const TimePoint until = resume_at.value_or(worker_.loop.now());
  presence_.become(ClientState::waiting);
  pausing_ = true;
  while (pausing_ && !closing_ && !left_ && !client_.hung_up() && worker_.loop.now() < until) {
    co_await progress_.wait_until(until);
  }
  pausing_ = false;
  show_state();
  co_return !closing_ && !left_ && !client_.hung_up();
}

Task<bool> Session::carry_out_special(Exchange& exchange) {
  auto command = console_ != nullptr ? console_->take_command() : std::nullopt;
  if (command) {
    const bool goes_on = co_await carry_out_command(std::move(*command), exchange);
    co_return goes_on;
  }
  auto special = conversation_->take_special();
  if (!special) {
    co_await progress_.wait();
    co_return !closing_ && !left_ && !client_.hung_up();
  }
  if (special->kind == protocol::Conversation::Special::Kind::change_user) {
    co_await change_user(std::move(special->packet));
    co_return !closing_;
  }
  protocol::Status outcome =
      worker_.server.cancels().kill(special->connection_id, login_->user, special->query_only);
  conversation_->complete_special(outcome, exchange);
  co_return co_await flush(exchange);
}

}  // namespace sluice::proxy
