#include "proxy/tls_context.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string_view>
#include <system_error>
#include <utility>

namespace sluice::proxy {
namespace {

using config::TlsMode;
using protocol::FailureKind;
using protocol::Status;

// Length and name, as ALPN has it on the wire.
constexpr std::string_view kPostgresqlAlpn = "\x0apostgresql";

std::string queued_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) {
    return std::system_category().message(ERR_GET_REASON(code));
  }
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "unknown reason";
}

// One loader: the same steps for both sides, told apart by the kind of their failures.
class Builder {
 public:
  Builder(const SSL_METHOD* method, FailureKind kind) : context_(SSL_CTX_new(method)), kind_(kind) {
    ERR_clear_error();
  }
  ~Builder() { SSL_CTX_free(context_); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  SSL_CTX* get() { return context_; }
  protocol::Result<TlsContextPtr> finish() {
    return TlsContextPtr(std::make_shared<const TlsContext>(std::exchange(context_, nullptr)));
  }

  Status set_common() {
    if (context_ == nullptr || SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION) != 1) {
      return failed("cannot create a TLS context");
    }
    SSL_CTX_set_options(context_, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // An idle connection gives its record buffers back; a write goes on from wherever its bytes
    // are.
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Tickets are kept by their clients; a cache here would only hold memory.
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context_, 0);  // database clients do not resume sessions
    // One read takes all that has arrived, instead of a header and then a record.
    SSL_CTX_set_read_ahead(context_, 1);
    // A key under a passphrase is an error, not a question on the terminal.
    SSL_CTX_set_default_passwd_cb(context_, [](char*, int, int, void*) { return 0; });
    return protocol::Done{};
  }

  Status load_certificate(const std::string& cert_file, const std::string& key_file) {
    if (SSL_CTX_use_certificate_chain_file(context_, cert_file.c_str()) != 1) {
      return failed("cannot load the TLS certificate '" + cert_file + "'");
    }
    const std::string& key = key_file.empty() ? cert_file : key_file;
    if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context_) != 1) {
      return failed("cannot use the TLS key '" + key + "' with the certificate '" + cert_file +
                    "'");
    }
    return protocol::Done{};
  }

  Status trust(const std::string& ca_file) {
    if (ca_file.empty()) {
      return SSL_CTX_set_default_verify_paths(context_) == 1
                 ? Status(protocol::Done{})
                 : failed("cannot load the system's TLS authorities");
    }
    return SSL_CTX_load_verify_file(context_, ca_file.c_str()) == 1
               ? Status(protocol::Done{})
               : failed("cannot load the TLS authorities '" + ca_file + "'");
  }

  // Of clients; their libraries choose one by the names of `ca_file`.
  Status ask_for_certificates(const std::string& ca_file) {
    if (Status status = trust(ca_file); !status) {
      return status;
    }
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(ca_file.c_str());
    if (names == nullptr) {
      return failed("cannot load the TLS authorities '" + ca_file + "'");
    }
    SSL_CTX_set_client_CA_list(context_, names);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    return protocol::Done{};
  }

 private:
  Status failed(const std::string& what) {
    return protocol::fail(kind_, what + ": " + queued_error());
  }

  SSL_CTX* context_;
  FailureKind kind_;
};

int select_postgresql(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                      const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* match = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kPostgresqlAlpn.data());
  if (SSL_select_next_proto(&match, chosen_size, ours, kPostgresqlAlpn.size(), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

// Where a client context keeps that it verifies names.
int verify_name_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// RFC 2253, with what is not ASCII as it is and control characters escaped.
std::string subject_of(const X509* certificate) {
  const unsigned long flags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  BIO* out = BIO_new(BIO_s_mem());
  std::string text;
  if (out != nullptr &&
      X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, flags) >= 0) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    text.assign(data, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  BIO_free(out);
  return text;
}

// A name with a NUL in it, or two names, could pass for somebody else's.
std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
    return {};
  }
  unsigned char* data = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&data, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  std::string name;
  if (size > 0) {
    name.assign(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  OPENSSL_free(data);
  return name.find('\0') == std::string::npos ? name : std::string();
}

}  // namespace

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

protocol::Result<TlsContextPtr> make_server_tls(const config::ListenerTls& tls,
                                                config::Protocol protocol) {
  Builder builder(TLS_server_method(), FailureKind::tls_failed);
  if (Status status = builder.set_common(); !status) {
    return status.failure();
  }
  if (Status status = builder.load_certificate(tls.cert_file, tls.key_file); !status) {
    return status.failure();
  }
  if (tls.mode == TlsMode::verify_ca || tls.mode == TlsMode::verify_full) {
    if (Status status = builder.ask_for_certificates(tls.client_ca_file); !status) {
      return status.failure();
    }
  }
  if (protocol == config::Protocol::postgresql) {
    SSL_CTX_set_alpn_select_cb(builder.get(), select_postgresql, nullptr);
  }
  return builder.finish();
}

protocol::Result<TlsContextPtr> make_client_tls(const config::PoolTls& tls) {
  Builder builder(TLS_client_method(), FailureKind::backend_tls_failed);
  if (Status status = builder.set_common(); !status) {
    return status.failure();
  }
  if (!tls.cert_file.empty()) {
    if (Status status = builder.load_certificate(tls.cert_file, tls.key_file); !status) {
      return status.failure();
    }
  }
  SSL_CTX* context = builder.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  if (tls.mode == TlsMode::verify_ca || tls.mode == TlsMode::verify_full) {
    if (Status status = builder.trust(tls.ca_file); !status) {
      return status.failure();
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (tls.mode == TlsMode::verify_full) {
    static char yes;
    SSL_CTX_set_ex_data(context, verify_name_index(), &yes);
  }
  return builder.finish();
}

Status expect_server(ssl_st* connection, const std::string& host) {
  const bool verify =
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), verify_name_index()) != nullptr;
  if (host.empty()) {
    // OpenSSL takes an empty name for "verify none".
    return verify ? Status(protocol::fail(FailureKind::backend_tls_failed,
                                          "verify-full needs a host name to verify"))
                  : Status(protocol::Done{});
  }
  ASN1_OCTET_STRING* ip = a2i_IPADDRESS(host.c_str());
  const bool is_ip = ip != nullptr;
  ASN1_OCTET_STRING_free(ip);
  ERR_clear_error();
  bool ok = is_ip || SSL_set_tlsext_host_name(connection, host.c_str()) == 1;
  if (verify) {
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ok = ok && (is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str())
                      : SSL_set1_host(connection, host.c_str())) == 1;
  }
  return ok ? Status(protocol::Done{})
            : Status(protocol::fail(
                  FailureKind::backend_tls_failed,
                  "cannot expect a TLS server '" + host.substr(0, 255) + "': " + queued_error()));
}

std::optional<protocol::PeerCertificate> verified_certificate(const ssl_st* connection) {
  const X509* certificate = SSL_get0_peer_certificate(connection);
  const bool asked = (SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) != 0;
  if (certificate == nullptr || !asked || SSL_get_verify_result(connection) != X509_V_OK) {
    return std::nullopt;
  }
  return protocol::PeerCertificate{subject_of(certificate), common_name_of(certificate)};
}

std::string tls_failure_text(ssl_st* connection) {
  std::string reason = queued_error();
  if (connection == nullptr || (SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) == 0) {
    return reason;
  }
  const long verified = SSL_get_verify_result(connection);
  return verified == X509_V_OK
             ? reason
             : std::string("certificate refused: ") + X509_verify_cert_error_string(verified);
}

}  // namespace sluice::proxy
