#pragma once

// A new configuration in the place of the one in force, without a restart: the whole file is read
// and all that can fail is done first; then it takes effect, or nothing has happened. Who asks is
// an operator, a signal, or the thread here that watches the files.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/load.hpp"
#include "metrics/registry.hpp"
#include "protocol/result.hpp"
#include "proxy/file_watch.hpp"
#include "proxy/operator/operator.hpp"
#include "proxy/server.hpp"

namespace sluice::proxy {

class Reloader {
 public:
  // After the last change of a file: what writes several has time to.
  static constexpr auto kSettle = std::chrono::milliseconds(200);
  // ... but no longer than this after the first.
  static constexpr auto kPatience = std::chrono::seconds(2);

  // `server` runs with what is in the file `path`; it and `registry` outlive this.
  Reloader(std::string path, Server& server, metrics::Registry& registry);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // For what is not the server's, called with what the file says before any of it comes into force:
  // does what can fail, and gives what there is to do once it has. A failure refuses the file.
  using Prepared = protocol::Result<std::function<void()>>;
  void on_change(std::function<Prepared(const config::Config&)> hook) {
    prepare_ = std::move(hook);
  }
  // For what is in force beside the file, the sizes that schedules give to pools: puts it into a
  // configuration that is to come into force, and gives what there is to do once it has.
  using Adapted = std::function<void()>;
  void on_adapt(std::function<Adapted(config::Config&)> hook) { adapt_ = std::move(hook); }
  // Calls `reload` when a file has become another, on a thread of its own. Call it once; the hook
  // is set before.
  void start(std::function<void()> reload);
  // Watches no more; waits for a reload that its thread has begun. Who asks is still served.
  void stop();

  // Fails with every problem of the file, a line each, or with what cannot be done with it. From
  // any thread but a worker's; one after the other.
  protocol::Result<op::Reloaded> reload(const op::Actor& by);

 private:
  using Digests = std::map<std::string, std::string>;  // of files, by path

  protocol::Result<op::Reloaded> take(const config::Loaded& loaded);
  protocol::Failure refuse(const protocol::Failure& failure) const;
  void watch(const config::Loaded& loaded);
  void tell_certificates(const config::Config& config);
  void run();
  void poll(std::chrono::milliseconds limit);

  const std::string path_;
  Server& server_;
  metrics::Registry& registry_;
  std::function<Prepared(const config::Config&)> prepare_;
  std::function<Adapted(config::Config&)> adapt_;
  std::function<void()> reload_;

  std::mutex reload_mutex_;  // one reload at a time; of what follows
  Digests digests_;          // of files that the configuration names and does not hold

  std::mutex watch_mutex_;
  FileWatch files_;
  std::atomic<bool> watching_{false};
  std::atomic<bool> ending_{false};
  const int wake_;  // an eventfd; -1 when the system had none
  std::thread thread_;
};

}  // namespace sluice::proxy
