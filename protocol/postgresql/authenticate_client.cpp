#include "protocol/postgresql/authenticate_client.hpp"

#include <optional>
#include <utility>

#include "protocol/crypto.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/md5.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/scram.hpp"

namespace sluice::protocol::postgresql {
namespace {

// The one answer to a wrong password and to an unknown user. `detail` is for the log alone.
Failure wrong_password(const Claim& claim, std::string detail = {}) {
  return fail(FailureKind::authentication_failed,
              "password authentication failed for user " + quoted(claim.user), std::move(detail));
}

// The body of the client's answer to an authentication request.
Result<Bytes> open_response(Bytes frame) {
  std::optional<Message> message = open_message(frame);
  if (!message) {
    return fail(FailureKind::protocol_violation, "invalid message length");
  }
  if (message->type == frontend::kTerminate) {
    return fail(FailureKind::client_gone, "the client left during its login");
  }
  if (message->type != frontend::kPassword) {
    return fail(FailureKind::protocol_violation,
                "expected a password response, got message type " +
                    std::to_string(static_cast<unsigned char>(message->type)));
  }
  return message->body;
}

Result<std::string> open_password(Bytes frame) {
  Result<Bytes> body = open_response(frame);
  if (!body) {
    return body.failure();
  }
  std::optional<std::string_view> password = parse_password(*body);
  if (!password) {
    return fail(FailureKind::protocol_violation, "invalid password message");
  }
  return std::string(*password);
}

std::optional<ScramVerifier> stored_verifier(const Secret& secret) {
  return secret.scram_verifier ? parse_scram_verifier(*secret.scram_verifier) : std::nullopt;
}

bool scram_usable(const Secret& secret) {
  return secret.known && (stored_verifier(secret) || secret.password);
}

// ---- SCRAM-SHA-256

// Depends on the user and on a secret of this process: the same at each try, and telling nothing
// about which users exist.
Buffer user_salt(const Claim& claim) {
  Buffer salt = hmac_sha256(as_bytes(claim.mock_salt_key), as_bytes(claim.user));
  salt.resize(kScramSaltSize);
  return salt;
}

// A verifier of the stored password or, where that is not to be used, of a random one.
struct Derivation {
  std::string password;
  Buffer salt;
  std::optional<ScramVerifier> verifier;

