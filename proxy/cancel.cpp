#include "proxy/cancel.hpp"

#include <utility>

#include "metrics/log.hpp"
#include "protocol/crypto.hpp"
#include "proxy/connect.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

constexpr std::uint32_t kMysqlBit = 0x80000000U;
constexpr std::uint16_t kNoSuchThread = 1094;      // ER_NO_SUCH_THREAD
constexpr std::uint16_t kKillDenied = 1095;        // ER_KILL_DENIED_ERROR
constexpr std::uint16_t kConnectionKilled = 1927;  // ER_CONNECTION_KILLED, MariaDB's

protocol::Failure refused(std::uint16_t code, std::string text) {
  auto failure = protocol::fail(protocol::FailureKind::unsupported_feature, std::move(text));
  failure.mysql_errno_override = code;
  failure.sqlstate_override = "HY000";
  return failure;
}

}  // namespace

std::uint32_t Cancels::new_id(protocol::Protocol protocol) {
  std::lock_guard lock(mutex_);
  std::uint32_t bit = protocol == protocol::Protocol::mysql ? kMysqlBit : 0;
  do {
    next_ = next_ == kMysqlBit - 1 ? 1 : next_ + 1;
  } while (entries_.contains(next_ | bit));
  return next_ | bit;
}

void Cancels::add(std::uint32_t id, protocol::Buffer key, std::weak_ptr<Session> session,
                  Worker& worker, std::string user) {
  std::lock_guard lock(mutex_);
  entries_[id] = {std::move(key), std::move(session), &worker, std::move(user)};
}

void Cancels::remove(std::uint32_t id) {
  std::lock_guard lock(mutex_);
  entries_.erase(id);
}

bool Cancels::cancel(const protocol::CancelRequest& request) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(request.process_id);
  if (found == entries_.end() || found->second.key.empty() ||
      !protocol::constant_time_equal(found->second.key, request.key)) {
    return false;
  }
  found->second.worker->loop.call([session = found->second.session] {
    if (auto target = session.lock()) {
      target->cancel(true);
    }
  });
  return true;
}

protocol::Status Cancels::kill(std::uint32_t id, const std::string& user, bool query_only) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    return refused(kNoSuchThread, "Unknown thread id: " + std::to_string(id));
  }
  if (found->second.user != user) {
    return refused(kKillDenied, "You are not owner of thread " + std::to_string(id));
  }
  found->second.worker->loop.call([session = found->second.session, query_only] {
    auto target = session.lock();
    if (target && query_only) {
      target->cancel(true);
    } else if (target) {
      auto why = protocol::fail(protocol::FailureKind::cancelled, "Connection was killed");
      why.mysql_errno_override = kConnectionKilled;
      why.sqlstate_override = "70100";
      target->kill(std::move(why));
    }
  });
  return protocol::Done{};
}

Task<void> cancel_running(Worker& worker, BackendPtr backend, bool query_only,
                          std::function<bool()> still_wanted) {
  struct UnderWay {
    explicit UnderWay(Backend& its) : backend(its) { ++backend.cancels; }
    ~UnderWay() {
      if (--backend.cancels == 0) {
        backend.cancels_done.set();
      }
    }
    Backend& backend;
  } under_way(*backend);
  protocol::Status status = co_await send_cancel(worker, backend, query_only, still_wanted);
  if (!status) {
    worker.instruments.cancels(metrics::CancelResult::failed).add();
    metrics::log::failed("cancel_failed", status.failure(), backend->about());
  }
}

}  // namespace sluice::proxy
