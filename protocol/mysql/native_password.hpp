#pragma once

// mysql_native_password: N is the nonce of 20 bytes, || joins, ^ is XOR.
//
//   stage1 = SHA1(password)          stage2 = SHA1(stage1)       stored: "*" + 40 hex digits of it
//   token  = stage1 ^ SHA1(N || stage2)
//
// Whoever checks a token learns stage1, which opens any server that stores stage2.
// Section "Native Authentication" of the connection phase, dev.mysql.com/doc/dev/mysql-server.

#include <optional>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol::mysql {

Buffer native_stage1(std::string_view password);
Buffer native_stage2(Bytes stage1);
// "*9B50..." as mysql.user stores it; null when it is not of that form.
std::optional<Buffer> parse_native_hash(std::string_view stored);

Buffer native_token(Bytes stage1, Bytes nonce);
// Stage1 when the token proves the password, else null.
std::optional<Buffer> verify_native_token(Bytes token, Bytes nonce, Bytes stage2);

}  // namespace sluice::protocol::mysql
