#pragma once

// Proves who a client is, by the method that the stored secret allows:
//
//   password, scram_verifier     SCRAM-SHA-256
//   md5_hash                     md5
//   MySQL hashes alone           the password in clear, over TLS or a unix socket only
//   nothing usable, no such user a SCRAM exchange that cannot succeed
//
// The last one sends the same messages, does the same work and ends with the same error as a wrong
// password, with a salt that stays the same for a user name.

#include <memory>
#include <string>

#include "protocol/login.hpp"
#include "protocol/machine.hpp"
#include "protocol/secret.hpp"

namespace sluice::protocol::postgresql {

struct Proof {
  std::string method;  // for metrics
  Learned learned;
};

struct Claim {
  std::string user;
  std::shared_ptr<const Secret> secret;  // not null
  std::string mock_salt_key;
  bool private_channel = false;  // TLS or a unix socket
};

// Ends before AuthenticationOk. Failures are not yet told to the client.
Machine<Proof> authenticate_client(Claim claim);

}  // namespace sluice::protocol::postgresql
