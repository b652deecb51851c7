#pragma once

// SIGUSR2: another sluice takes this one's place (cli/successor.hpp). Until it is ready this one
// serves as if nothing were; if it fails, this one goes on. On the thread that waits for signals.

#include <optional>

#include "cli/successor.hpp"
#include "proxy/admin/http.hpp"
#include "proxy/loop.hpp"
#include "proxy/operator/events.hpp"
#include "proxy/server.hpp"
#include "proxy/service_manager.hpp"

namespace sluice::cli {

class Upgrade {
 public:
  // `admin` may be null. All must outlive this object.
  Upgrade(proxy::Server& server, proxy::admin::HttpServer* admin,
          const proxy::ServiceManager& manager, proxy::op::Events& events)
      : server_(server), admin_(admin), manager_(manager), events_(events) {}

  void begin();
  bool under_way() const { return successor_.has_value(); }
  // When look() wants to be called next; TimePoint::max(): nothing is under way.
  proxy::TimePoint next_look() const;
  // True: the other is ready and this one accepts nobody any more, on no socket.
  bool look();
  // Ends the other process, unless it has taken this one's place.
  void give_up();

 private:
  void fail(const std::string& why);

  proxy::Server& server_;
  proxy::admin::HttpServer* admin_;
  const proxy::ServiceManager& manager_;
  proxy::op::Events& events_;
  std::optional<Successor> successor_;
  proxy::TimePoint deadline_{};
};

}  // namespace sluice::cli
