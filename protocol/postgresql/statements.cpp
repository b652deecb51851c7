#include "protocol/postgresql/statements.hpp"

#include <openssl/sha.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "protocol/sql/plain.hpp"

namespace sluice::protocol::postgresql {
namespace {

StatementKey digest_of(Bytes body) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> hash;
  SHA256(body.data(), body.size(), hash.data());
  StatementKey key;
  std::memcpy(key.words.data(), hash.data(), sizeof key.words);
  return key;
}

// Statements of every client of the process: one part per lock, so that workers seldom meet.
class Store {
 public:
  StatementPtr share(Bytes body, std::uint64_t settings, sql::ScannerOptions options) {
    StatementKey digest = digest_of(body);
    StatementKey key = server_key(digest, settings * 2 + (options.backslash_escapes ? 1 : 0));
    Part& part = parts_[key.words[1] % parts_.size()];
    std::lock_guard lock(part.mutex);
    std::weak_ptr<const Statement>& place = part.statements[key];
    if (StatementPtr known = place.lock()) {
      return known;
    }
    auto* fresh = new Statement{Buffer(body.begin(), body.end()), digest,  settings,
                                statement_effects(body, options), nullptr, {}};
    StatementPtr shared(fresh, [this, key](const Statement* statement) {
      drop(key);
      delete statement;
    });
    place = shared;
    return shared;
  }

 private:
  struct Part {
    std::mutex mutex;
    std::unordered_map<StatementKey, std::weak_ptr<const Statement>, StatementKeyHash> statements;
  };

  void drop(const StatementKey& key) {
    Part& part = parts_[key.words[1] % parts_.size()];
    std::lock_guard lock(part.mutex);
    auto place = part.statements.find(key);
    if (place != part.statements.end() && place->second.expired()) {
      part.statements.erase(place);
    }
  }

  std::array<Part, 16> parts_;
};

Store& store() {
  static Store* const the_store = new Store;  // outlives every statement
  return *the_store;
}

std::string server_name(const StatementKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name(kServerPrefix);
  for (std::uint64_t word : key.words) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      name += kDigits[(word >> static_cast<unsigned>(shift)) & 15U];
    }
  }
  return name;
}

}  // namespace

void KeptDigest::keep(const sql::Digest& digest) const {
  if (get() != nullptr) {
    return;
  }
  const auto* fresh = new sql::Digest(digest);
  const sql::Digest* none = nullptr;
  if (!made_.compare_exchange_strong(none, fresh, std::memory_order_acq_rel)) {
    delete fresh;
  }
}

std::string_view Statement::text() const {
  const std::string_view all = as_text(body);
  return all.substr(0, all.find('\0'));
}

std::unique_ptr<const sql::Effects> statement_effects(Bytes body, sql::ScannerOptions options) {
  std::string_view text = as_text(body);
  text = text.substr(0, text.find('\0'));
  if (sql::plain_postgresql(text) == sql::Plain::nothing) {
    return nullptr;
  }
  sql::Classifier classifier(options);
  classifier.feed(as_bytes(text));
  sql::Effects& effects = classifier.finish();
  return effects.any() ? std::make_unique<const sql::Effects>(std::move(effects)) : nullptr;
}

StatementPtr share_statement(Bytes body, std::uint64_t settings, sql::ScannerOptions options) {
  return store().share(body, settings, options);
}

StatementKey server_key(const StatementKey& digest, std::uint64_t settings) {
  StatementKey key = digest;
  key.words[0] ^= settings * 0x9E3779B97F4A7C15ULL;
  key.words[1] ^= (settings << 32U | settings >> 32U) * 0xC2B2AE3D27D4EB4FULL;
  return key;
}

StatementKey unique_key() {
  static std::atomic<std::uint64_t> next{1};
  return {{0, next.fetch_add(1, std::memory_order_relaxed)}};
}

const ClientStatements::Entry* ClientStatements::find(std::string_view name) const {
  auto place = names_.find(name);
  return place == names_.end() ? nullptr : &place->second;
}

void ClientStatements::put(std::string_view name, StatementPtr statement, std::uint32_t serial) {
  names_.insert_or_assign(std::string(name), Entry{std::move(statement), serial});
}

void ClientStatements::restore(std::string_view name, Entry entry) {
  names_.insert_or_assign(std::string(name), std::move(entry));
}

void ClientStatements::erase(std::string_view name) {
  auto place = names_.find(name);
  if (place != names_.end()) {
    names_.erase(place);
  }
}

void ClientStatements::clear_before(std::uint32_t serial) {
  std::erase_if(names_, [serial](const auto& row) { return row.second.serial < serial; });
}

bool ClientStatements::any_only() const {
  for (const auto& [name, entry] : names_) {
    if (entry.statement->only) {
      return true;
    }
  }
  return false;
}

PreparedPtr LinkStatements::find(const StatementKey& key) {
  auto place = places_.find(key);
  if (place == places_.end()) {
    return nullptr;
  }
  order_.splice(order_.end(), order_, place->second);
  return *place->second;
}

PreparedPtr LinkStatements::add(const StatementKey& key) {
  auto prepared = std::make_shared<const Prepared>(Prepared{key, server_name(key)});
  restore(prepared);
  return prepared;
}

void LinkStatements::restore(PreparedPtr prepared) {
  forget(*prepared);
  StatementKey key = prepared->key;
  places_[key] = order_.insert(order_.end(), std::move(prepared));
}

void LinkStatements::forget(const Prepared& prepared) {
  auto place = places_.find(prepared.key);
  if (place != places_.end()) {
    order_.erase(place->second);
    places_.erase(place);
  }
}

PreparedPtr LinkStatements::evict(std::size_t limit) {
  if (places_.size() <= limit) {
    return nullptr;
  }
  for (const PreparedPtr& candidate : order_) {
    if (candidate.use_count() == 1) {
      PreparedPtr victim = candidate;
      forget(*victim);
      return victim;
    }
  }
  return nullptr;
}

void LinkStatements::clear() {
  order_.clear();
  places_.clear();
}

}  // namespace sluice::protocol::postgresql
