#pragma once

// The server's side of the connection phase.
//
//   greeting 0 ──►             ◄── [SSLRequest 1, TLS]   ◄── HandshakeResponse 1 (2)
//   the dialogue of verify_client ◄──►                    the final OK is the conversation's
//
// A client may also open with COM_QUIT (load balancers that only look): it is gone, in peace.

#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol::mysql {

// Every failure but client_gone is told to the client in an ERR packet before the machine ends.
Machine<ClientLogin> accept_client(AcceptOptions options);

}  // namespace sluice::protocol::mysql
