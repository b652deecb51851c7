#include "protocol/postgresql/startup.hpp"

#include <algorithm>
#include <utility>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::string_view kExtensionPrefix = "_pq_.";
constexpr std::size_t kUntypedHeader = 8;

Failure refused(std::string_view sqlstate, std::string text) {
  Failure failure = fail(FailureKind::protocol_violation, std::move(text));
  failure.sqlstate_override = sqlstate;
  return failure;
}

std::string lower(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool name_start(unsigned char c) {
  return (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
}

// The shape of a setting's name, already in lower case.
bool valid_setting(std::string_view name) {
  return !name.empty() && name_start(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return name_start(static_cast<unsigned char>(c)) || (c >= '0' && c <= '9') || c == '$' ||
                  c == '.';
         });
}

// Names that mean something else in a startup packet: as a setting (from `options`, or in another
// case) they would change who logs in when the parameters are sent on to a backend.
bool reserved(std::string_view name) {
  return name == "user" || name == "database" || name == "options" || name == "replication" ||
         name.starts_with(kExtensionPrefix);
}

Status set_parameter(Parameters& parameters, std::string_view name, std::string_view value) {
  std::string folded = lower(name);
  if (!valid_setting(folded) || reserved(folded)) {
    return refused("42704", "unrecognized configuration parameter " + quoted(name));
  }
  auto known = std::find_if(parameters.begin(), parameters.end(),
                            [&](const auto& entry) { return entry.first == folded; });
  if (known != parameters.end()) {
    known->second = value;
  } else {
    parameters.emplace_back(std::move(folded), value);
  }
  return Done{};
}

// The words of `options`, with their backslashes resolved.
std::vector<std::string> split_words(std::string_view options) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (true) {
    while (at < options.size() && is_space(options[at])) {
      ++at;
    }
    if (at == options.size()) {
      return words;
    }
    std::string& word = words.emplace_back();
    for (bool escaped = false; at < options.size(); ++at) {
      if (!escaped && is_space(options[at])) {
        break;
      }
      escaped = !escaped && options[at] == '\\';
      if (!escaped) {
        word += options[at];
      }
    }
  }
}

// "name=value", where a dash in the name stands for an underscore.
Status set_from_word(Parameters& parameters, std::string_view word) {
  std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) {
    return refused("42601", "a startup option needs a value: name=value");
  }
  std::string name(word.substr(0, equals));
  std::replace(name.begin(), name.end(), '-', '_');
  return set_parameter(parameters, name, word.substr(equals + 1));
}

// As the server reads a boolean: any case, any unambiguous beginning of the words.
std::optional<bool> parse_bool(std::string_view value) {
  std::string text = lower(value);
  auto begins = [&](std::string_view word, std::size_t least) {
    return text.size() >= least && word.starts_with(text);
  };
  if (text == "1" || begins("true", 1) || begins("yes", 1) || begins("on", 2)) {
    return true;
  }
  if (text == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2)) {
    return false;
  }
  return std::nullopt;
}

// What the pairs of a startup packet say, before anything is made of it.
struct Pairs {
  std::string_view user;
  std::string_view database;
  std::string_view options;
  std::string_view replication;
  std::vector<std::pair<std::string_view, std::string_view>> settings;
};

Result<Pairs> read_pairs(Cursor& cursor, Startup& startup) {
  Pairs pairs;
  for (std::string_view name = cursor.cstring(); !name.empty(); name = cursor.cstring()) {
    std::string_view value = cursor.cstring();
    if (name == "user") {
      pairs.user = value;
    } else if (name == "database") {
      pairs.database = value;
    } else if (name == "options") {
      pairs.options = value;
    } else if (name == "replication") {
      pairs.replication = value;
    } else if (name.starts_with(kExtensionPrefix)) {
      startup.unrecognised.emplace_back(name);
    } else {
      pairs.settings.emplace_back(name, value);
    }
  }
  if (!cursor.finished()) {
    return refused("08P01", "invalid startup packet layout: expected terminator as last byte");
  }
  return pairs;
}

