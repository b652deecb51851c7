#pragma once

// Cancel requests and KILL: from an id and a key to the session that they are for, and from there
// to the server that runs its query. A request that arrives late never hits another client's query:
// it is checked right before it leaves, and the backend is not lent on until the server has taken
// note.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "protocol/dialect.hpp"
#include "protocol/login.hpp"
#include "proxy/backend.hpp"

namespace sluice::proxy {

class Session;
class Worker;

// The sessions by the id that their clients know. Thread-safe.
class Cancels {
 public:
  // PostgreSQL: a positive process id. MySQL: a thread id with the top bit set, which no server
  // gives out, so that KILL of it can be told from KILL of a server's own thread.
  std::uint32_t new_id(protocol::Protocol protocol);
  void add(std::uint32_t id, protocol::Buffer key, std::weak_ptr<Session> session, Worker& worker,
           std::string user);
  void remove(std::uint32_t id);

  // PostgreSQL CancelRequest. The key is compared in constant time; a wrong one is ignored, as the
  // protocol has no answer. False: nobody has this id and key.
  bool cancel(const protocol::CancelRequest& request);
  // MySQL KILL, allowed to the user's own sessions. Otherwise errno 1094 or 1095.
  protocol::Status kill(std::uint32_t id, const std::string& user, bool query_only);

 private:
  struct Entry {
    protocol::Buffer key;
    std::weak_ptr<Session> session;
    Worker* worker;
    std::string user;
  };
  std::mutex mutex_;
  std::uint32_t next_ = 0;
  std::unordered_map<std::uint32_t, Entry> entries_;
};

// Cancels what runs on `backend`, which stays reserved until that is done.
Task<void> cancel_running(Worker& worker, BackendPtr backend, bool query_only,
                          std::function<bool()> still_wanted);

}  // namespace sluice::proxy
