#pragma once

// What a session needs to know of the listener that accepted it. A reload makes another one for the
// same socket; sessions keep theirs.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/cidr.hpp"
#include "config/config.hpp"
#include "metrics/instruments.hpp"
#include "metrics/registry.hpp"
#include "protocol/dialect.hpp"
#include "protocol/login.hpp"
#include "protocol/result.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::proxy {

struct Listener {
  std::shared_ptr<const config::Config> owner;  // keeps `config` alive
  const config::Listener* config = nullptr;
  const protocol::Dialect* dialect = nullptr;
  std::vector<config::Cidr> balancers;                                     // proxy_protocol.trusted
  TlsContextPtr tls;                                                       // null: mode disable
  std::shared_ptr<const protocol::RsaKey> rsa_key;                         // MySQL
  std::vector<std::shared_ptr<metrics::ListenerInstruments>> instruments;  // by worker

  // Whether a connection from this address (as host_of() has it) must begin with a PROXY header.
  bool asks_for_header(std::string_view address) const;
};
using ListenerPtr = std::shared_ptr<const Listener>;

// Reads its certificates; fails with the reason when a TLS file is bad. It takes over what can be
// kept of `previous`, which may be null.
protocol::Result<ListenerPtr> make_listener(const std::shared_ptr<const config::Config>& owner,
                                            const config::Listener& config,
                                            metrics::Registry& registry, std::uint32_t workers,
                                            const Listener* previous);

}  // namespace sluice::proxy
