#pragma once

// Tokens whose signatures were found good, by their SHA-256: a storm of logins with one token does
// not verify it again and again. Bounded; the one that was not asked for the longest goes first.

#include <array>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "proxy/middleware/token/token.hpp"

namespace sluice::proxy::middleware::token {

using Fingerprint = std::array<std::uint8_t, 32>;

Fingerprint fingerprint(std::string_view token);

// From any thread.
class Verified {
 public:
  explicit Verified(std::size_t most) : most_(most) {}

  Claims find(const Fingerprint& token);  // null: not known
  void add(const Fingerprint& token, Claims claims);
  void forget(const Fingerprint& token);
  std::size_t size() const;

 private:
  using Entry = std::pair<Fingerprint, Claims>;
  struct Hash {
    std::size_t operator()(const Fingerprint& token) const {
      std::size_t hash = 0;
      std::memcpy(&hash, token.data(), sizeof(hash));
      return hash;
    }
  };

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the last one asked for is the first
  std::unordered_map<Fingerprint, std::list<Entry>::iterator, Hash> index_;
};

}  // namespace sluice::proxy::middleware::token
