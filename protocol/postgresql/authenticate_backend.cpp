#include "protocol/postgresql/authenticate_backend.hpp"

#include <algorithm>
#include <utility>

#include "protocol/postgresql/backend_reports.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/md5.hpp"

namespace sluice::protocol::postgresql {
namespace {

std::string method_name(std::uint32_t kind) {
  switch (kind) {
    case authentication::kKerberosV5:
      return "Kerberos V5";
    case authentication::kScmCredential:
      return "SCM credentials";
    case authentication::kGss:
    case authentication::kGssContinue:
      return "GSSAPI";
    case authentication::kSspi:
      return "SSPI";
    default:
      return "method " + std::to_string(kind);
  }
}

}  // namespace

BackendAuthentication::BackendAuthentication(const BackendTarget& target, bool tls)
    : target_(target), clear_allowed_(tls || target.local || target.tls == TlsMode::disable) {}

Result<BackendAuthentication::Next> BackendAuthentication::on_request(
    const AuthenticationRequest& request) {
  switch (state_) {
    case State::start:
      return on_first(request);
    case State::answered:
      if (request.kind == authentication::kOk && request.data.empty()) {
        return Next::done;
      }
      break;
    case State::scram_first:
      if (request.kind == authentication::kSaslContinue) {
        return on_challenge(request.data);
      }
      break;
    case State::scram_final:
      if (request.kind == authentication::kSaslFinal) {
        if (Status verified = scram_->verify(request.data); !verified) {
          return failure(verified.failure().kind, verified.failure().text);
        }
        state_ = State::answered;
        return Next::read;
      }
      break;
  }
  return failure(FailureKind::backend_protocol, "unexpected authentication request");
}

Result<BackendAuthentication::Next> BackendAuthentication::on_first(
    const AuthenticationRequest& request) {
  state_ = State::answered;
  switch (request.kind) {
    case authentication::kOk:
      if (!request.data.empty()) {
        return failure(FailureKind::backend_protocol, "malformed authentication message");
      }
      return Next::done;
    case authentication::kCleartextPassword:
      return send_password();
    case authentication::kMd5Password:
      return send_md5(request.data);
    case authentication::kSasl:
      return send_scram_first(request.data);
    default:
      return failure(
          FailureKind::backend_login_failed,
          "it asks for an authentication that sluice does not speak: " + method_name(request.kind));
  }
}

Result<BackendAuthentication::Next> BackendAuthentication::send_password() {
  if (!clear_allowed_) {
    return failure(FailureKind::backend_login_failed,
                   "it asks for the password in clear on a connection without TLS");
  }
  const std::string* secret = password();
  if (secret == nullptr) {
    return no_password("password");
  }
  put_password(answer_, *secret);
  return Next::write;
}

Result<BackendAuthentication::Next> BackendAuthentication::send_md5(Bytes salt) {
  if (salt.size() != kMd5SaltSize) {
    return failure(FailureKind::backend_protocol, "malformed md5 request");
  }
  const std::string* secret = password();
  if (secret == nullptr) {
    return no_password("md5");
  }
  put_password(answer_, md5_answer(md5_hash(target_.user, *secret), salt));
  return Next::write;
}

Result<BackendAuthentication::Next> BackendAuthentication::send_scram_first(Bytes mechanisms) {
  std::optional<std::vector<std::string_view>> offered = parse_sasl_mechanisms(mechanisms);
  if (!offered) {
    return failure(FailureKind::backend_protocol, "malformed SASL request");
  }
  if (std::find(offered->begin(), offered->end(), kScramSha256) == offered->end()) {
    return failure(
        FailureKind::backend_login_failed,
        "it offers no SASL mechanism that sluice speaks: " + printable(offered->front(), 64));
  }
  if (password() == nullptr && !target_.learned.scram_client_key) {
    return no_password(kScramSha256);
  }
  scram_.emplace(make_scram_nonce());
  put_sasl_initial_response(answer_, kScramSha256, as_bytes(scram_->first()));
  state_ = State::scram_first;
  return Next::write;
}

Result<BackendAuthentication::Next> BackendAuthentication::on_challenge(Bytes server_first) {
  Result<ScramClient::Challenge> challenge = scram_->challenge(server_first);
  if (!challenge) {
    return failure(challenge.failure().kind, challenge.failure().text);
  }
  challenge_ = std::move(*challenge);
  state_ = State::scram_final;
  if (password() != nullptr) {
    return Next::derive;
  }
  keys_ = learned_keys();
  if (!keys_) {
    return failure(FailureKind::backend_login_failed,
                   "its SCRAM verifier differs from the one that the client logged in with: "
                   "give sluice the same verifier, or the password");
  }
  if (Status finished = finish_scram(); !finished) {
    return finished.failure();
  }
  return Next::write;
}

void BackendAuthentication::derive() noexcept {
  keys_ = derive_scram_keys(*password(), challenge_.salt, challenge_.iterations);
}

Status BackendAuthentication::finish_scram() {
  if (!keys_) {
    return failure(FailureKind::internal, "SCRAM keys could not be derived");
  }
  answer_.clear();
  put_sasl_response(answer_, as_bytes(scram_->finish(*keys_)));
  keys_.reset();
  return Done{};
}

// The key that a client's proof gave away is good for the same salt and iterations alone.
std::optional<ScramKeys> BackendAuthentication::learned_keys() const {
  const Learned& learned = target_.learned;
  if (!learned.scram_client_key || learned.scram_client_key->size() != kScramKeySize ||
      !learned.scram_verifier) {
    return std::nullopt;
  }
  std::optional<ScramVerifier> verifier = parse_scram_verifier(*learned.scram_verifier);
  if (!verifier || verifier->salt != challenge_.salt ||
      verifier->iterations != challenge_.iterations) {
    return std::nullopt;
  }
  Bytes key = as_bytes(*learned.scram_client_key);
  return ScramKeys{Buffer(key.begin(), key.end()), std::move(verifier->server_key)};
}

const std::string* BackendAuthentication::password() const {
  if (target_.password) {
    return &*target_.password;
  }
  return target_.learned.password ? &*target_.learned.password : nullptr;
}

Failure BackendAuthentication::failure(FailureKind kind, std::string_view what) const {
  return backend_failure(kind, target_, what);
}

Failure BackendAuthentication::no_password(std::string_view method) const {
  return failure(FailureKind::backend_login_failed,
                 "it asks for a password (" + std::string(method) + ") and sluice has none");
}

}  // namespace sluice::protocol::postgresql
