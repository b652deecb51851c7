#pragma once

// The secrets of the users who may log in, and what their logins have taught us. One object per
// configuration: a login that began under an older one teaches the older object, so that nothing
// learned from a secret that has been replaced gets into the new one. Thread-safe.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "protocol/secret.hpp"

namespace sluice::proxy {

class Credentials {
 public:
  // Takes over what `previous` learned about users whose stored secret is still the same.
  explicit Credentials(const std::vector<config::User>& users,
                       const Credentials* previous = nullptr);

  // Never null: an unknown user's secret has known = false. Holds the stored forms, and those
  // learned forms that spare the next login its heavy work.
  std::shared_ptr<const protocol::Secret> find(std::string_view user) const;

  bool knows(std::string_view user) const;

  // After a login of `user` that succeeded. What `learned` leaves out is kept.
  void learn(std::string_view user, const protocol::Learned& learned);

  // All that can be used to log in to a backend as `user`, with the stored password where there is
  // one; empty for a user who is unknown, or known by a hash and not seen yet.
  protocol::Learned learned(std::string_view user) const;

  // A backend refused what was learned: the password has changed there. The stored forms stay.
  void forget(std::string_view user);

 private:
  struct Entry {
    protocol::Secret stored;
    protocol::Learned learned;
    std::shared_ptr<const protocol::Secret> handed_out;  // stored and learned together
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };

  static void combine(Entry& entry);

  std::shared_ptr<const protocol::Secret> unknown_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;  // names never change
};

}  // namespace sluice::proxy
