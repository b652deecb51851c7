#pragma once

// Certificates made for one test run, in a directory that goes with it, and handshakes in memory.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::proxy::test {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;
using Certificate = std::unique_ptr<X509, CertificateDeleter>;

struct Identity {
  Key key;
  Certificate certificate;
};

// `alternative_names` as in openssl.cnf: "DNS:db.example,IP:192.0.2.1"; empty for an authority.
Identity make_identity(const std::string& name, const std::string& alternative_names,
                       const Identity* issuer);

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  std::string write(const std::string& name, const std::string& text) const;
  std::string write(const std::string& name, const X509* certificate) const;
  std::string write(const std::string& name, const EVP_PKEY* key,
                    const char* passphrase = nullptr) const;
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
};

struct SslDeleter {
  void operator()(SSL* connection) const { SSL_free(connection); }
};
using Connection = std::unique_ptr<SSL, SslDeleter>;

// Two ends joined by memory; nothing is sent yet.
struct Pair {
  Pair(SSL_CTX* client_context, SSL_CTX* server_context);
  // True when both ends are through. Ends when neither gets further.
  bool shake_hands();
  Connection client;
  Connection server;
};

}  // namespace sluice::proxy::test
