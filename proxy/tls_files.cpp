#include "proxy/tls_files.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "config/secret.hpp"
#include "protocol/crypto.hpp"

namespace sluice::proxy {
namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20U;

}  // namespace

std::string tls_files(const config::PoolTls& tls) {
  std::string all;
  for (const std::string* file : {&tls.ca_file, &tls.cert_file, &tls.key_file}) {
    if (!file->empty()) {
      const auto digest =
          protocol::sha256(protocol::as_bytes(config::read_file(*file, kMaxFile).text));
      all.append(digest.begin(), digest.end());
    }
  }
  return all;
}

std::optional<std::chrono::system_clock::time_point> not_after(const std::string& file) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_file(file.c_str(), "r"),
                                                          &BIO_free_all);
  std::optional<std::chrono::system_clock::time_point> first;
  while (bio != nullptr) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (certificate == nullptr) {
      break;
    }
    std::tm when{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &when) == 1) {
      const auto end = std::chrono::system_clock::from_time_t(::timegm(&when));
      first = first ? std::min(*first, end) : end;
    }
  }
  ERR_clear_error();
  return first;
}

}  // namespace sluice::proxy
