#include "cli/admin.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/admin/dashboard.hpp"
#include "proxy/admin/pages.hpp"

namespace sluice::cli {

protocol::Result<AdminPtr> start_admin(const config::Admin& config,
                                       const metrics::Registry& registry,
                                       const proxy::admin::HealthState& health,
                                       proxy::op::Operator* house,
                                       proxy::InheritedSockets& inherited) {
  if (!config.http && config.socket.empty()) {
    return AdminPtr();
  }
  proxy::admin::HttpOptions options;
  options.bind = config.http;
  options.socket = config.socket;
  options.tls = config.tls;
  options.inherited = &inherited;
  proxy::admin::Site site;
  site.pages = proxy::admin::standard_pages(registry, health);
  site.house = house;
  if (config.dashboard) {
    std::ranges::move(proxy::admin::dashboard_pages(), std::back_inserter(site.pages));
    site.error_page = &proxy::admin::dashboard_error_page;
  }
  auto admin = std::make_unique<proxy::admin::HttpServer>(std::move(options), std::move(site));
  if (protocol::Status started = admin->start(); !started) {
    return started.failure();
  }
  return admin;
}

}  // namespace sluice::cli
