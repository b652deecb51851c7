#include "proxy/credentials.hpp"

#include <optional>
#include <utility>

#include "protocol/crypto.hpp"
#include "protocol/postgresql/scram.hpp"

namespace sluice::proxy {
namespace {

using protocol::Learned;
using protocol::Secret;

bool same_stored(const Secret& a, const Secret& b) {
  return a.password == b.password && a.scram_verifier == b.scram_verifier &&
         a.md5_hash == b.md5_hash && a.mysql_native_hash == b.mysql_native_hash &&
         a.caching_sha2_hash == b.caching_sha2_hash;
}

void take(std::optional<std::string>& known, const std::optional<std::string>& fresh) {
  if (fresh) {
    known = fresh;
  }
}

// A verifier of no password. With it a login as an unknown user costs what the second and later
// logins of a known user cost; without it each would be one derivation slower, which tells.
std::shared_ptr<const Secret> make_unknown() {
  Secret secret;
  protocol::postgresql::ScramVerifier verifier;
  verifier.salt = protocol::random_bytes(16);
  verifier.iterations = 4096;
  verifier.stored_key = protocol::random_bytes(32);
  verifier.server_key = protocol::random_bytes(32);
  secret.scram_verifier = protocol::postgresql::format_scram_verifier(verifier);
  return std::make_shared<const Secret>(std::move(secret));
}

}  // namespace

Credentials::Credentials(const std::vector<config::User>& users, const Credentials* previous)
    : unknown_(make_unknown()) {
  for (const config::User& user : users) {
    Entry entry;
    entry.stored = user.secret;
    entry.stored.known = true;
    if (previous != nullptr) {
      const std::lock_guard lock(previous->mutex_);
      auto old = previous->entries_.find(user.name);
      if (old != previous->entries_.end() && same_stored(old->second.stored, entry.stored)) {
        entry.learned = old->second.learned;
      }
    }
    combine(entry);
    entries_.insert_or_assign(user.name, std::move(entry));
  }
}

std::shared_ptr<const Secret> Credentials::find(std::string_view user) const {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(user);
  return found == entries_.end() ? unknown_ : found->second.handed_out;
}

bool Credentials::knows(std::string_view user) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(user);
}

void Credentials::learn(std::string_view user, const Learned& learned) {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(user);
  if (found == entries_.end()) {
    return;
  }
  Learned& known = found->second.learned;
  take(known.password, learned.password);
  take(known.scram_client_key, learned.scram_client_key);
  take(known.scram_verifier, learned.scram_verifier);
  take(known.mysql_native_stage1, learned.mysql_native_stage1);
  take(known.caching_sha2_digest, learned.caching_sha2_digest);
  take(known.caching_sha2_stage1, learned.caching_sha2_stage1);
  combine(found->second);
}

Learned Credentials::learned(std::string_view user) const {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(user);
  if (found == entries_.end()) {
    return {};
  }
  Learned result = found->second.learned;
  take(result.password, found->second.stored.password);
  return result;
}

void Credentials::forget(std::string_view user) {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(user);
  if (found != entries_.end()) {
    found->second.learned = {};
    combine(found->second);
  }
}

// What is stored always wins over what was derived.
void Credentials::combine(Entry& entry) {
  const Secret& stored = entry.stored;
  const std::shared_ptr<const Secret>& before = entry.handed_out;
  const auto& verifier =
      stored.scram_verifier ? stored.scram_verifier : entry.learned.scram_verifier;
  const auto& digest =
      stored.caching_sha2_digest ? stored.caching_sha2_digest : entry.learned.caching_sha2_digest;
  if (before && before->scram_verifier == verifier && before->caching_sha2_digest == digest) {
    return;
  }
  auto secret = std::make_shared<Secret>(stored);
  secret->scram_verifier = verifier;
  secret->caching_sha2_digest = digest;
  entry.handed_out = std::move(secret);
}

}  // namespace sluice::proxy
