#include "cli/hash.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <istream>
#include <memory>

#include "cli/ask_password.hpp"
#include "cli/commands.hpp"
#include "protocol/crypto.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/native_password.hpp"
#include "protocol/mysql/sha256_crypt.hpp"
#include "protocol/postgresql/scram.hpp"

namespace sluice::cli {

using protocol::FailureKind;

namespace {

constexpr std::uint32_t kShaCryptRounds = 5000;  // what MySQL's servers take: "005"

protocol::Result<std::string> obtain_password() {
  if (::isatty(STDIN_FILENO) == 0) {
    return read_password(std::cin);
  }
  auto first = ask_password("Password: ");
  if (!first) {
    return first;
  }
  auto second = ask_password("Again: ");
  if (second && *second != *first) {
    return protocol::fail(FailureKind::internal, "the two passwords differ");
  }
  return second;
}

}  // namespace

protocol::Result<std::string> read_password(std::istream& in) {
  std::string line;
  for (char c = 0; in.get(c) && c != '\n';) {
    if (line.size() == kMaxPassword) {
      return protocol::fail(FailureKind::internal, "the password has more than " +
                                                       std::to_string(kMaxPassword) + " bytes");
    }
    line += c;
  }
  if (line.empty()) {
    return protocol::fail(FailureKind::internal,
                          "no password: give it on standard input, as one line");
  }
  if (line.find('\0') != std::string::npos) {
    return protocol::fail(FailureKind::internal, "the password holds a NUL byte");
  }
  return line;
}

protocol::Result<std::string> hash_password(HashForm form, std::string_view password,
                                            protocol::Bytes salt) {
  using namespace protocol;
  switch (form) {
    case HashForm::scram: {
      const auto verifier =
          postgresql::derive_scram_verifier(password, salt, postgresql::kScramIterations);
      if (!verifier) {
        return fail(FailureKind::internal, "the crypto library failed");
      }
      return postgresql::format_scram_verifier(*verifier);
    }
    case HashForm::mysql_native: {
      std::string hex = hex_encode(mysql::native_stage2(mysql::native_stage1(password)));
      for (char& digit : hex) {
        digit = static_cast<char>(digit >= 'a' ? digit - 'a' + 'A' : digit);
      }
      return "*" + hex;
    }
    case HashForm::caching_sha2:
      return "$A$005$" + std::string(as_text(salt)) +
             mysql::sha256_crypt(password, salt, kShaCryptRounds);
  }
  return fail(FailureKind::internal, "no such form");
}

protocol::Buffer make_salt(HashForm form) {
  if (form != HashForm::caching_sha2) {
    return protocol::random_bytes(protocol::postgresql::kScramSaltSize);
  }
  // Letters and digits: what it is pasted into need not cope with control characters.
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
  static_assert(kDigits.size() == 64);
  protocol::Buffer salt = protocol::random_bytes(20);
  for (std::uint8_t& byte : salt) {
    byte = static_cast<std::uint8_t>(kDigits[byte % kDigits.size()]);
  }
  return salt;
}

void add_hash(Commands& commands) {
  auto form = std::make_shared<HashForm>(HashForm::scram);
  auto* command = commands.app().add_subcommand(
      "hash", "turn a password, read from standard input, into what `users` may hold in its place");
  command->allow_extras();  // a password given there is not to be repeated in an error
  auto* forms = command->add_option_group("form")->require_option(1);
  const auto add_form = [&](const char* name, HashForm value, const char* help) {
    forms->add_flag_callback(
        name, [form, value] { *form = value; }, help);
  };
  add_form("--scram", HashForm::scram, "scram_verifier: SCRAM-SHA-256, for PostgreSQL clients");
  add_form("--mysql-native", HashForm::mysql_native, "mysql_native_hash");
  add_form("--caching-sha2", HashForm::caching_sha2, "caching_sha2_hash");
  command->footer(examples({"sluice hash --scram                      # asks for the password",
                            "sluice hash --caching-sha2 < /run/secrets/app"}));
  commands.on(command, [command, form] { return run_hash(*form, command->remaining_size() > 0); });
}

int run_hash(HashForm form, bool extra_arguments) {
  if (extra_arguments) {
    std::cerr << "sluice hash: takes no password on the command line, where others can read it: "
                 "give it on standard input\n";
    return 2;
  }
  auto password = obtain_password();
  auto hash = password ? hash_password(form, *password, make_salt(form))
                       : protocol::Result<std::string>(std::move(password.failure()));
  if (!hash) {
    std::cerr << "sluice hash: " << hash.failure().text << '\n';
    return 1;
  }
  std::cout << *hash << '\n';
  return 0;
}

}  // namespace sluice::cli