Status fill(Startup& startup, const Pairs& pairs) {
  if (pairs.user.empty()) {
    return refused("28000", "no user name in the startup packet");
  }
  std::string_view database = pairs.database.empty() ? pairs.user : pairs.database;
  startup.user = pairs.user.substr(0, kMaxName);
  startup.database = database.substr(0, kMaxName);

  if (!pairs.replication.empty()) {
    std::optional<bool> flag =
        pairs.replication == "database" ? true : parse_bool(pairs.replication);
    if (!flag) {
      return refused("22023",
                     "invalid value for parameter \"replication\" (valid: database, true, false)");
    }
    startup.replication = *flag;
  }
  Result<Parameters> options = split_options(pairs.options);
  if (!options) {
    return options.failure();
  }
  startup.parameters = std::move(*options);
  for (const auto& [name, value] : pairs.settings) {
    if (Status set = set_parameter(startup.parameters, name, value); !set) {
      return set;
    }
  }
  return Done{};
}

}  // namespace

std::optional<std::uint32_t> startup_code(Bytes frame) {
  Cursor cursor(frame);
  std::size_t length = cursor.be32();
  std::uint32_t code = cursor.be32();
  return cursor.ok() && length == frame.size() ? std::optional(code) : std::nullopt;
}

std::optional<CancelRequest> parse_cancel_request(Bytes frame) {
  if (startup_code(frame) != kCancelCode) {
    return std::nullopt;
  }
  Cursor cursor(frame.subspan(kUntypedHeader));
  CancelRequest request;
  request.process_id = cursor.be32();
  Bytes key = cursor.take_rest();
  if (!cursor.ok() || key.size() < kMinCancelKey || key.size() > kMaxCancelKey) {
    return std::nullopt;
  }
  request.key.assign(key.begin(), key.end());
  return request;
}

Result<Startup> parse_startup(Bytes frame) {
  std::optional<std::uint32_t> code = startup_code(frame);
  if (!code) {
    return refused("08P01", "invalid length of startup packet");
  }
  std::uint32_t major = *code >> 16U;
  std::uint32_t minor = *code & 0xFFFFU;
  if (major != 3) {
    return fail(FailureKind::unsupported_protocol,
                "unsupported frontend protocol " + std::to_string(major) + "." +
                    std::to_string(minor) + ": sluice speaks 3.0 and 3.2");
  }
  Startup startup;
  // 3.1 was never released: its clients are talked down to 3.0.
  startup.version = minor >= 2 ? kProtocol32 : kProtocol30;
  Cursor cursor(frame.subspan(kUntypedHeader));
  Result<Pairs> pairs = read_pairs(cursor, startup);
  if (!pairs) {
    return pairs.failure();
  }
  startup.negotiate = *code != startup.version || !startup.unrecognised.empty();
  if (Status filled = fill(startup, *pairs); !filled) {
    return filled.failure();
  }
  return startup;
}

Result<Parameters> split_options(std::string_view options) {
  Parameters parameters;
  std::vector<std::string> words = split_words(options);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "-c" && i + 1 < words.size()) {
      word = words[++i];
    } else if (word.size() > 2 && (word.starts_with("-c") || word.starts_with("--"))) {
      word = word.substr(2);
    } else {
      // Not quoted: half a setting may be a secret.
      return refused("42601", "invalid word " + std::to_string(i + 1) +
                                  " in the startup options: sluice takes -c name=value and "
                                  "--name=value");
    }
    if (Status set = set_from_word(parameters, word); !set) {
      return set.failure();
    }
  }
  return parameters;
}

void put_ssl_request(Buffer& out) {
  Writer(out).be32(8).be32(kSslCode);
}

void put_cancel_request(Buffer& out, const CancelRequest& request) {
  Writer(out)
      .be32(static_cast<std::uint32_t>(12 + request.key.size()))
      .be32(kCancelCode)
      .be32(request.process_id)
      .bytes(request.key);
}

void put_startup_message(Buffer& out, std::string_view user, std::string_view database,
                         const Parameters& parameters) {
  Writer writer(out);
  std::size_t place = writer.reserve(4);
  writer.be32(kProtocol30).cstring("user").cstring(user);
  if (!database.empty()) {
    writer.cstring("database").cstring(database);
  }
  for (const auto& [name, value] : parameters) {
    writer.cstring(name).cstring(value);
  }
  writer.u8(0);
  writer.patch_be32(place, static_cast<std::uint32_t>(writer.size() - place));
}

}  // namespace sluice::protocol::postgresql
