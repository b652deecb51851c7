#pragma once

// The client's side of the connection phase.
//
//   ──► greeting 0 | ERR      [SSLRequest, TLS] ──►      HandshakeResponse ──►
//   ◄── OK | ERR | AuthSwitchRequest (once) | AuthMoreData 03 | 04 | public key
//
// Methods: mysql_native_password, caching_sha2_password (fast, full over TLS or a unix socket, full
// under RSA), and mysql_clear_password where the certificate was verified. Any other is refused by
// name.

#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol::mysql {

// A server's own error keeps its errno and SQLSTATE in the failure.
Machine<BackendLogin> login_backend(BackendTarget target);

// Reads the greeting and no more: server_version, mariadb, process_id, and in `capabilities` all
// that the server can do.
Machine<BackendLogin> greet_backend(BackendTarget target);

}  // namespace sluice::protocol::mysql
