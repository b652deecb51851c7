#include "proxy/backend.hpp"

#include <utility>

#include "metrics/log.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using protocol::ChoreState;
using protocol::FailureKind;

Backend::Backend(Worker& where, BackendPoolPtr pool, std::unique_ptr<Stream> stream,
                 std::unique_ptr<protocol::Link> link)
    : cancels_done(where.loop),
      home_(&where),
      pool_(std::move(pool)),
      stream_(std::move(stream)),
      link_(std::move(link)),
      chore_done_(where.loop) {
  Member::worker = where.index;
}

void Backend::start() {
  stream_->receive_ahead();
  spawn(home_->server.gate(), read_loop());
}

Task<void> Backend::read_loop() {
  auto self = shared_from_this();
  for (;;) {
    Chunk chunk = co_await stream_->receive();
    if (chunk.spurious()) {
      continue;
    }
    if (!chunk.has_data()) {
      break;
    }
    home_->instruments.bytes(metrics::Side::backend, metrics::Direction::received)
        .add(chunk.bytes().size());
    if (holder_) {
      auto holder = holder_;
      if (!holder->deliver(*this, chunk)) {
        co_await holder->finish_delivery(*this, chunk);
      }
    } else if (chore_running_) {
      chore_state_ = link_->chore_bytes(chunk.bytes());
      if (chore_state_ != ChoreState::pending) {
        chore_running_ = false;
        chore_done_.set();
      }
    } else {
      idle_bytes(chunk.bytes());
    }
  }
  co_await ended();
}

void Backend::idle_bytes(protocol::Bytes bytes) {
  protocol::Status status = link_->idle_bytes(bytes);
  if (!status) {
    last_words_ = std::move(status.failure());
    stream_->abort();
  }
}

Task<void> Backend::ended() {
  dead_ = true;
  stream_->abort();
  if (chore_running_) {
    chore_running_ = false;
    chore_state_ = ChoreState::failed;
    chore_done_.set();
  }
  if (holder_) {
    auto failure = last_words_.value_or(
        protocol::fail(FailureKind::backend_lost,
                       "the connection to the backend of pool " + pool_->description() +
                           " was lost; the statement may or may not have taken effect"));
    pool_->instruments(home_->index).backend_errors(failure.kind).add();
    auto holder = holder_;
    co_await holder->backend_gone(*this, std::move(failure));
  } else if (pool_->slots.lost(*this, home_->loop.now())) {
    reclaim(*this);
    if (last_words_) {
      pool_->instruments(home_->index).backend_errors(last_words_->kind).add();
    }
    metrics::log::info("backend_lost_idle", {{"pool", pool_->config().name}});
    close(pool::CloseReason::error);
  }
}

Task<bool> Backend::run_chore(protocol::Chore chore, TimePoint deadline) {
  if (dead_) {
    co_return false;
  }
  auto self = shared_from_this();
  protocol::Outbox outbox;
  chore_running_ = true;
  chore_state_ = ChoreState::pending;
  chore_done_.clear();
  link_->start_chore(chore, outbox);
  Timer timer(home_->loop);
  timer.arm(deadline, [this] { stream_->abort(); });
  if (!co_await stream_->send(outbox)) {
    stream_->abort();
  }
  if (chore_running_) {
    co_await chore_done_.wait();
  }
  co_return chore_state_ == ChoreState::done && !dead_;
}

void Backend::close(pool::CloseReason reason) {
  if (!close_counted_) {
    close_counted_ = true;
    pool_->instruments(home_->index).connections_closed(reason).add();
  }
  if (!dead_ && !holder_ && !chore_running_ && !stream_->half_sent()) {
    // Without a goodbye the server logs a lost connection. What does not fit is not worth a wait.
    protocol::Outbox goodbye;
    goodbye.own(pool_->dialect().goodbye());
    stream_->try_send(goodbye);
  }
  stream_->abort();
}

Task<bool> Backend::move_to(Worker& to) {
  auto self = shared_from_this();
  Worker& from = *home_;
  if (&from != &to) {
    Signal arrived(to.loop);
    from.loop.call([this, &to, &arrived] { leave(to, arrived); });
    co_await arrived.wait();
  }
  co_return home_ == &to && !dead_;
}

void Backend::leave(Worker& to, Signal& arrived) {
  if (!dead_ && (!stream_->parked() || !stream_->detach())) {
    // Its reader has yet to see that nothing more has come, or the kernel to let go.
    home_->loop.call([this, &to, &arrived] { leave(to, arrived); });
    return;
  }
  if (!dead_) {
    home_ = &to;
    Member::worker = to.index;
    chore_done_.move_to(to.loop);
    cancels_done.move_to(to.loop);
  }
  to.loop.call([this, &to, &arrived] {
    if (home_ == &to) {
      stream_->attach(to.loop);
    }
    arrived.set();
  });
}

}  // namespace sluice::proxy
