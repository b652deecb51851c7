#pragma once

// `sluice hash`: what may stand in the configuration in place of a password.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include "protocol/bytes.hpp"
#include "protocol/result.hpp"

namespace sluice::cli {

class Commands;
void add_hash(Commands& commands);

enum class HashForm : std::uint8_t {
  scram,         // SCRAM-SHA-256$..., users[].scram_verifier
  mysql_native,  // *40 hex digits, users[].mysql_native_hash
  caching_sha2,  // $A$005$..., users[].caching_sha2_hash
};

constexpr std::size_t kMaxPassword = 4096;  // bytes

// The first line of `in`, without its end. Fails when there is none, or when it is empty, longer
// than kMaxPassword or holds a NUL byte: no client could log in with it.
protocol::Result<std::string> read_password(std::istream& in);

// `salt` is used where the form has one: 16 bytes for scram, 20 of 1..127 without '$' for
// caching_sha2.
protocol::Result<std::string> hash_password(HashForm form, std::string_view password,
                                            protocol::Bytes salt);
// Fresh, from the system's cryptographic generator.
protocol::Buffer make_salt(HashForm form);

// Reads the password from standard input, asking for it twice and without showing it where that is
// a terminal, and prints the hash alone. The exit status: 1 for bad input, 2 when something else
// than the form stood on the command line.
int run_hash(HashForm form, bool extra_arguments);

}  // namespace sluice::cli
