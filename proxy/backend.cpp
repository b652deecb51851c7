#include "proxy/backend.hpp"

#include <utility>

#include "metrics/log.hpp"
#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {

using protocol::ChoreState;
using protocol::FailureKind;

namespace {

// A server that has been told goodbye has so long to close the connection.
constexpr auto kCloseLimit = std::chrono::seconds(1);
// From a server's end of the connection until it has taken it off its list, where that comes later.
constexpr auto kForgetting = std::chrono::milliseconds(20);

}  // namespace

Backend::Backend(Worker& where, BackendPoolPtr pool, std::unique_ptr<Stream> stream,
                 std::unique_ptr<protocol::Link> link, const Endpoint& at)
    : cancels_done(where.loop),
      home_(&where),
      id_(where.server.new_backend_id()),
      connected_at_(where.loop.now()),
      changed_at_(connected_at_),
      pool_(std::move(pool)),
      stream_(std::move(stream)),
      link_(std::move(link)),
      endpoint_(at),
      address_(to_string(at.address)),
      chore_done_(where.loop) {
  Member::worker = where.index;
}

metrics::log::About Backend::about() const {
  auto about = pool_->about();
  about.add("backend", address_);
  return about;
}

void Backend::start() {
  stream_->receive_ahead();
  home_->backends.insert(this);
  spawn(home_->server.gate(), live());
}

void Backend::note_change() {
  changed_at_ = home_->loop.now();
}

void Backend::entrust() {
  custody_ = shared_from_this();
  entrusted_.store(true, std::memory_order_relaxed);
}

void Backend::lend(std::shared_ptr<Holder> holder) {
  note_change();
  holder_ = std::move(holder);
}

void Backend::take_back() {
  note_change();
  holder_.reset();
}

void Backend::joined_pool() {
  counted_ = true;
  pool_->instruments(home_->index).connections_opened.add();
}

Task<void> Backend::live() {
  auto self = shared_from_this();
  // Whatever is thrown (for lack of memory, most likely), the slot must not be lost with it.
  try {
    co_await read_loop();
  } catch (const std::exception& error) {
    metrics::log::write(metrics::log::Level::error, "backend_reader_failed", about(),
                        {{"error", error.what()}});
  }
  dead_ = true;
  count_prepared(0);
  end_chore(ChoreState::failed);
  stream_->abort();
  try {
    co_await tell_holder();
  } catch (const std::exception& error) {
    metrics::log::write(metrics::log::Level::error, "backend_reader_failed", about(),
                        {{"error", error.what()}});
  }
  if (pool_->dialect().closes_before_it_forgets()) {
    Signal pause(home_->loop);
    co_await pause.wait_until(home_->loop.now() + kForgetting);
  }
  close_limit_.reset();
  home_->backends.erase(this);
  ended_ = true;
  tell_pool();
}

Task<void> Backend::read_loop() {
  for (;;) {
    Chunk chunk = co_await stream_->receive();
    if (chunk.spurious()) {
      continue;
    }
    if (!chunk.has_data()) {
      co_return;
    }
    home_->instruments.bytes(metrics::Side::backend, metrics::Direction::received)
        .add(chunk.bytes().size());
    if (dead_) {
      continue;  // on its way out: what it still says is of no interest
    }
    if (holder_) {
      auto holder = holder_;
      if (!holder->deliver(*this, chunk)) {
        co_await holder->finish_delivery(*this, chunk);
      }
    } else if (chore_running_) {
      ChoreState state = link_->chore_bytes(chunk.bytes());
      if (state != ChoreState::pending) {
        end_chore(state);
      }
    } else {
      idle_bytes(chunk.bytes());
    }
    count_prepared(link_->prepared_statements());
  }
}

void Backend::count_prepared(std::size_t statements) {
  prepared_.become(pool_->instruments(home_->index).prepared(metrics::Side::backend), statements);
}

void Backend::idle_bytes(protocol::Bytes bytes) {
  protocol::Status status = link_->idle_bytes(bytes);
  if (!status) {
    last_words_ = std::move(status.failure());
    pool_->instruments(home_->index).backend_errors(last_words_->kind).add();
    hang_up();
  }
}

void Backend::end_chore(ChoreState state) {
  if (chore_running_) {
    chore_running_ = false;
    chore_state_ = state;
    chore_done_.set();
  }
}

Task<void> Backend::tell_holder() {
  auto holder = holder_;
  if (holder == nullptr) {
    co_return;
  }
  auto failure = last_words_           ? *last_words_
                 : link_->last_words() ? *link_->last_words()
                                       : protocol::fail(FailureKind::backend_lost,
                                                        "the connection to the backend of pool " +
                                                            pool_->description() +
                                                            " was lost; the statement may or may "
                                                            "not have taken effect");
  pool_->instruments(home_->index).backend_errors(failure.kind).add();
  ended_unasked();
  co_await holder->backend_gone(*this, std::move(failure));
}

// A server that ends one connection may be about to end them all: the others are pinged before use.
void Backend::ended_unasked() {
  if (!on_end_) {
    pool_->slots.distrust(home_->loop.now());
  }
}

// Who closes it waits for this; if nobody does, it was idle, or is lent to one who will find out.
void Backend::tell_pool() {
  if (on_end_) {
    std::exchange(on_end_, {})();
  } else if (pool_->slots.lost(*this, home_->loop.now())) {
    BackendPtr self = reclaim(*this);
    ended_unasked();
    auto line = about();
    line.add("reason", last_words_ ? last_words_->label() : "closed");
    line.add("detail", last_words_ ? std::string_view(last_words_->text) : "");
    metrics::log::write(metrics::log::Level::info, "backend_lost_idle", line);
    close(pool::CloseReason::error, {});
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
  bool writing = true;
  timer.arm(deadline, [this, &writing] {
    end_chore(ChoreState::failed);
    if (writing) {
      stream_->abort();
    }
  });
  bool sent = co_await stream_->send(outbox);
  writing = false;
  if (!sent) {
    end_chore(ChoreState::failed);
  }
  while (chore_running_) {
    co_await chore_done_.wait();
  }
  co_return chore_state_ == ChoreState::done && !dead_;
}

void Backend::close(pool::CloseReason reason, std::function<void()> on_end) {
  if (std::exchange(counted_, false)) {
    pool_->instruments(home_->index).connections_closed(reason).add();
  }
  if (ended_) {
    if (on_end) {
      on_end();
    }
    return;
  }
  on_end_ = std::move(on_end);
  if (!dead_ && !holder_ && !chore_running_ && !stream_->half_sent()) {
    // Without a goodbye the server logs a lost connection. What does not fit is not worth a wait.
    protocol::Outbox goodbye;
    goodbye.own(pool_->dialect().goodbye());
    stream_->try_send(goodbye);
  }
  hang_up();
}

void Backend::hang_up() {
  dead_ = true;
  if (!ended_ && !close_limit_) {
    stream_->stop_sending();
    close_limit_.emplace(home_->loop);
    close_limit_->arm(home_->loop.now() + kCloseLimit, [this] { stream_->abort(); });
  }
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
    home_->backends.erase(this);
    home_ = &to;
    Member::worker = to.index;
    chore_done_.move_to(to.loop);
    cancels_done.move_to(to.loop);
  }
  to.loop.call([this, &to, &arrived] {
    if (home_ == &to) {
      to.backends.insert(this);
      stream_->attach(to.loop);
    }
    arrived.set();
  });
}

}  // namespace sluice::proxy
