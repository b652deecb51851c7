#include "proxy/listener.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "protocol/mysql/rsa.hpp"
#include "proxy/backend_pool.hpp"

namespace sluice::proxy {

bool Listener::asks_for_header(std::string_view address) const {
  const auto ip = balancers.empty() ? std::nullopt : config::parse_ip(address);
  return ip && std::any_of(balancers.begin(), balancers.end(),
                           [&](const config::Cidr& block) { return block.contains(*ip); });
}

protocol::Result<ListenerPtr> make_listener(const std::shared_ptr<const config::Config>& owner,
                                            const config::Listener& config,
                                            metrics::Registry& registry, std::uint32_t workers,
                                            const Listener* previous) {
  auto listener = std::make_shared<Listener>();
  listener->owner = owner;
  listener->config = &config;
  listener->dialect = &protocol::dialect(to_protocol(config.protocol));
  for (const std::string& network : config.proxy_protocol.trusted) {
    config::Cidr block;
    if (const auto problem = config::parse_cidr(network, block); !problem.empty()) {
      return protocol::fail(protocol::FailureKind::internal,
                            "listener " + config.name + ": proxy_protocol.trusted: " + problem);
    }
    listener->balancers.push_back(block);
  }
  if (config.tls.mode != config::TlsMode::disable) {
    auto context = make_server_tls(config.tls, config.protocol);
    if (!context) {
      protocol::Failure failure = std::move(context.failure());
      failure.text = "listener " + config.name + ": " + failure.text;
      return failure;
    }
    listener->tls = std::move(*context);
  }
  if (config.protocol == config::Protocol::mysql) {
    const bool known = previous != nullptr && previous->rsa_key != nullptr;
    listener->rsa_key = known ? previous->rsa_key : protocol::mysql::make_rsa_key();
  }
  if (previous != nullptr && previous->config->name == config.name) {
    listener->instruments = previous->instruments;
  }
  while (listener->instruments.size() < workers) {
    listener->instruments.push_back(registry.lend_listener(config.name));
  }
  return ListenerPtr(std::move(listener));
}

}  // namespace sluice::proxy
