#pragma once

// A clear-text password against whichever form is stored, and what it teaches.

#include <string_view>

#include "protocol/secret.hpp"

namespace sluice::protocol::mysql {

// True when the stored form says that the password is empty.
bool has_empty_password(const Secret& secret);

// CPU-heavy for the hashed forms: for Compute only. The first form that is stored decides:
// password, caching_sha2, native, SCRAM, MD5. Costs as much for a user that is unknown or has no
// form at all.
bool password_matches(const Secret& secret, std::string_view user, std::string_view password);

// All that backends may ask of somebody whose password is known.
Learned learn_password(std::string_view password);

}  // namespace sluice::protocol::mysql
