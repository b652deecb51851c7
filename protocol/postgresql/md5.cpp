#include "protocol/postgresql/md5.hpp"

#include <algorithm>

#include "protocol/crypto.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::string_view kPrefix = "md5";

}  // namespace

bool valid_md5_hash(std::string_view stored) {
  return stored.size() == 35 && stored.starts_with(kPrefix) &&
         std::all_of(stored.begin() + 3, stored.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string md5_hash(std::string_view user, std::string_view password) {
  std::string text(password);
  text += user;
  return std::string(kPrefix) + hex_encode(md5(as_bytes(text)));
}

std::string md5_answer(std::string_view stored, Bytes salt) {
  std::string text(stored.substr(kPrefix.size()));
  text += as_text(salt);
  return std::string(kPrefix) + hex_encode(md5(as_bytes(text)));
}

}  // namespace sluice::protocol::postgresql
