// Files of keys. Whatever they hold, a key that comes out is good for its algorithm and takes no
// signature that nobody made.

#include "proxy/middleware/token/jwks.hpp"

#include <cstdlib>

using namespace sluice::proxy::middleware::token;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_jwks({reinterpret_cast<const char*>(data), size});
  if (const auto* problem = std::get_if<std::string>(&parsed)) {
    if (problem->empty()) {
      std::abort();
    }
    return 0;
  }
  const auto& set = std::get<KeySet>(parsed);
  if (set.keys.empty()) {
    std::abort();
  }
  for (const Key& key : set.keys) {
    const bool rsa = key.algorithm() == Algorithm::rs256;
    const bool sane = rsa ? key.bits() >= 2048 && key.bits() <= 8192
                          : key.algorithm() == Algorithm::es256 && key.bits() == 256;
    const sluice::protocol::Buffer junk(64, 1);
    if (!sane || key.verifies("text", junk)) {
      std::abort();
    }
    (void)keys_for(set.keys, key.algorithm(), key.id);
  }
  return 0;
}
