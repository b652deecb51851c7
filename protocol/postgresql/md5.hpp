#pragma once

// The md5 method (documentation: "Password Authentication"):
//
//   stored   "md5" + hex(MD5(password + user))
//   request  'R'  len  Int32 5  4 bytes of salt
//   answer   'p'  len  "md5" + hex(MD5(stored without "md5" + salt)), 0

#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol::postgresql {

constexpr std::size_t kMd5SaltSize = 4;

// "md5" and 32 lower-case hexadecimal digits.
bool valid_md5_hash(std::string_view stored);
std::string md5_hash(std::string_view user, std::string_view password);
// `stored` is a valid hash.
std::string md5_answer(std::string_view stored, Bytes salt);

}  // namespace sluice::protocol::postgresql
