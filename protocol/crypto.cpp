#include "protocol/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <climits>

namespace sluice::protocol {
namespace {

Buffer digest(const EVP_MD* kind, Bytes data) {
  Buffer out(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &size, kind, nullptr) != 1) {
    throw CryptoError("libcrypto refused a digest");
  }
  out.resize(size);
  return out;
}

Buffer pbkdf2(const EVP_MD* kind, std::string_view password, Bytes salt, std::uint32_t iterations,
              std::size_t length) {
  Buffer out(length);
  if (iterations == 0 || iterations > INT_MAX || length > INT_MAX || salt.size() > INT_MAX ||
      password.size() > INT_MAX ||
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                        static_cast<int>(salt.size()), static_cast<int>(iterations), kind,
                        static_cast<int>(length), out.data()) != 1) {
    throw CryptoError("libcrypto refused to derive a key");
  }
  return out;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

// The value of one base64 digit, or 64.
std::uint32_t base64_value(char digit) {
  std::size_t at = kBase64.find(digit);
  return at == std::string_view::npos ? 64 : static_cast<std::uint32_t>(at);
}

int hex_value(char digit) {
  if (digit >= 'A' && digit <= 'F') {
    digit = static_cast<char>(digit - 'A' + 'a');
  }
  std::size_t at = kHex.find(digit);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

Buffer md5(Bytes data) {
  return digest(EVP_md5(), data);
}

Buffer sha1(Bytes data) {
  return digest(EVP_sha1(), data);
}

Buffer sha256(Bytes data) {
  return digest(EVP_sha256(), data);
}

Buffer hmac_sha256(Bytes key, Bytes data) {
  // libcrypto takes a null key as "keep the old one": an empty key still needs an address.
  static constexpr std::uint8_t kEmpty = 0;
  Buffer out(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  const std::uint8_t* key_data = key.empty() ? &kEmpty : key.data();
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_data, key.size(), data.data(),
                data.size(), out.data(), out.size(), &size) == nullptr) {
    throw CryptoError("libcrypto refused an HMAC");
  }
  out.resize(size);
  return out;
}

Buffer pbkdf2_sha256(std::string_view password, Bytes salt, std::uint32_t iterations,
                     std::size_t length) {
  return pbkdf2(EVP_sha256(), password, salt, iterations, length);
}

Buffer pbkdf2_sha512(std::string_view password, Bytes salt, std::uint32_t iterations,
                     std::size_t length) {
  return pbkdf2(EVP_sha512(), password, salt, iterations, length);
}

bool constant_time_equal(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Buffer random_bytes(std::size_t count) {
  Buffer out(count);
  if (count > INT_MAX || RAND_bytes(out.data(), static_cast<int>(count)) != 1) {
    throw CryptoError("no random bytes");
  }
  return out;
}

Buffer xor_bytes(Bytes a, Bytes b) {
  Buffer out(std::min(a.size(), b.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = a[i] ^ b[i];
  }
  return out;
}

std::string base64_encode(Bytes data) {
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < data.size(); i += 3) {
    std::size_t count = std::min<std::size_t>(3, data.size() - i);
    std::uint32_t bits = static_cast<std::uint32_t>(data[i]) << 16U;
    bits |= count > 1 ? static_cast<std::uint32_t>(data[i + 1]) << 8U : 0;
    bits |= count > 2 ? data[i + 2] : 0U;
    for (std::size_t digit = 0; digit < 4; ++digit) {
      out += digit <= count ? kBase64[(bits >> (18U - 6U * digit)) & 63U] : '=';
    }
  }
  return out;
}

std::optional<Buffer> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  Buffer out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::string_view group = text.substr(i, 4);
    bool last = i + 4 == text.size();
    std::size_t digits = last && group[3] == '=' ? (group[2] == '=' ? 2 : 3) : 4;
    std::uint32_t bits = 0;
    for (std::size_t digit = 0; digit < 4; ++digit) {
      std::uint32_t value = digit < digits ? base64_value(group[digit]) : 0;
      if (value > 63) {
        return std::nullopt;
      }
      bits = (bits << 6U) | value;
    }
    // The bits that the padding leaves over must be zero: one text for one value.
    if ((digits == 2 && (bits & 0xFFFFU) != 0) || (digits == 3 && (bits & 0xFFU) != 0)) {
      return std::nullopt;
    }
    for (std::size_t byte = 0; byte + 1 < digits; ++byte) {
      out.push_back(static_cast<std::uint8_t>(bits >> (16U - 8U * byte)));
    }
  }
  return out;
}

std::optional<Buffer> base64url_decode(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return base64_decode(padded);
}

std::string hex_encode(Bytes data) {
  std::string out;
  out.reserve(data.size() * 2);
  for (std::uint8_t byte : data) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::optional<Buffer> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return std::nullopt;
  }
  Buffer out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = hex_value(text[i]);
    int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

}  // namespace sluice::protocol
