#pragma once

// COM_CHANGE_USER: a login on a connection that has had one. The token inside the command answers
// an old nonce and never counts: an AuthSwitchRequest with a fresh one always comes first.

#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol::mysql {

// `current` is the login that the connection has; `payload` the packet with its command byte. The
// result keeps what the connection has for good: capabilities, TLS. A failure is told to the client
// in an ERR packet before the machine ends; the connection must then be closed.
Machine<ClientLogin> change_user(AcceptOptions options, ClientLogin current, Buffer payload);

}  // namespace sluice::protocol::mysql
