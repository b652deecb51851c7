#include "proxy/middleware/token/verified.hpp"

#include <algorithm>

#include "protocol/crypto.hpp"

namespace sluice::proxy::middleware::token {

Fingerprint fingerprint(std::string_view token) {
  const protocol::Buffer digest = protocol::sha256(protocol::as_bytes(token));
  Fingerprint result{};
  std::copy_n(digest.begin(), result.size(), result.begin());
  return result;
}

Claims Verified::find(const Fingerprint& token) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(token);
  if (found == index_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void Verified::add(const Fingerprint& token, Claims claims) {
  const std::lock_guard lock(mutex_);
  if (index_.contains(token)) {  // two sessions have verified it at once
    return;
  }
  if (entries_.size() >= most_) {
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(token, std::move(claims));
  index_.emplace(token, entries_.begin());
}

void Verified::forget(const Fingerprint& token) {
  const std::lock_guard lock(mutex_);
  if (const auto found = index_.find(token); found != index_.end()) {
    entries_.erase(found->second);
    index_.erase(found);
  }
}

std::size_t Verified::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sluice::proxy::middleware::token