  explicit Derivation(const Claim& claim)
      : password(scram_usable(*claim.secret) ? *claim.secret->password
                                             : base64_encode(random_bytes(kScramKeySize))),
        salt(user_salt(claim)) {}
  void run() noexcept { verifier = derive_scram_verifier(password, salt, kScramIterations); }
};

// client-first out of a SASLInitialResponse that may come without one.
struct InitialResponse {
  std::optional<Buffer> client_first;
};

Result<InitialResponse> open_initial(Bytes frame) {
  Result<Bytes> body = open_response(frame);
  if (!body) {
    return body.failure();
  }
  std::optional<SaslInitialResponse> response = parse_sasl_initial_response(*body);
  if (!response) {
    return fail(FailureKind::protocol_violation, "invalid SASL response");
  }
  if (response->mechanism != kScramSha256) {
    return fail(FailureKind::protocol_violation,
                "the client selected a SASL mechanism that was not offered");
  }
  InitialResponse initial;
  if (response->data) {
    initial.client_first.emplace(response->data->begin(), response->data->end());
  }
  return initial;
}

Buffer sasl_request() {
  Buffer out;
  put_authentication_sasl(out, {kScramSha256});
  return out;
}

Buffer sasl_data(std::uint32_t kind, std::string_view data) {
  Buffer out;
  put_authentication(out, kind, as_bytes(data));
  return out;
}

// client-first, client-final, and what they prove against `verifier`.
Machine<Proof> exchange_scram(const Claim& claim, const ScramVerifier& verifier) {
  Given given = co_yield Write{sasl_request()};
  given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
  Result<InitialResponse> initial = open_initial(given.frame);
  if (!initial) {
    co_return initial.failure();
  }
  if (!initial->client_first) {
    given = co_yield Write{sasl_data(authentication::kSaslContinue, "")};
    given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
    Result<Bytes> body = open_response(given.frame);
    if (!body) {
      co_return body.failure();
    }
    initial->client_first.emplace(body->begin(), body->end());
  }

  ScramServer server;
  Result<std::string> server_first =
      server.first(*initial->client_first, verifier, make_scram_nonce());
  if (!server_first) {
    co_return server_first.failure();
  }
  given = co_yield Write{sasl_data(authentication::kSaslContinue, *server_first)};
  given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
  Result<Bytes> client_final = open_response(given.frame);
  if (!client_final) {
    co_return client_final.failure();
  }
  Result<ScramServer::Final> final = server.finish(*client_final, verifier);
  if (!final) {
    co_return final.failure();
  }
  if (!scram_usable(*claim.secret)) {
    co_return wrong_password(
        claim, claim.secret->known ? "no stored secret can be used here" : "no such user");
  }
  if (!final->proven) {
    co_return wrong_password(claim);
  }
  given = co_yield Write{sasl_data(authentication::kSaslFinal, final->server_final)};
  Proof proof{"scram-sha-256", {}};
  proof.learned.scram_client_key = std::string(as_text(final->client_key));
  proof.learned.scram_verifier = format_scram_verifier(verifier);
  co_return proof;
}

Machine<Proof> by_scram(const Claim& claim) {
  // Both paths are open to an unknown user's secret, too: whoever provides a verifier for the known
  // ones can provide one for the unknown, so that neither costs a derivation.
  std::optional<ScramVerifier> verifier = stored_verifier(*claim.secret);
  if (verifier && !claim.secret->known) {
    verifier->salt = user_salt(claim);
  }
  if (!verifier) {
    Derivation derivation(claim);
    co_yield Compute{[&derivation] { derivation.run(); }};
    verifier = std::move(derivation.verifier);
  }
  if (!verifier) {
    co_return fail(FailureKind::internal, "SCRAM keys could not be derived");
  }
  Machine<Proof> exchange = exchange_scram(claim, *verifier);
  Given given;
  while (Want* want = exchange.resume(std::move(given))) {
    given = co_yield std::move(*want);
  }
  co_return std::move(exchange.result());
}

// ---- md5

Machine<Proof> by_md5(const Claim& claim) {
  Buffer salt = random_bytes(kMd5SaltSize);
  Buffer request;
  put_authentication(request, authentication::kMd5Password, salt);
  Given given = co_yield Write{std::move(request)};
  given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
  Result<std::string> answer = open_password(given.frame);
  if (!answer) {
    co_return answer.failure();
  }
  std::string expected = md5_answer(*claim.secret->md5_hash, salt);
  if (!constant_time_equal(as_bytes(*answer), as_bytes(expected))) {
    co_return wrong_password(claim);
  }
  co_return Proof{"md5", {}};
}

// ---- password in clear, against what MySQL stores

bool matches_native(const Secret& secret, Bytes password) {
  if (!secret.mysql_native_hash || !secret.mysql_native_hash->starts_with('*')) {
    return false;
  }
  std::optional<Buffer> stored = hex_decode(secret.mysql_native_hash->substr(1));
  return stored && constant_time_equal(sha1(sha1(password)), *stored);
}

bool matches_caching_sha2(const Secret& secret, Bytes password) {
  return secret.caching_sha2_digest &&
         constant_time_equal(sha256(sha256(password)), as_bytes(*secret.caching_sha2_digest));
}

Machine<Proof> by_password(const Claim& claim) {
  Buffer request;
  put_authentication(request, authentication::kCleartextPassword);
  Given given = co_yield Write{std::move(request)};
  given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
  Result<std::string> password = open_password(given.frame);
  if (!password) {
    co_return password.failure();
  }
  Bytes bytes = as_bytes(*password);
  bool right = matches_native(*claim.secret, bytes) || matches_caching_sha2(*claim.secret, bytes);
  if (password->empty() || !right) {
    co_return wrong_password(claim);
  }
  Proof proof{"password", {}};
  proof.learned.password = std::move(*password);
  co_return proof;
}

Machine<Proof> choose(const Claim& claim) {
  const Secret& secret = *claim.secret;
  if (scram_usable(secret) || !secret.known) {
    return by_scram(claim);
  }
  if (secret.md5_hash && valid_md5_hash(*secret.md5_hash)) {
    return by_md5(claim);
  }
  bool mysql_hash = secret.mysql_native_hash || secret.caching_sha2_digest;
  return mysql_hash && claim.private_channel ? by_password(claim) : by_scram(claim);
}

}  // namespace

Machine<Proof> authenticate_client(Claim claim) {
  Machine<Proof> method = choose(claim);
  Given given;
  while (Want* want = method.resume(std::move(given))) {
    given = co_yield std::move(*want);
  }
  co_return std::move(method.result());
}

}  // namespace sluice::protocol::postgresql
