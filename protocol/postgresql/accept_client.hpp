#pragma once

// The server's side of a login (documentation: "Message Flow", "Start-up"):
//
//   client                         sluice
//   [SSLRequest | GSSENCRequest]   'S' and TLS | 'N'
//   StartupMessage                 [NegotiateProtocolVersion]
//                                  Authentication request of the method
//   answers of the method          ...
//                                  AuthenticationOk
//
// or a CancelRequest instead of the StartupMessage, which ends the machine at once.

#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol::postgresql {

// Whatever goes wrong is told to the client as a FATAL ErrorResponse before the machine fails.
Machine<ClientLogin> accept_client(AcceptOptions options);

}  // namespace sluice::protocol::postgresql
