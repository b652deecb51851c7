#include "config/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "config/suggest.hpp"
#include "config/units.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kFilePrefix = "file:";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

void expand_file(const std::string& path, bool offline, Expansion& out) {
  if (offline) {
    out.known = false;
    out.text += "offline";
    return;
  }
  FileText file = read_secret_file(path);
  out.files.push_back(path);
  if (!file.error.empty()) {
    out.errors.push_back("${file:} " + file.error);
  }
  out.text += file.text;
}

// `reference` is what stands between the braces.
void expand_one(std::string_view reference, bool offline, Expansion& out) {
  if (reference.starts_with(kFilePrefix)) {
    expand_file(std::string(reference.substr(kFilePrefix.size())), offline, out);
    return;
  }
  const auto cut = reference.find(":-");
  const std::string name(reference.substr(0, cut));
  if (!is_variable_name(name)) {
    out.errors.emplace_back(
        "${} must hold the name of a variable, NAME:-default or file:/path; write $${ for a plain "
        "${");
    return;
  }
  const char* value = std::getenv(name.c_str());
  if (cut != std::string_view::npos && (value == nullptr || *value == '\0')) {
    out.text += reference.substr(cut + 2);
  } else if (value == nullptr) {
    out.errors.push_back("the environment variable " + quoted(name) + " is not set");
  } else {
    out.text += value;
  }
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

// Padded base64; 0 when it is not.
std::size_t base64_bytes(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) {
    return 0;
  }
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '/';
  });
  return good ? (text.size() + padding) / 4 * 3 - padding : 0;
}

// Takes the text up to `end` off the front; false when `end` is not there.
bool split_off(std::string_view& rest, char end, std::string_view& part) {
  const auto cut = rest.find(end);
  if (cut == std::string_view::npos) {
    return false;
  }
  part = rest.substr(0, cut);
  rest.remove_prefix(cut + 1);
  return true;
}

bool is_scram_verifier(std::string_view text) {
  std::string_view name;
  std::string_view iterations;
  std::string_view salt;
  std::string_view stored_key;
  if (!split_off(text, '$', name) || !split_off(text, ':', iterations) ||
      !split_off(text, '$', salt) || !split_off(text, ':', stored_key)) {
    return false;
  }
  constexpr std::int64_t kMaxIterations = 10'000'000;
  const auto count = parse_integer(iterations);
  return name == "SCRAM-SHA-256" && count && *count >= 1 && *count <= kMaxIterations &&
         base64_bytes(salt) > 0 && base64_bytes(stored_key) == 32 && base64_bytes(text) == 32;
}

// "$A$" rounds "$" salt[20] hash: 70 bytes in all; "$B$" carries a longer hash, 115 in all.
bool is_caching_sha2(std::string_view text) {
  const bool shape =
      text.size() > 27 && is_hex(text.substr(3, 3)) && text[6] == '$' && text.substr(3, 3) != "000";
  return shape && ((text.starts_with("$A$") && text.size() == 70) ||
                   (text.starts_with("$B$") && text.size() == 115));
}

}  // namespace

Expansion expand(std::string_view raw, bool offline) {
  Expansion out;
  while (true) {
    const auto start = raw.find("${");
    if (start == std::string_view::npos) {
      out.text += raw;
      return out;
    }
    if (start > 0 && raw[start - 1] == '$') {
      out.text += raw.substr(0, start - 1);
      out.text += "${";
      raw.remove_prefix(start + 2);
      continue;
    }
    out.text += raw.substr(0, start);
    const auto end = raw.find('}', start);
    if (end == std::string_view::npos) {
      out.errors.emplace_back("a ${ without its }; write $${ for a plain ${");
      return out;
    }
    expand_one(raw.substr(start + 2, end - start - 2), offline, out);
    raw.remove_prefix(end + 1);
  }
}

FileText read_file(const std::string& path, std::size_t limit) {
  const auto failure = [&path](const std::string& why) {
    return FileText{{}, "cannot read the file " + quoted(path) + ": " + why};
  };
  if (path.find('\0') != std::string::npos) {
    return failure("its name holds a NUL byte");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return failure(std::generic_category().message(errno));
  }
  std::string text(limit + 1, '\0');
  errno = 0;
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (!stream && !stream.eof())) {
    return failure(std::generic_category().message(errno == 0 ? EIO : errno));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > limit) {
    return failure("it is larger than " + print_size(limit));
  }
  return {std::move(text), {}};
}

FileText read_secret_file(const std::string& path) {
  FileText file = read_file(path, kMaxSecretFile);
  if (file.text.ends_with('\n')) {
    file.text.pop_back();
    if (file.text.ends_with('\r')) {
      file.text.pop_back();
    }
  }
  return file;
}

std::string check_secret(SecretForm form, std::string_view text) {
  switch (form) {
    case SecretForm::password:
      return text.empty() ? "must not be empty" : "";
    case SecretForm::scram:
      return is_scram_verifier(text)
                 ? ""
                 : "must have the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey";
    case SecretForm::md5:
      return text.size() == 35 && text.starts_with("md5") && is_hex(text.substr(3))
                 ? ""
                 : "must be md5 and 32 hexadecimal digits";
    case SecretForm::mysql_native:
      return text.size() == 41 && text.starts_with('*') && is_hex(text.substr(1))
                 ? ""
                 : "must be * and 40 hexadecimal digits";
    case SecretForm::caching_sha2:
      return is_caching_sha2(text) ? "" : "must be $A$ with 70 bytes in all, or $B$ with 115";
  }
  return {};
}

}  // namespace sluice::config
