#pragma once

// What goes into and comes out of the two login roles, for both dialects.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/certificate.hpp"
#include "protocol/secret.hpp"

namespace sluice::protocol {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// ---- client -> sluice

// What a listener tells the login machine about itself. Plain data, copied into the machine.
struct AcceptOptions {
  // disable: SSL requests are answered "no"; verify_ca, verify_full: see check_certificate().
  TlsMode tls = TlsMode::disable;
  bool local = false;               // unix socket: as trustworthy as TLS for passwords in clear
  std::uint32_t connection_id = 0;  // MySQL: the thread id of the greeting (virtual)
  std::string server_version;       // MySQL: the version of the greeting, from a real backend
  std::uint32_t capabilities = 0;   // MySQL: what the backends of this listener can do; 0 = unknown
  std::shared_ptr<const struct RsaKey> rsa_key;  // MySQL: for full authentication without TLS
  std::string mock_salt_key;  // secret of this process; makes mock salts stable per user
};

struct CancelRequest {
  std::uint32_t process_id = 0;
  Buffer key;  // 4 bytes in protocol 3.0, 4..256 in 3.2

  friend bool operator==(const CancelRequest& a, const CancelRequest& b) = default;
};

// The machine ends just before the server's final word: after AuthenticationOk (PostgreSQL) and
// before the final OK packet (MySQL). Route, pool and welcome come next and may still refuse.
struct ClientLogin {
  std::string user;
  std::string database;   // PostgreSQL: defaults to the user; MySQL: may be empty
  Parameters parameters;  // PostgreSQL: startup parameters without user and database, with
                          // `options` already split into its settings; MySQL: attributes
  std::optional<CancelRequest> cancel;  // set: this connection is a cancel request and nothing else
  bool replication = false;             // PostgreSQL: asked for a replication connection
  std::uint32_t protocol_version = 0;   // PostgreSQL: 196608 (3.0) or 196610 (3.2)
  std::uint32_t capabilities = 0;       // MySQL: what both sides agreed on
  std::uint16_t collation = 0;          // MySQL: id of the client's collation
  std::uint8_t sequence = 0;            // MySQL: sequence number of the next packet that we send
  bool tls = false;
  std::optional<PeerCertificate> certificate;  // verified; of a listener that asks for one
  std::string method;  // "scram-sha-256", "caching_sha2_password", ... for metrics
  Learned learned;

  friend bool operator==(const ClientLogin& a, const ClientLogin& b) = default;
};

// ---- sluice -> backend

struct BackendTarget {
  std::string host;  // for error texts and TLS; never resolved here
  std::string user;
  std::string database;  // may be empty (MySQL)
  std::optional<std::string> password;
  Learned learned;  // used where there is no password
  TlsMode tls = TlsMode::prefer;
  bool local = false;  // unix socket
  // PostgreSQL: sent in the startup packet. MySQL: connection attributes.
  Parameters parameters;
  std::uint32_t capabilities = 0;  // MySQL: client capabilities to mirror (FOUND_ROWS, ...)
  std::uint16_t collation = 0;     // MySQL: collation id of the handshake; 0 = utf8mb4_general_ci
};

struct BackendLogin {
  std::string server_version;
  Parameters parameters;           // PostgreSQL: the ParameterStatus values that it reported
  std::uint32_t process_id = 0;    // PostgreSQL: of BackendKeyData; MySQL: the thread id
  Buffer cancel_key;               // PostgreSQL
  std::uint32_t capabilities = 0;  // MySQL: agreed on
  std::uint16_t status = 0;        // MySQL: status flags of the final OK
  bool mariadb = false;
  bool tls = false;
};

}  // namespace sluice::protocol
