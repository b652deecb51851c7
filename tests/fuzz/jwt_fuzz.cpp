// Tokens against a shared secret and two public keys; the first byte chooses what the rest is.

#include "proxy/middleware/token/jwt.hpp"

#include <cstdlib>

#include "protocol/crypto.hpp"
#include "proxy/middleware/token/jwks.hpp"
#include "tests/proxy/middleware/signing.hpp"

using namespace sluice::proxy::middleware::token;

namespace {

constexpr WallTime kNow{std::chrono::seconds(1'300'000'000)};

std::vector<Key> keys() {
  auto parsed = parse_jwks(R"({"keys":[)" + Rfc7515::rsa_jwk() + "," + Rfc7515::ec_jwk() + "]}");
  auto all = std::get<KeySet>(std::move(parsed)).keys;
  all.push_back(Key::hmac(std::string(kSecret)));
  return all;
}

bool signed_by_us(std::string_view token) {
  const auto dot = token.rfind('.');
  const auto text = sluice::protocol::as_bytes(token.substr(0, dot));
  const auto digest = sluice::protocol::hmac_sha256(sluice::protocol::as_bytes(kSecret), text);
  return base64url(digest) == token.substr(dot + 1);
}

// Only what somebody has signed who has a key is taken, and only before it expires.
void check(std::string_view token) {
  static JwtCheck checker(keys(), {});
  const auto result = checker.check(token, kNow);
  if (const auto* refused = std::get_if<Refused>(&result)) {
    if (refused->detail.empty()) {
      std::abort();
    }
    return;
  }
  const bool known = token == Rfc7515::rs256_token || token == Rfc7515::es256_token;
  if ((!known && !signed_by_us(token)) ||
      std::get<Claims>(result)->at("exp").to_number<double>() <= 1'300'000'000) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto cut = std::min(text.find('\n'), text.size());
  const std::string_view rest = text.substr(std::min(cut + 1, text.size()));
  switch (data[0] % 3) {
    case 0:
      check(text);
      break;
    case 1:  // a header and a payload, signed by us
      check(hs256_token(text.substr(0, cut), rest));
      break;
    default:  // a signature of a known text
      for (const std::string_view known : {Rfc7515::rs256_token, Rfc7515::es256_token}) {
        check(std::string(known.substr(0, known.rfind('.') + 1)) + base64url(text));
      }
  }
  return 0;
}
