#pragma once

// Where values come from that are not written in the file: ${VAR}, ${VAR:-default},
// ${file:/path} and the *_file keys; and the forms in which a stored password may be written.
// No message of this file holds any part of a value.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct Expansion {
  std::string text;
  bool known = true;                // false: it names a file, and offline no file is opened
  std::vector<std::string> errors;  // one for each variable or file that is missing
  std::vector<std::string> files;   // that were read, or should have been
};

// One pass: what comes out is not looked at again. `$${` stands for `${`.
Expansion expand(std::string_view raw, bool offline);

struct FileText {
  std::string text;
  std::string error;  // empty: it was read
};

// The whole file; one of more than `limit` bytes is an error.
FileText read_file(const std::string& path, std::size_t limit);
// A file that holds one secret: read_file() without one trailing newline.
FileText read_secret_file(const std::string& path);

constexpr std::size_t kMaxSecretFile = std::size_t{1} << 16U;

enum class SecretForm : std::uint8_t { password, scram, md5, mysql_native, caching_sha2 };

// Empty when `text` has the form; else what it must be.
std::string check_secret(SecretForm form, std::string_view text);

}  // namespace sluice::config
