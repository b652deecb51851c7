#include "proxy/admin/pages.hpp"

#include <functional>
#include <string>
#include <utility>

namespace sluice::proxy::admin {
namespace {

Page health_page(std::string path, std::function<Health()> ask) {
  return {std::move(path), [ask = std::move(ask)] {
            const Health health = ask();
            Answer answer;
            answer.status = health.ok ? 200 : 503;
            answer.body = health.reason + "\n";
            return answer;
          }};
}

}  // namespace

std::vector<Page> standard_pages(const metrics::Registry& registry, const HealthState& health) {
  return {
      {"/metrics",
       [&registry] {
         Answer answer;
         answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
         answer.body = registry.render();
         return answer;
       }},
      health_page("/livez", [&health] { return health.live(); }),
      health_page("/readyz", [&health] { return health.ready(); }),
      health_page("/startupz", [&health] { return health.started(); }),
  };
}

}  // namespace sluice::proxy::admin
