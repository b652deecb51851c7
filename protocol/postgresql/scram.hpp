#pragma once

// SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as pure steps over texts.
//
//   client-first   n,,n=,r=<client nonce>                     gs2 header, then "bare"
//   server-first   r=<client nonce><server nonce>,s=<salt>,i=<iterations>
//   client-final   c=<base64 of the gs2 header>,r=<nonce>,p=<proof>
//   server-final   v=<server signature>
//
// Channel binding is not offered. Passwords are taken as they are, without the normalisation of
// SASLprep: it changes nothing in ASCII and nothing in composed (NFKC) text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::postgresql {

constexpr std::uint32_t kScramIterations = 4096;       // of the verifiers that we derive
constexpr std::uint32_t kMaxScramIterations = 100000;  // a backend may not ask for more work
constexpr std::size_t kScramKeySize = 32;
constexpr std::size_t kScramSaltSize = 16;
constexpr std::size_t kMaxScramNonce = 512;     // bytes of one side's or the joined nonce
constexpr std::size_t kMaxScramMessage = 4096;  // bytes of one SCRAM message

// What is stored about a password: "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey".
struct ScramVerifier {
  std::uint32_t iterations = 0;
  Buffer salt;
  Buffer stored_key;  // 32 bytes
  Buffer server_key;  // 32 bytes
};
std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);
std::string format_scram_verifier(const ScramVerifier& verifier);

// What the client side needs to prove that it has the password.
struct ScramKeys {
  Buffer client_key;
  Buffer server_key;
};
// Both are CPU-heavy (PBKDF2), never throw, and are nullopt only when libcrypto fails.
std::optional<ScramKeys> derive_scram_keys(std::string_view password, Bytes salt,
                                           std::uint32_t iterations) noexcept;
std::optional<ScramVerifier> derive_scram_verifier(std::string_view password, Bytes salt,
                                                   std::uint32_t iterations) noexcept;

// 24 printable characters from the cryptographic generator.
std::string make_scram_nonce();

// The server's side of one exchange.
class ScramServer {
 public:
  // Takes client-first; gives server-first. Failures carry their SQLSTATE.
  Result<std::string> first(Bytes client_first, const ScramVerifier& verifier,
                            std::string_view server_nonce);
  struct Final {
    bool proven = false;       // false: wrong password
    std::string server_final;  // only when proven
    Buffer client_key;         // only when proven
  };
  // Takes client-final.
  Result<Final> finish(Bytes client_final, const ScramVerifier& verifier);

 private:
  std::string gs2_header_;
  std::string client_first_bare_;
  std::string server_first_;
  std::string nonce_;
};

// The client's side of one exchange.
class ScramClient {
 public:
  explicit ScramClient(std::string nonce) : nonce_(std::move(nonce)) {}

  std::string first();
  struct Challenge {
    Buffer salt;
    std::uint32_t iterations = 0;
  };
  // Takes server-first. The keys for its salt and iterations come next, from a password or a cache.
  Result<Challenge> challenge(Bytes server_first);
  // Gives client-final.
  std::string finish(const ScramKeys& keys);
  // Takes server-final: the server has proved that it knows the password, too.
  Status verify(Bytes server_final);

 private:
  std::string nonce_;
  std::string server_first_;
  std::string joined_nonce_;
  Buffer server_signature_;
};

}  // namespace sluice::protocol::postgresql
