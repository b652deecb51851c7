#include "config/connect_args.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "config/suggest.hpp"
#include "config/units.hpp"
#include "protocol/mysql/collations.hpp"

namespace sluice::config {
namespace {

enum class Effect : std::uint8_t { pass, charset, timeout, tls_mode, ca, cert, key, later };

struct Argument {
  Protocol protocol;
  std::string_view name;
  Effect effect;
};

constexpr auto kPg = Protocol::postgresql;
constexpr auto kMy = Protocol::mysql;
constexpr std::array<Argument, 29> kArguments{{
    {kPg, "application_name", Effect::pass},
    {kPg, "client_encoding", Effect::pass},
    {kPg, "options", Effect::pass},
    {kPg, "connect_timeout", Effect::timeout},
    {kPg, "sslmode", Effect::tls_mode},
    {kPg, "sslrootcert", Effect::ca},
    {kPg, "sslcert", Effect::cert},
    {kPg, "sslkey", Effect::key},
    {kPg, "channel_binding", Effect::later},
    {kPg, "gssencmode", Effect::later},
    {kPg, "keepalives", Effect::later},
    {kPg, "keepalives_idle", Effect::later},
    {kPg, "passfile", Effect::later},
    {kPg, "service", Effect::later},
    {kPg, "target_session_attrs", Effect::later},
    {kPg, "tcp_user_timeout", Effect::later},
    {kMy, "charset", Effect::charset},
    {kMy, "program_name", Effect::pass},
    {kMy, "connect_timeout", Effect::timeout},
    {kMy, "ssl_ca", Effect::ca},
    {kMy, "ssl_cert", Effect::cert},
    {kMy, "ssl_key", Effect::key},
    {kMy, "autocommit", Effect::later},
    {kMy, "collation", Effect::later},
    {kMy, "init_command", Effect::later},
    {kMy, "local_infile", Effect::later},
    {kMy, "read_timeout", Effect::later},
    {kMy, "sql_mode", Effect::later},
    {kMy, "write_timeout", Effect::later},
}};

const Argument* find(Protocol protocol, std::string_view name) {
  const auto* found = std::find_if(kArguments.begin(), kArguments.end(), [&](const Argument& a) {
    return a.protocol == protocol && a.name == name;
  });
  return found == kArguments.end() ? nullptr : found;
}

std::optional<TlsMode> parse_tls_mode(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNames{"disable", "prefer", "require", "verify-ca",
                                                   "verify-full"};
  const auto* found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    return std::nullopt;
  }
  return static_cast<TlsMode>(found - kNames.begin());
}

// A duration, or whole seconds as the drivers take them.
std::string apply_timeout(Pool& pool, const std::string& value) {
  auto timeout = parse_duration(value);
  if (!timeout) {
    timeout = parse_duration(value + "s");
  }
  if (!timeout || timeout->count() == 0) {
    return "must be a duration such as \"5s\"";
  }
  pool.connect_timeout = *timeout;
  return {};
}

std::string apply_text(std::string& member, const std::string& value) {
  if (value.empty()) {
    return "must not be empty";
  }
  member = value;
  return {};
}

}  // namespace

bool is_tls_argument(Protocol protocol, const std::string& name) {
  const Argument* argument = find(protocol, name);
  return argument != nullptr && argument->effect >= Effect::tls_mode &&
         argument->effect <= Effect::key;
}

std::string apply_argument(Pool& pool, const std::string& name, const std::string& value) {
  const Argument* argument = find(pool.protocol, name);
  if (argument == nullptr) {
    return "not known for this protocol" + did_you_mean(name, known_arguments(pool.protocol));
  }
  const auto given = [&name](const auto& pair) { return pair.first == name; };
  switch (argument->effect) {
    case Effect::later:
      return "not supported yet";
    case Effect::timeout:
      return apply_timeout(pool, value);
    case Effect::tls_mode:
      if (const auto mode = parse_tls_mode(value)) {
        pool.tls.mode = *mode;
        return {};
      }
      return "must be disable, prefer, require, verify-ca or verify-full";
    case Effect::ca:
      return apply_text(pool.tls.ca_file, value);
    case Effect::cert:
      return apply_text(pool.tls.cert_file, value);
    case Effect::key:
      return apply_text(pool.tls.key_file, value);
    case Effect::charset:
      if (protocol::mysql::find_collation(value) == nullptr) {
        return "not a character set that is known";
      }
      break;
    case Effect::pass:
      break;
  }
  if (std::any_of(pool.connect_args.begin(), pool.connect_args.end(), given)) {
    return "given twice, in the url and in connect_args";
  }
  pool.connect_args.emplace_back(name, value);
  return {};
}

std::vector<std::string> known_arguments(Protocol protocol) {
  std::vector<std::string> names;
  for (const Argument& argument : kArguments) {
    if (argument.protocol == protocol && argument.effect != Effect::later) {
      names.emplace_back(argument.name);
    }
  }
  return names;
}

}  // namespace sluice::config
