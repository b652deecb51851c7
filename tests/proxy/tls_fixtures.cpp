#include "tests/proxy/tls_fixtures.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sluice::proxy::test {
namespace {

void extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
  if (made == nullptr) {
    throw std::runtime_error("bad extension " + value);
  }
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

}  // namespace

Identity make_identity(const std::string& name, const std::string& alternative_names,
                       const Identity* issuer) {
  static long serial = 1;
  Identity made{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, made.key.get());
  extend(certificate, signer, NID_basic_constraints,
         alternative_names.empty() ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!alternative_names.empty()) {
    extend(certificate, signer, NID_subject_alt_name, alternative_names);
  }
  X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary directory");
  }
  directory_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
  return path(name);
}

std::string TemporaryDirectory::write(const std::string& name, const X509* certificate) const {
  std::FILE* file = std::fopen(path(name).c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  return path(name);
}

std::string TemporaryDirectory::write(const std::string& name, const EVP_PKEY* key,
                                      const char* passphrase) const {
  std::FILE* file = std::fopen(path(name).c_str(), "w");
  PEM_write_PKCS8PrivateKey(
      file, key, passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, passphrase,
      passphrase != nullptr ? static_cast<int>(std::strlen(passphrase)) : 0, nullptr, nullptr);
  std::fclose(file);
  return path(name);
}

Pair::Pair(SSL_CTX* client_context, SSL_CTX* server_context)
    : client(SSL_new(client_context)), server(SSL_new(server_context)) {
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  BIO_new_bio_pair(&client_end, 0, &server_end, 0);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
}

bool Pair::shake_hands() {
  bool client_done = false;
  bool server_done = false;
  for (int round = 0; round < 20 && !(client_done && server_done); ++round) {
    for (SSL* end : {client.get(), server.get()}) {
      bool& done = end == client.get() ? client_done : server_done;
      ERR_clear_error();
      const int result = SSL_do_handshake(end);
      done = result == 1;
      const int error = SSL_get_error(end, result);
      if (!done && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        return false;  // the errors stay in the queue
      }
    }
  }
  return client_done && server_done;
}

}  // namespace sluice::proxy::test
