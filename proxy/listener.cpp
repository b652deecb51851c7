#include "proxy/listener.hpp"

#include <utility>

#include "protocol/mysql/rsa.hpp"
#include "proxy/backend_pool.hpp"

namespace sluice::proxy {

protocol::Result<ListenerPtr> make_listener(const std::shared_ptr<const config::Config>& owner,
                                            const config::Listener& config,
                                            metrics::Registry& registry, std::uint32_t workers,
                                            const Listener* previous) {
  auto listener = std::make_shared<Listener>();
  listener->owner = owner;
  listener->config = &config;
  listener->dialect = &protocol::dialect(to_protocol(config.protocol));
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
