#include "protocol/postgresql/scram.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include "protocol/crypto.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::string_view kVerifierPrefix = "SCRAM-SHA-256$";
constexpr std::string_view kClientGs2 = "n,,";
constexpr std::size_t kNonceBytes = 18;

Failure malformed(std::string_view what) {
  return fail(FailureKind::protocol_violation, "malformed SCRAM message: " + std::string(what));
}

Failure unsupported(std::string text) {
  return fail(FailureKind::unsupported_feature, std::move(text));
}

Failure backend_malformed(std::string_view what) {
  return fail(FailureKind::backend_protocol,
              "the backend sent a malformed SCRAM message: " + std::string(what));
}

// Reads the attributes of a SCRAM message from left to right: "a=value,b=value".
class Attributes {
 public:
  explicit Attributes(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  // The next attribute's name, or 0 when there is none or it is not one.
  char name() const {
    bool letter = rest_.size() >= 2 && rest_[1] == '=' &&
                  ((rest_[0] >= 'a' && rest_[0] <= 'z') || (rest_[0] >= 'A' && rest_[0] <= 'Z'));
    return letter ? rest_[0] : '\0';
  }
  // The value of the next attribute, which must have this name.
  std::optional<std::string_view> take(char wanted) {
    if (name() != wanted || wanted == '\0') {
      return std::nullopt;
    }
    std::size_t end = std::min(rest_.find(','), rest_.size());
    std::string_view value = rest_.substr(2, end - 2);
    if (end + 1 == rest_.size()) {
      return std::nullopt;  // a comma with nothing behind it
    }
    rest_ = end < rest_.size() ? rest_.substr(end + 1) : std::string_view{};
    return value;
  }

 private:
  std::string_view rest_;
};

bool acceptable(Bytes message) {
  return !message.empty() && message.size() <= kMaxScramMessage &&
         std::find(message.begin(), message.end(), 0) == message.end();
}

bool valid_nonce(std::string_view nonce) {
  return !nonce.empty() && nonce.size() <= kMaxScramNonce &&
         std::all_of(nonce.begin(), nonce.end(),
                     [](char c) { return c > 0x20 && c < 0x7F && c != ','; });
}

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
  std::uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value > 0 ? std::optional(value) : std::nullopt;
}

std::optional<Buffer> decode_key(std::string_view text) {
  std::optional<Buffer> key = base64_decode(text);
  return key && key->size() == kScramKeySize ? key : std::nullopt;
}

