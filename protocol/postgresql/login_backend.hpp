#pragma once

// The client's side of a login (documentation: "Message Flow", "Start-up"):
//
//   sluice                     backend
//   [SSLRequest]               'S' and TLS | 'N'
//   StartupMessage             Authentication request of a method
//   answers of the method      ... AuthenticationOk
//                              ParameterStatus...  BackendKeyData  ReadyForQuery
//
// NoticeResponse and ParameterStatus may come at any point after the StartupMessage.

#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol::postgresql {

// Ends after ReadyForQuery. Texts of failures name host, user and database, never a password.
Machine<BackendLogin> login_backend(BackendTarget target);

}  // namespace sluice::protocol::postgresql
