#include "proxy/operator/doorman.hpp"

#include <utility>

#include "protocol/crypto.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/stored_password.hpp"
#include "protocol/postgresql/scram.hpp"

namespace sluice::proxy::op {
namespace {

constexpr std::size_t kKeySize = 32;

// Which of the two costly forms decides; see mysql::password_matches().
bool decided_by_scram(const protocol::Secret& secret) {
  return secret.known && !secret.password && !secret.caching_sha2_hash &&
         !secret.mysql_native_hash && secret.scram_verifier;
}

// One derivation of each kind is made, whatever is stored.
bool matches(const protocol::Secret& secret, const std::string& user, const std::string& password) {
  const bool right = protocol::mysql::password_matches(secret, user, password);
  if (decided_by_scram(secret)) {
    protocol::mysql::matches_no_hash(password);
  } else {
    using namespace protocol::postgresql;
    const protocol::Buffer salt(kScramSaltSize);
    derive_scram_verifier(password, salt, kScramIterations);
  }
  return right;
}

}  // namespace

Doorman::Doorman() : key_(protocol::random_bytes(kKeySize)) {}

std::optional<config::AdminRight> Doorman::authenticate(
    const std::shared_ptr<const config::Config>& config, const std::string& user,
    const std::string& password) try {
  const config::User* known = config->find_user(user);
  protocol::Buffer proof = protocol::hmac_sha256(
      key_, protocol::as_bytes(std::to_string(user.size()) + ':' + user + password));
  if (known != nullptr && remembered(config, user, proof)) {
    return known->admin;
  }
  protocol::Secret secret = known != nullptr ? known->secret : protocol::Secret();
  secret.known = known != nullptr;
  if (!matches(secret, user, password) || known == nullptr) {
    return std::nullopt;
  }
  remember(config, user, std::move(proof));
  return known->admin;
} catch (const protocol::CryptoError&) {
  return std::nullopt;
}

bool Doorman::remembered(const std::shared_ptr<const config::Config>& config,
                         const std::string& user, const protocol::Buffer& proof) {
  const std::lock_guard lock(mutex_);
  if (config_ != config) {
    config_ = config;
    proofs_.clear();
  }
  const auto found = proofs_.find(user);
  return found != proofs_.end() && protocol::constant_time_equal(found->second, proof);
}

void Doorman::remember(const std::shared_ptr<const config::Config>& config, const std::string& user,
                       protocol::Buffer proof) {
  const std::lock_guard lock(mutex_);
  if (config_ != config) {
    return;  // another one has come meanwhile
  }
  if (proofs_.size() >= kRemembered) {
    proofs_.clear();
  }
  proofs_[user] = std::move(proof);
}

}  // namespace sluice::proxy::op