Status check_gs2(std::string_view message, std::size_t& bare) {
  if (message.starts_with("p=")) {
    return fail(FailureKind::protocol_violation,
                "the client requires SCRAM channel binding, which is not offered");
  }
  if (!message.starts_with("n,") && !message.starts_with("y,")) {
    return malformed("unexpected channel-binding flag");
  }
  if (message.substr(2).starts_with("a=")) {
    return unsupported("the client uses a SCRAM authorization identity, which is not supported");
  }
  if (!message.substr(2).starts_with(",")) {
    return malformed("the header does not end with a comma");
  }
  bare = 3;
  return Done{};
}

}  // namespace

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text) {
  if (!text.starts_with(kVerifierPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(kVerifierPrefix.size());
  std::size_t dollar = text.find('$');
  std::size_t colon = text.find(':');
  std::size_t second = dollar == std::string_view::npos ? dollar : text.find(':', dollar);
  if (second == std::string_view::npos || colon > dollar) {
    return std::nullopt;
  }
  std::optional<std::uint32_t> iterations = parse_iterations(text.substr(0, colon));
  std::optional<Buffer> salt = base64_decode(text.substr(colon + 1, dollar - colon - 1));
  std::optional<Buffer> stored = decode_key(text.substr(dollar + 1, second - dollar - 1));
  std::optional<Buffer> server = decode_key(text.substr(second + 1));
  if (!iterations || !salt || salt->empty() || !stored || !server) {
    return std::nullopt;
  }
  return ScramVerifier{*iterations, std::move(*salt), std::move(*stored), std::move(*server)};
}

std::string format_scram_verifier(const ScramVerifier& verifier) {
  return std::string(kVerifierPrefix) + std::to_string(verifier.iterations) + ":" +
         base64_encode(verifier.salt) + "$" + base64_encode(verifier.stored_key) + ":" +
         base64_encode(verifier.server_key);
}

std::optional<ScramKeys> derive_scram_keys(std::string_view password, Bytes salt,
                                           std::uint32_t iterations) noexcept {
  try {
    Buffer salted = pbkdf2_sha256(password, salt, iterations, kScramKeySize);
    return ScramKeys{hmac_sha256(salted, as_bytes("Client Key")),
                     hmac_sha256(salted, as_bytes("Server Key"))};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<ScramVerifier> derive_scram_verifier(std::string_view password, Bytes salt,
                                                   std::uint32_t iterations) noexcept {
  try {
    std::optional<ScramKeys> keys = derive_scram_keys(password, salt, iterations);
    if (!keys) {
      return std::nullopt;
    }
    return ScramVerifier{iterations, Buffer(salt.begin(), salt.end()), sha256(keys->client_key),
                         std::move(keys->server_key)};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string make_scram_nonce() {
  return base64_encode(random_bytes(kNonceBytes));
}

// ---- server

Result<std::string> ScramServer::first(Bytes client_first, const ScramVerifier& verifier,
                                       std::string_view server_nonce) {
  if (!acceptable(client_first)) {
    return malformed("length");
  }
  std::string_view message = as_text(client_first);
  std::size_t bare = 0;
  if (Status header = check_gs2(message, bare); !header) {
    return header.failure();
  }
  Attributes attributes(message.substr(bare));
  if (attributes.name() == 'm') {
    return unsupported("the client requires a SCRAM extension that is not supported");
  }
  // The name is empty or repeats the startup packet's, which is the one that counts.
  if (!attributes.take('n')) {
    return malformed("attribute n expected");
  }
  std::optional<std::string_view> nonce = attributes.take('r');
  if (!nonce || !valid_nonce(*nonce)) {
    return malformed("invalid nonce");
  }
  while (!attributes.at_end()) {
    if (!attributes.take(attributes.name())) {
      return malformed("invalid extension");
    }
  }
  gs2_header_ = message.substr(0, bare);
  client_first_bare_ = message.substr(bare);
  nonce_ = std::string(*nonce) + std::string(server_nonce);
  server_first_ = "r=" + nonce_ + ",s=" + base64_encode(verifier.salt) +
                  ",i=" + std::to_string(verifier.iterations);
  return server_first_;
}

Result<ScramServer::Final> ScramServer::finish(Bytes client_final, const ScramVerifier& verifier) {
  if (!acceptable(client_final)) {
    return malformed("length");
  }
  std::string_view message = as_text(client_final);
  Attributes attributes(message);
  std::optional<std::string_view> binding = attributes.take('c');
  if (!binding || *binding != base64_encode(as_bytes(gs2_header_))) {
    return malformed("the channel binding is not that of the first message");
  }
  std::optional<std::string_view> nonce = attributes.take('r');
  if (!nonce || *nonce != nonce_) {
    return malformed("the nonce does not match");
  }
  while (!attributes.at_end() && attributes.name() != 'p') {
    if (!attributes.take(attributes.name())) {
      return malformed("invalid extension");
    }
  }
  std::size_t proof_at = message.size() - attributes.rest().size();
  std::optional<std::string_view> encoded = attributes.take('p');
  std::optional<Buffer> proof = encoded ? decode_key(*encoded) : std::nullopt;
  if (!proof || !attributes.at_end()) {
    return malformed("invalid proof");
  }
  std::string auth_message =
      client_first_bare_ + "," + server_first_ + "," + std::string(message.substr(0, proof_at - 1));
  Buffer client_key = xor_bytes(*proof, hmac_sha256(verifier.stored_key, as_bytes(auth_message)));
  Final result;
  result.proven = constant_time_equal(sha256(client_key), verifier.stored_key);
  if (result.proven) {
    result.server_final =
        "v=" + base64_encode(hmac_sha256(verifier.server_key, as_bytes(auth_message)));
    result.client_key = std::move(client_key);
  }
  return result;
}

// ---- client

std::string ScramClient::first() {
  return std::string(kClientGs2) + "n=,r=" + nonce_;
}

Result<ScramClient::Challenge> ScramClient::challenge(Bytes server_first) {
  if (!acceptable(server_first)) {
    return backend_malformed("length");
  }
  server_first_ = as_text(server_first);
  Attributes attributes(server_first_);
  std::optional<std::string_view> nonce = attributes.take('r');
  bool extends =
      nonce && valid_nonce(*nonce) && nonce->starts_with(nonce_) && nonce->size() > nonce_.size();
  if (!extends) {
    return backend_malformed("its nonce does not extend ours");
  }
  std::optional<std::string_view> salt_text = attributes.take('s');
  std::optional<Buffer> salt = salt_text ? base64_decode(*salt_text) : std::nullopt;
  if (!salt || salt->empty()) {
    return backend_malformed("invalid salt");
  }
  std::optional<std::string_view> count_text = attributes.take('i');
  std::optional<std::uint32_t> iterations =
      count_text ? parse_iterations(*count_text) : std::nullopt;
  if (!iterations || !attributes.at_end()) {
    return backend_malformed("invalid iteration count");
  }
  if (*iterations > kMaxScramIterations) {
    return fail(FailureKind::backend_login_failed, "the backend asks for " +
                                                       std::to_string(*iterations) +
                                                       " SCRAM iterations; sluice does at most " +
                                                       std::to_string(kMaxScramIterations));
  }
  joined_nonce_ = *nonce;
  return Challenge{std::move(*salt), *iterations};
}

std::string ScramClient::finish(const ScramKeys& keys) {
  std::string without_proof = "c=" + base64_encode(as_bytes(kClientGs2)) + ",r=" + joined_nonce_;
  std::string auth_message = "n=,r=" + nonce_ + "," + server_first_ + "," + without_proof;
  Buffer signature = hmac_sha256(sha256(keys.client_key), as_bytes(auth_message));
  server_signature_ = hmac_sha256(keys.server_key, as_bytes(auth_message));
  return without_proof + ",p=" + base64_encode(xor_bytes(keys.client_key, signature));
}

Status ScramClient::verify(Bytes server_final) {
  if (!acceptable(server_final)) {
    return backend_malformed("length");
  }
  Attributes attributes(as_text(server_final));
  if (attributes.name() == 'e') {
    return fail(FailureKind::backend_login_failed, "the backend refused the SCRAM proof");
  }
  std::optional<std::string_view> encoded = attributes.take('v');
  std::optional<Buffer> signature = encoded ? base64_decode(*encoded) : std::nullopt;
  if (!signature || !attributes.at_end()) {
    return backend_malformed("invalid server signature");
  }
  // An empty signature of ours means that finish() was never reached.
  if (server_signature_.empty() || !constant_time_equal(*signature, server_signature_)) {
    return fail(FailureKind::backend_login_failed,
                "the backend did not prove that it knows the password (SCRAM server signature)");
  }
  return Done{};
}

}  // namespace sluice::protocol::postgresql
