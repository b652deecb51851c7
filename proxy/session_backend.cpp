// The backend's side of a session: what it sends back, when it is given back, what happens when it
// is lost. Run by the backend's reader while a session holds it.

#include <algorithm>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/cancel.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using metrics::ClientState;
using protocol::Ending;
using protocol::Exchange;

bool Session::deliver(Backend& backend, Chunk& chunk) {
  try {
    return pass_on(chunk);
  } catch (const std::exception& error) {
    abandon(error.what());
    backend.hang_up();
    return true;
  }
}

bool Session::pass_on(Chunk& chunk) {
  Exchange& exchange = chunk.exchange();
  conversation_->from_backend(chunk.bytes(), exchange);
  count(exchange.facts);
  if (!exchange.to_client.empty() || !exchange.to_backend.empty()) {
    if (!flush_now(exchange)) {
      delivering_ = true;
      return false;
    }
  }
  after_delivery();
  return true;
}

Task<void> Session::finish_delivery(Backend& backend, Chunk& chunk) {
  auto self = shared_from_this();
  bool sent = false;
  try {
    sent = co_await flush(chunk.exchange());
  } catch (const std::exception& error) {
    abandon(error.what());
  }
  if (backend_.get() != &backend) {
    co_return;  // the session has ended in the meantime
  }
  delivering_ = false;
  if (!sent) {
    closing_ = true;
    client_.abort();
  }
  after_delivery();
}

Task<void> Session::backend_gone(Backend& backend, protocol::Failure failure) {
  auto self = shared_from_this();
  if (backend_.get() != &backend) {
    co_return;
  }
  metrics::log::failed("backend_lost", failure, about());
  Exchange exchange;
  if (last_word_ && closing_) {
    failure = *last_word_;  // it was ended on purpose, to end the session
  }
  Ending ending = conversation_->backend_lost(failure, exchange);
  discard(std::exchange(backend_, nullptr), pool::CloseReason::error);
  show_state();
  count(exchange.facts);
  co_await flush(exchange);
  progress_.set();
  if (ending == Ending::close) {
    closing_ = true;
    client_.stop_receiving();
  }
  if (draining_) {
    drain();
  }
}

// What follows every delivery to the conversation: the other coroutine may go on, the backend may
// be free, or the client may have to go because its backend broke the protocol.
void Session::after_delivery() {
  progress_.set();
  if (conversation_->finished()) {
    closing_ = true;
    client_.stop_receiving();
  }
  release_if_done();
  if (backend_ == nullptr) {
    moved();
  } else if (!conversation_->outstanding()) {
    moved();
    show_state();  // a transaction goes on, or a pin holds it: seen from outside before the next
                   // request
  }
}

// The release rule: the conversation is at rest, nothing unwritten, nothing unread that we know of.
void Session::release_if_done() {
  if (serving_ && !trying_ && backend_ != nullptr && !backend_turn_.taken() && !delivering_ &&
      conversation_->may_release()) {
    let_go();
  }
  if (draining_) {
    drain();
  }
}

void Session::let_go() {
  if (backend_ == nullptr) {
    return;
  }
  bool outstanding = conversation_->outstanding();
  protocol::Cleanup cleanup = conversation_->detach();
  BackendPtr backend = std::move(backend_);
  transaction_at_ = {};
  if (std::exchange(delivering_, false) || backend_turn_.taken() || broken_) {
    cleanup = protocol::Cleanup::close;  // a coroutine is in the middle of using its stream
  }
  if (cleanup == protocol::Cleanup::close && outstanding && !serving_ && !backend->dead()) {
    // The session ends while its query runs, which the server would notice only at its next write.
    spawn(worker_.server.gate(), cancel_running(worker_, backend, true, [] { return true; }));
  }
  check_in(std::move(backend), cleanup);
  note_isolation();
  show_state();
}

void Session::count(protocol::Facts& facts) {
  if (facts.queries != 0 || facts.transactions != 0 || facts.errors != 0 ||
      facts.prepared_hits != 0 || facts.prepared_misses != 0 || facts.prepared_evicted != 0 ||
      facts.cancel_running) {
    auto& instruments = lender_->instruments(worker_.index);
    Duration took = worker_.loop.now() - asked_at_;
    if (facts.queries != 0) {
      moved();  // of a pipeline, the next one runs now
      instruments.queries(metrics::QueryResult::ok)
          .add(facts.queries - std::min(facts.queries, facts.errors));
      instruments.query_duration.observe(took);
    }
    instruments.queries(metrics::QueryResult::error).add(facts.errors);
    if (facts.transactions != 0) {
      transaction_at_ = {};
    }
    if (facts.transactions != 0 && backend_ != nullptr) {
      instruments.transactions.add(facts.transactions);
      instruments.transaction_duration.observe(worker_.loop.now() - backend_->lent_at);
    }
    instruments.prepared_cache(metrics::CacheResult::hit).add(facts.prepared_hits);
    instruments.prepared_cache(metrics::CacheResult::miss).add(facts.prepared_misses);
    instruments.prepared_cache(metrics::CacheResult::evicted).add(facts.prepared_evicted);
    if (facts.cancel_running && backend_ != nullptr) {
      cancel_what_runs();
    }
    if (chain_ != nullptr) {
      chain_->transactions_ended(facts.transactions);
    }
    facts = {};
  }
}

void Session::count_client_bytes(metrics::Direction direction, std::size_t size) {
  worker_.instruments.bytes(metrics::Side::client, direction).add(size);
  if (pool_ != nullptr) {  // the console has none
    pool_->instruments(worker_.index).client_bytes(direction).add(size);
  }
}

void Session::show_state() {
  protocol::PinSet pins = backend_ != nullptr ? conversation_->pins() : protocol::PinSet{};
  if (!(pins == counted_pins_)) {
    auto& instruments = lender_->instruments(worker_.index);
    for (std::size_t i = 0; i < static_cast<std::size_t>(protocol::Pin::count_); ++i) {
      auto pin = static_cast<protocol::Pin>(i);
      if (pins.has(pin) && !counted_pins_.has(pin)) {
        instruments.pins(pin).add();
        instruments.pinned_sessions(pin).add();
      } else if (!pins.has(pin) && counted_pins_.has(pin)) {
        instruments.pinned_sessions(pin).sub();
      }
    }
    counted_pins_ = pins;
  }
  presence_.become(backend_ == nullptr ? ClientState::idle
                   : pins.any()        ? ClientState::pinned
                                       : ClientState::active);
  count_prepared(conversation_->prepared_statements());
}

void Session::count_prepared(std::size_t statements) {
  if (pool_ != nullptr) {
    prepared_.become(pool_->instruments(worker_.index).prepared(metrics::Side::client), statements);
  }
}

}  // namespace sluice::proxy
