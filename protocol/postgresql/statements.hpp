#pragma once

// Prepared statements under two names: the client's own, and one that sluice derives from what was
// prepared, so that clients that prepare the same text share it on a backend.

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/bytes.hpp"
#include "protocol/sql/classifier.hpp"
#include "protocol/sql/digest.hpp"

namespace sluice::protocol::postgresql {

constexpr std::string_view kServerPrefix = "sluice_";

// Of the text and parameter types, and of the settings that they are parsed under.
struct StatementKey {
  std::array<std::uint64_t, 2> words{};
  friend bool operator==(const StatementKey&, const StatementKey&) = default;
};
struct StatementKeyHash {
  std::size_t operator()(const StatementKey& key) const { return key.words[0]; }
};

// A statement as it is known on a backend. While somebody else holds a reference besides the
// backend's table, a Bind of it is in flight and it is not evicted.
struct Prepared {
  StatementKey key;
  std::string name;
};
using PreparedPtr = std::shared_ptr<const Prepared>;

// The digest of a text that many sessions share: whoever makes it first leaves it here.
class KeptDigest {
 public:
  KeptDigest() = default;
  KeptDigest(const KeptDigest&) = delete;
  KeptDigest& operator=(const KeptDigest&) = delete;
  ~KeptDigest() { delete made_.load(std::memory_order_relaxed); }

  const sql::Digest* get() const { return made_.load(std::memory_order_acquire); }
  void keep(const sql::Digest& digest) const;

 private:
  mutable std::atomic<const sql::Digest*> made_{nullptr};
};

// What a client prepared.
struct Statement {
  Buffer body;          // of Parse, after the name: text NUL, types; empty: was too large to keep
  StatementKey digest;  // of body alone; named statements only
  std::uint64_t settings = 0;                   // hash of the settings that it was parsed under
  std::unique_ptr<const sql::Effects> effects;  // null: none
  PreparedPtr only;                             // too large to keep: it exists only there
  KeptDigest kept;                              // of the text, once somebody has asked for it

  std::string_view text() const;  // empty: was too large to keep
};
using StatementPtr = std::shared_ptr<const Statement>;

std::unique_ptr<const sql::Effects> statement_effects(Bytes body, sql::ScannerOptions options);
// The same body under the same settings is kept once in the process.
StatementPtr share_statement(Bytes body, std::uint64_t settings, sql::ScannerOptions options);
StatementKey server_key(const StatementKey& digest, std::uint64_t settings);
// A key that no text has, never given out twice.
StatementKey unique_key();

// A client's named statements.
class ClientStatements {
 public:
  struct Entry {
    StatementPtr statement;
    std::uint32_t serial = 0;  // grows with every Parse of the client
  };

  const Entry* find(std::string_view name) const;
  void put(std::string_view name, StatementPtr statement, std::uint32_t serial);
  void restore(std::string_view name, Entry entry);
  void erase(std::string_view name);
  // Forgets those that were prepared before `serial`.
  void clear_before(std::uint32_t serial);
  bool empty() const { return names_.empty(); }
  std::size_t size() const { return names_.size(); }
  // True: one of them is only on one backend.
  bool any_only() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> names_;
};

// The statements on one backend, least recently used first.
class LinkStatements {
 public:
  PreparedPtr find(const StatementKey& key);
  PreparedPtr add(const StatementKey& key);
  void restore(PreparedPtr prepared);
  void forget(const Prepared& prepared);
  // Takes the one to be closed out of the table when there are more than `limit`; null: none can
  // be.
  PreparedPtr evict(std::size_t limit);
  void clear();
  std::size_t size() const { return places_.size(); }

 private:
  using Order = std::list<PreparedPtr>;
  Order order_;
  std::unordered_map<StatementKey, Order::iterator, StatementKeyHash> places_;
};

}  // namespace sluice::protocol::postgresql
