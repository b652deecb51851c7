// What the operator has done to pools and sessions.

#include <algorithm>
#include <utility>

#include "proxy/backend.hpp"
#include "proxy/operator/ask.hpp"
#include "proxy/operator/house.hpp"
#include "proxy/session.hpp"

namespace sluice::proxy::op {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using protocol::Status;

constexpr std::uint16_t kNoSuchThread = 1094;  // ER_NO_SUCH_THREAD

Failure ended(std::string text) {
  return protocol::fail(FailureKind::ended_by_operator, std::move(text));
}

bool is_of(const Session& session, const std::string& pool) {
  return session.pool() != nullptr && (pool.empty() || session.pool()->name() == pool);
}

bool holds_of(const Session& session, const std::string& pool) {
  return session.lender() != nullptr && (pool.empty() || session.lender()->name() == pool);
}

std::string in_words(const config::schedule::Sizes& sizes) {
  return "pool_size " + std::to_string(sizes.pool_size) + ", max_overflow " +
         std::to_string(sizes.max_overflow) + ", min_idle " + std::to_string(sizes.min_idle);
}

const char* number_word(std::size_t count) {
  return count == 1 ? " session" : " sessions";
}

}  // namespace

protocol::Result<House::Names> House::meant(const std::string& pool) const {
  const auto config = server_.config();
  Names names;
  for (const config::Pool& one : config->pools) {
    if (pool.empty() || one.name == pool) {
      names.push_back(one.name);
    }
  }
  if (names.empty()) {
    return protocol::fail(FailureKind::unknown_database, "no pool has the name \"" + pool + "\"");
  }
  return names;
}

std::vector<BackendPoolPtr> House::made(const Names& names) {
  std::vector<BackendPoolPtr> pools = server_.pools().all();
  std::erase_if(pools, [&](const BackendPoolPtr& pool) {
    return std::find(names.begin(), names.end(), pool->name()) == names.end();
  });
  return pools;
}

// To each pool that is meant, or to none: one of them is not there.
Status House::act(const std::string& pool, const Actor& by, const Deed& deed) {
  auto names = meant(pool);
  if (!names) {
    return std::move(names.failure());
  }
  for (const std::string& name : *names) {
    deed.act(server_.pools(), name);
    note(deed.kind, name, deed.text, by);
  }
  return protocol::Done{};
}

Status House::pause(const std::string& pool, const Actor& by) {
  return act(pool, by,
             {"pause", "no connection is lent or opened until resume",
              [](BackendPools& pools, const std::string& name) { pools.pause(name); }});
}

protocol::Result<bool> House::pause_done(const std::string& pool) {
  auto names = meant(pool);
  if (!names) {
    return std::move(names.failure());
  }
  for (const std::string& name : *names) {
    if (!server_.pools().paused(name)) {
      return protocol::fail(FailureKind::unsupported_feature, "pool " + name + " is not paused");
    }
  }
  bool done = true;
  for (const BackendPoolPtr& one : made(*names)) {
    const pool::Snapshot now = one->slots.snapshot(Clock::now());
    done = done && now.idle + now.in_use + now.opening + now.closing == 0;
  }
  return done;
}

Status House::resume(const std::string& pool, const Actor& by) {
  return act(pool, by, {"resume", "", [](BackendPools& pools, const std::string& name) {
                          pools.resume(name);
                        }});
}

Status House::reconnect(const std::string& pool, const Actor& by) {
  return act(pool, by,
             {"reconnect", "what is connected now is closed when it is free",
              [](BackendPools& pools, const std::string& name) { pools.retire(name); }});
}

protocol::Result<bool> House::reconnect_done(const std::string& pool) {
  auto names = meant(pool);
  if (!names) {
    return std::move(names.failure());
  }
  bool done = true;
  for (const BackendPoolPtr& one : made(*names)) {
    done = done && one->slots.snapshot(Clock::now()).retiring == 0;
  }
  return done;
}

Status House::reconnect_clients(const std::string& pool, const Actor& by) {
  auto names = meant(pool);
  if (!names) {
    return std::move(names.failure());
  }
  const auto asked = ask_workers<bool, Session>(
      server_, &Worker::sessions, [pool](Session& session, std::vector<bool>& found) {
        if (is_of(session, pool)) {
          session.send_away(ended("an operator asks all clients to connect again"));
          found.push_back(true);
        }
      });
  note("reconnect_clients", pool,
       std::to_string(asked.size()) + number_word(asked.size()) + " asked to connect again", by);
  return protocol::Done{};
}

Status House::kill(const std::string& pool, const Actor& by) {
  auto names = meant(pool);
  if (!names) {
    return std::move(names.failure());
  }
  for (const std::string& name : *names) {
    server_.pools().pause(name);
  }
  const auto killed = ask_workers<bool, Session>(
      server_, &Worker::sessions, [pool](Session& session, std::vector<bool>& found) {
        if (is_of(session, pool) || holds_of(session, pool)) {
          session.kill(ended("an operator has ended all sessions of the pool; it is paused"));
          found.push_back(true);
        }
      });
  note("kill", pool,
       std::to_string(killed.size()) + number_word(killed.size()) + " ended, paused until resume",
       by);
  return protocol::Done{};
}

Status House::kill_session(std::uint32_t id, const Actor& by) {
  const auto pools = ask_workers<std::string, Session>(
      server_, &Worker::sessions, [id](Session& session, std::vector<std::string>& found) {
        if (session.id() == id) {
          found.push_back(session.pool() != nullptr ? session.pool()->name() : "");
          session.kill(ended("an operator has ended the session"));
        }
      });
  if (pools.empty()) {
    Failure none = protocol::fail(FailureKind::unsupported_feature,
                                  "no session has the id " + std::to_string(id));
    none.mysql_errno_override = kNoSuchThread;
    return none;
  }
  note("kill_session", pools.front(), "session " + std::to_string(id), by);
  return protocol::Done{};
}

Status House::disable(const std::string& pool, const Actor& by) {
  return act(
      pool, by,
      {"disable", "no new sessions until enable",
       [](BackendPools& pools, const std::string& name) { pools.set_disabled(name, true); }});
}

Status House::enable(const std::string& pool, const Actor& by) {
  return act(pool, by, {"enable", "", [](BackendPools& pools, const std::string& name) {
                          pools.set_disabled(name, false);
                        }});
}

Status House::resize(const std::string& pool, const config::schedule::Sizes& sizes,
                     const Actor& by) {
  if (sizes.pool_size < 1 || sizes.min_idle > sizes.pool_size || sizes.max_overflow < -1) {
    return protocol::fail(FailureKind::unsupported_feature, "no pool can have " + in_words(sizes));
  }
  if (!server_.resize(pool, sizes)) {
    return protocol::fail(FailureKind::unknown_database, "no pool has the name \"" + pool + "\"");
  }
  note("resize", pool, in_words(sizes), by);
  return protocol::Done{};
}

}  // namespace sluice::proxy::op
