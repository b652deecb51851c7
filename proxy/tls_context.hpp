#pragma once

// OpenSSL contexts for the two sides: built once from files, shared by all connections. TLS 1.2 and
// up, no compression, no renegotiation.

#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "protocol/certificate.hpp"
#include "protocol/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::proxy {

class TlsContext {
 public:
  explicit TlsContext(ssl_ctx_st* owned) : context_(owned) {}
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* get() const { return context_; }

 private:
  ssl_ctx_st* context_;
};

using TlsContextPtr = std::shared_ptr<const TlsContext>;

// For a listener whose mode is not disable. A key_file that is left out is in the cert_file. A
// PostgreSQL client that offers protocols by ALPN must offer "postgresql", or is refused. With
// verify_ca and verify_full a client is asked for a certificate, and one that client_ca_file does
// not vouch for ends the handshake; to have shown none is left to check_certificate(), whose answer
// a client can read. Fails with tls_failed, naming the file.
protocol::Result<TlsContextPtr> make_server_tls(const config::ListenerTls& tls,
                                                config::Protocol protocol);

// For a pool whose mode is not disable. prefer and require verify nothing; verify_ca the chain, to
// ca_file or to the authorities of the system; verify_full also the name, see expect_server().
// Fails with backend_tls_failed, naming the file.
protocol::Result<TlsContextPtr> make_client_tls(const config::PoolTls& tls);

// Before the handshake of a connection made from a client context: sends `host` as SNI unless it is
// an IP address, and with verify_full demands that the certificate is for it. Fails when there is a
// name to verify and it is empty.
protocol::Status expect_server(ssl_st* connection, const std::string& host);

// After the handshake of a connection made from a server context that verifies; else empty.
std::optional<protocol::PeerCertificate> verified_certificate(const ssl_st* connection);

// Why a handshake failed, for a log: what was wrong with the peer's certificate, else the oldest
// error in OpenSSL's queue, which is emptied. No key material, nothing that the peer sent.
// `connection` may be null: SSL_new failed.
std::string tls_failure_text(ssl_st* connection);

}  // namespace sluice::proxy
