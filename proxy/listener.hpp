#pragma once

// What a session needs to know of the listener that accepted it.

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/instruments.hpp"
#include "protocol/dialect.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::proxy {

struct Listener {
  const config::Listener* config;
  const protocol::Dialect* dialect;
  TlsContextPtr tls;                                       // null: mode disable
  std::vector<metrics::ListenerInstruments*> instruments;  // by worker
};

}  // namespace sluice::proxy
