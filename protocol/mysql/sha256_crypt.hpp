#pragma once

// SHA-crypt with SHA-256 ("$5$" of Unix), after the published specification by Ulrich Drepper,
// with one difference that MySQL makes: the whole salt counts (20 bytes), where crypt(3) cuts it
// at 16. https://www.akkadia.org/drepper/SHA-crypt.txt

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol::mysql {

inline constexpr std::size_t kSha256CryptSize = 43;  // characters of the encoded hash

// CPU-heavy: for Compute only. Throws CryptoError as crypto.hpp does.
std::string sha256_crypt(std::string_view password, Bytes salt, std::uint32_t rounds);

}  // namespace sluice::protocol::mysql
