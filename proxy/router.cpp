#include "proxy/router.hpp"

#include "config/pattern.hpp"

namespace sluice::proxy {

const config::Route* match_route(const config::Config& config, config::Protocol protocol,
                                 std::string_view user, std::string_view database) {
  if (user.find('\0') != std::string_view::npos || database.find('\0') != std::string_view::npos) {
    return nullptr;
  }
  for (const config::Route& route : config.routes) {
    const config::Match& match = route.match;
    if ((!match.protocol || *match.protocol == protocol) && config::matches(match.user, user) &&
        config::matches(match.database, database)) {
      return &route;
    }
  }
  return nullptr;
}

}  // namespace sluice::proxy
