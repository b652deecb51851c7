#include "proxy/middleware/token/jwks.hpp"

#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "protocol/crypto.hpp"
#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::middleware::token {
namespace {

namespace json = boost::json;
using metrics::RefusalReason;
using protocol::Buffer;

constexpr std::size_t kMaxKeys = 100;
constexpr std::size_t kMaxTried = 4;
constexpr std::size_t kMinRsaBits = 2048;
constexpr std::size_t kMaxRsaBits = 8192;
constexpr std::size_t kMaxExponent = 8;   // bytes
constexpr std::size_t kMaxShownId = 100;  // bytes

using Parsed = std::variant<Key, std::string>;

std::optional<Buffer> bytes_member(const json::object& key, std::string_view name) {
  const auto text = text_member(key, name);
  return text ? protocol::base64url_decode(*text) : std::nullopt;
}

std::size_t bits_of(const Buffer& number) {
  const auto first =
      std::find_if(number.begin(), number.end(), [](auto byte) { return byte != 0; });
  const auto bytes = static_cast<std::size_t>(number.end() - first);
  return bytes == 0 ? 0 : (bytes - 1) * 8 + static_cast<std::size_t>(std::bit_width(*first));
}

Parsed parse_rsa(const json::object& key) {
  const auto modulus = bytes_member(key, "n");
  const auto exponent = bytes_member(key, "e");
  if (!modulus || !exponent) {
    return "n and e must be base64url texts";
  }
  const std::size_t bits = bits_of(*modulus);
  if (bits < kMinRsaBits || bits > kMaxRsaBits || exponent->size() > kMaxExponent) {
    return "must have " + std::to_string(kMinRsaBits) + " to " + std::to_string(kMaxRsaBits) +
           " bits and an exponent of at most " + std::to_string(kMaxExponent) + " bytes";
  }
  auto made = Key::rsa(*modulus, *exponent);
  return made ? Parsed(std::move(*made)) : "is no RSA key";
}

Parsed parse_ec(const json::object& key) {
  if (text_member(key, "crv") != "P-256") {
    return "is on another curve than P-256";
  }
  const auto x = bytes_member(key, "x");
  const auto y = bytes_member(key, "y");
  auto made = x && y ? Key::p256(*x, *y) : std::nullopt;
  return made ? Parsed(std::move(*made)) : "x and y are no point of P-256";
}

// Empty: nothing says that the key is not for this.
std::string other_purpose(const json::object& key, std::string_view algorithm) {
  if (key.contains("d") || key.contains("k")) {
    return "holds a secret: give the public part alone";
  }
  if (key.contains("use") && text_member(key, "use") != "sig") {
    return "has another use than sig";
  }
  if (key.contains("alg") && text_member(key, "alg") != algorithm) {
    return "is for another algorithm than " + std::string(algorithm);
  }
  if (const json::value* uses = key.if_contains("key_ops")) {
    const json::array* list = uses->if_array();
    if (list == nullptr || std::find(list->begin(), list->end(), "verify") == list->end()) {
      return "has key_ops without verify";
    }
  }
  return {};
}

Parsed parse_key(const json::object& key) {
  const auto type = text_member(key, "kty");
  if (type != "RSA" && type != "EC") {
    return "has another kty than RSA or EC";
  }
  const bool rsa = type == "RSA";
  if (auto why = other_purpose(key, rsa ? "RS256" : "ES256"); !why.empty()) {
    return why;
  }
  Parsed parsed = rsa ? parse_rsa(key) : parse_ec(key);
  auto* made = std::get_if<Key>(&parsed);
  if (made != nullptr && key.contains("kid")) {
    made->id = text_member(key, "kid");
    if (!made->id) {
      return "has a kid that is no text";
    }
  }
  return parsed;
}

// By its id where it has one that can be shown, else by its place.
std::string name_of(const json::value& entry, std::size_t index) {
  const json::object* key = entry.if_object();
  const auto id = key == nullptr ? std::nullopt : text_member(*key, "kid");
  const bool shown = id && !id->empty() && id->size() <= kMaxShownId &&
                     std::all_of(id->begin(), id->end(), [](char c) { return c > ' ' && c < 127; });
  return shown ? "key '" + *id + "'" : "key number " + std::to_string(index + 1);
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    text += (text.empty() ? "" : "; ") + line;
  }
  return text;
}

}  // namespace

std::variant<KeySet, std::string> parse_jwks(std::string_view text) {
  const auto set = parse_object(text);
  const json::value* list = set ? set->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return R"(it is no JSON object with an array "keys", or has a member twice)";
  }
  const json::array& entries = list->get_array();
  if (entries.size() > kMaxKeys) {
    return "it has more than " + std::to_string(kMaxKeys) + " keys";
  }
  KeySet result;
  for (std::size_t index = 0; index < entries.size(); ++index) {
    const json::object* entry = entries[index].if_object();
    Parsed parsed = entry == nullptr ? "is no object" : parse_key(*entry);
    if (auto* key = std::get_if<Key>(&parsed)) {
      result.keys.push_back(std::move(*key));
    } else {
      result.unusable.push_back(name_of(entries[index], index) + " " +
                                std::get<std::string>(parsed));
    }
  }
  if (result.keys.empty()) {
    return "it has no key that can be used" +
           (result.unusable.empty() ? std::string() : ": " + join(result.unusable));
  }
  return result;
}

std::variant<std::vector<const Key*>, Refused> keys_for(const std::vector<Key>& keys,
                                                        Algorithm algorithm,
                                                        const std::optional<std::string>& id) {
  std::vector<const Key*> found;
  for (const Key& key : keys) {
    if (!id || key.id == id) {
      found.push_back(&key);
    }
  }
  if (found.empty()) {  // a key without an id may be of any
    for (const Key& key : keys) {
      if (!key.id) {
        found.push_back(&key);
      }
    }
  }
  if (found.empty()) {
    return Refused{RefusalReason::token_unknown, "no key has the id that the token names"};
  }
  std::erase_if(found, [&](const Key* key) { return key->algorithm() != algorithm; });
  if (found.empty()) {
    return Refused{RefusalReason::token_algorithm, "no key is for the algorithm of the token"};
  }
  if (found.size() > kMaxTried) {
    return Refused{RefusalReason::token_unknown,
                   "the token names no key, and more than " + std::to_string(kMaxTried) + " fit"};
  }
  return found;
}

}  // namespace sluice::proxy::middleware::token
