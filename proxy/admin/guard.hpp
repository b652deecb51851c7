#pragma once

// What keeps a web page from elsewhere from asking in its reader's name: every endpoint of the API
// passes here before anybody is asked for a password.

#include <optional>

#include "proxy/admin/message.hpp"

namespace sluice::proxy::admin {

// How the server is reached.
struct Reach {
  bool loopback_only = false;  // bound to a loopback address: Host must name this machine
};

// Empty: the request may go on. `acts`: it changes something, and must carry X-Sluice-Request: 1,
// which no page of another origin can send.
std::optional<Answer> refuse_foreign(const Request& request, bool acts, const Reach& reach);

}  // namespace sluice::proxy::admin
