// Clients that talk to sluice itself: who names admin.console_database, or pgbouncer, as its
// database gets the console in place of a route. It needs no backend, no middleware applies, and
// the limits of time do not either; all else (the limit on clients, drains, kills) is as for
// others.

#include <utility>

#include "config/suggest.hpp"
#include "metrics/log.hpp"
#include "proxy/cancel.hpp"
#include "proxy/console/run.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using metrics::ClientState;
using protocol::FailureKind;

constexpr char kAlias[] = "pgbouncer";
// How often a command that waits looks whether it is over.
constexpr auto kPoll = std::chrono::milliseconds(50);

using Outcome = protocol::Result<console::Answer>;

// One look or one action, on a thread that may wait for the workers.
struct Job {
  op::Operator& house;
  op::Actor by;
  protocol::ConsoleCommand command;
  std::optional<console::Waiting> waiting;  // set: is that over?
  Outcome outcome = console::Answer();
  bool over = true;

  void run() noexcept {
    try {
      if (waiting) {
        look();
        return;
      }
      const op::Right right = house.right_of(by.user);
      outcome = command.describe ? console::describe(house, by, right, command.text)
                                 : console::run(house, by, right, command.text);
      if (outcome) {
        waiting = outcome->waiting;
        over = !waiting;
      }
    } catch (const std::exception& error) {
      outcome = protocol::fail(FailureKind::internal, "the command failed", error.what());
      over = true;
    }
  }

 private:
  void look() {
    auto done = console::is_over(house, *waiting);
    over = !done || *done;
    if (!done) {
      outcome = std::move(done.failure());
    }
  }
};

// False: too many commands wait already.
Task<bool> carry_out(Offload& offload, Loop& loop, Job& job) {
  Signal done(loop);
  Loop* home = &loop;
  const bool accepted =
      offload.submit([&job] { job.run(); }, [&done, home] { home->call([&done] { done.set(); }); });
  if (accepted) {
    co_await done.wait();
  }
  co_return accepted;
}

}  // namespace

bool Session::asks_for_console() const {
  const std::string& name = policy_->config().admin.console_database;
  return worker_.server.house() != nullptr && !name.empty() &&
         (login_->database == name || login_->database == kAlias);
}

protocol::Status Session::enter_console() {
  const config::User* user = policy_->config().find_user(login_->user);
  if (user == nullptr || user->admin == config::AdminRight::none) {
    return console::not_for(login_->user);
  }
  protocol::ConsoleIdentity identity;
  identity.version = std::string(console::kPgbouncerVersion) + "/sluice";
  identity.server_version = worker_.server.advertised_version(listener_);
  identity.connection_id = id_;
  identity.databases = {policy_->config().admin.console_database, kAlias};
  auto conversation = listener_.dialect->make_console(*login_, std::move(identity));
  console_ = conversation.get();
  conversation_ = std::move(conversation);
  count_prepared(0);
  presence_.leave();
  lender_ = pool_ = nullptr;
  return protocol::Done{};
}

// False: the session ends.
Task<bool> Session::carry_out_command(protocol::ConsoleCommand command,
                                      protocol::Exchange& exchange) {
  Server& server = worker_.server;
  Job job{*server.house(), {login_->user, "console"}, std::move(command), std::nullopt};
  presence_.become(ClientState::active);
  interrupted_ = false;
  do {
    const bool accepted = co_await carry_out(server.console_offload(), worker_.loop, job);
    if (!accepted) {
      job.outcome = protocol::fail(FailureKind::rate_limited,
                                   "too many commands of the console wait; try again");
      break;
    }
    if (!job.over) {
      co_await progress_.wait_until(worker_.loop.now() + kPoll);
    }
    if (closing_ || left_ || client_.hung_up()) {
      co_return false;
    }
    if (!job.over && (draining_ || interrupted_)) {
      job.outcome = draining_ ? *last_word_
                              : protocol::fail(FailureKind::cancelled,
                                               "canceling the wait due to user request; what the "
                                               "command has begun goes on");
      break;
    }
  } while (!job.over);
  answer_command(job.outcome, exchange);
  show_state();
  const bool sent = co_await flush(exchange);
  co_return sent;
}

void Session::answer_command(const protocol::Result<console::Answer>& outcome,
                             protocol::Exchange& exchange) {
  if (outcome) {
    console_->answer(outcome.value().table, exchange);
    return;
  }
  metrics::log::failed("console_command_failed", outcome.failure(), about());
  console_->answer(outcome.failure(), exchange);
}

}  // namespace sluice::proxy
