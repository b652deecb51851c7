#include "protocol/postgresql/messages.hpp"

#include <algorithm>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::uint32_t kNoData = 0xFFFFFFFF;  // a SASL response that is missing
constexpr std::size_t kMaxQuotedName = 128;

// Writes the header when made and its length when it goes out of scope.
class Open {
 public:
  Open(Buffer& out, char type) : writer(out) {
    writer.u8(static_cast<std::uint8_t>(type));
    place_ = writer.reserve(4);
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  ~Open() { writer.patch_be32(place_, static_cast<std::uint32_t>(writer.size() - place_)); }

  Writer writer;

 private:
  std::size_t place_ = 0;
};

void put_field(Writer& writer, char type, std::string_view text) {
  std::string clean(text);
  std::replace(clean.begin(), clean.end(), '\0', '?');
  writer.u8(static_cast<std::uint8_t>(type)).cstring(clean);
}

}  // namespace

void put_error_response(Buffer& out, const Failure& failure, ErrorLevel level,
                        std::string_view hint) {
  std::string_view severity = level == ErrorLevel::fatal ? "FATAL" : "ERROR";
  Open message(out, backend::kErrorResponse);
  put_field(message.writer, 'S', severity);
  put_field(message.writer, 'V', severity);
  put_field(message.writer, 'C', failure.sqlstate());
  put_field(message.writer, 'M', failure.text);
  if (!hint.empty()) {
    put_field(message.writer, 'H', hint);
  }
  message.writer.u8(0);
}

void put_authentication(Buffer& out, std::uint32_t kind, Bytes data) {
  Open(out, backend::kAuthentication).writer.be32(kind).bytes(data);
}

void put_authentication_sasl(Buffer& out, const std::vector<std::string_view>& mechanisms) {
  Open message(out, backend::kAuthentication);
  message.writer.be32(authentication::kSasl);
  for (std::string_view mechanism : mechanisms) {
    message.writer.cstring(mechanism);
  }
  message.writer.u8(0);
}

void put_parameter_status(Buffer& out, std::string_view name, std::string_view value) {
  Open(out, backend::kParameterStatus).writer.cstring(name).cstring(value);
}

void put_backend_key_data(Buffer& out, std::uint32_t process_id, Bytes key) {
  Open(out, backend::kBackendKeyData).writer.be32(process_id).bytes(key);
}

void put_ready_for_query(Buffer& out, char transaction_status) {
  Open(out, backend::kReadyForQuery).writer.u8(static_cast<std::uint8_t>(transaction_status));
}

void put_negotiate_protocol_version(Buffer& out, std::uint32_t version,
                                    const std::vector<std::string>& unrecognised) {
  Open message(out, backend::kNegotiateProtocolVersion);
  message.writer.be32(version).be32(static_cast<std::uint32_t>(unrecognised.size()));
  for (const std::string& name : unrecognised) {
    message.writer.cstring(name);
  }
}

void put_message(Buffer& out, char type, Bytes body) {
  Open(out, type).writer.bytes(body);
}

bool tells_shutdown(std::string_view sqlstate) {
  return sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03";
}

std::optional<ErrorFields> parse_error_fields(Bytes body) {
  Cursor cursor(body);
  ErrorFields fields;
  std::string_view localised;
  while (std::uint8_t type = cursor.u8()) {
    std::string_view text = cursor.cstring();
    switch (type) {
      case 'S':
        localised = text;
        break;
      case 'V':
        fields.severity = text;
        break;
      case 'C':
        fields.sqlstate = text;
        break;
      case 'M':
        fields.message = text;
        break;
      case 'D':
        fields.detail = text;
        break;
      case 'H':
        fields.hint = text;
        break;
      default:
        break;  // the protocol lets servers add fields
    }
  }
  if (!cursor.finished()) {
    return std::nullopt;
  }
  if (fields.severity.empty()) {
    fields.severity = localised;
  }
  return fields;
}

std::optional<AuthenticationRequest> parse_authentication(Bytes body) {
  Cursor cursor(body);
  AuthenticationRequest request{cursor.be32(), cursor.rest()};
  return cursor.ok() ? std::optional(request) : std::nullopt;
}

std::optional<std::vector<std::string_view>> parse_sasl_mechanisms(Bytes data) {
  Cursor cursor(data);
  std::vector<std::string_view> names;
  for (std::string_view name = cursor.cstring(); !name.empty(); name = cursor.cstring()) {
    names.push_back(name);
  }
  return cursor.finished() && !names.empty() ? std::optional(std::move(names)) : std::nullopt;
}

std::optional<ParameterStatus> parse_parameter_status(Bytes body) {
  Cursor cursor(body);
  ParameterStatus status;
  status.name = cursor.cstring();
  status.value = cursor.cstring();
  return cursor.finished() && !status.name.empty() ? std::optional(status) : std::nullopt;
}

std::optional<KeyData> parse_backend_key_data(Bytes body) {
  Cursor cursor(body);
  KeyData data;
  data.process_id = cursor.be32();
  data.key = cursor.take_rest();
  bool fits = data.key.size() >= kMinCancelKey && data.key.size() <= kMaxCancelKey;
  return cursor.ok() && fits ? std::optional(data) : std::nullopt;
}

std::optional<char> parse_ready_for_query(Bytes body) {
  Cursor cursor(body);
  char status = static_cast<char>(cursor.u8());
  bool known = status == 'I' || status == 'T' || status == 'E';
  return cursor.finished() && known ? std::optional(status) : std::nullopt;
}

std::optional<NegotiatedVersion> parse_negotiate_protocol_version(Bytes body) {
  Cursor cursor(body);
  NegotiatedVersion negotiated;
  negotiated.version = cursor.be32();
  std::uint32_t count = cursor.be32();
  // A name takes at least its NUL, so a count above what is left is a lie.
  if (count > cursor.remaining()) {
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    negotiated.unrecognised.push_back(cursor.cstring());
  }
  return cursor.finished() ? std::optional(std::move(negotiated)) : std::nullopt;
}

void put_password(Buffer& out, std::string_view password) {
  Open(out, frontend::kPassword).writer.cstring(password);
}

void put_sasl_initial_response(Buffer& out, std::string_view mechanism, Bytes data) {
  Open(out, frontend::kPassword)
      .writer.cstring(mechanism)
      .be32(static_cast<std::uint32_t>(data.size()))
      .bytes(data);
}

void put_sasl_response(Buffer& out, Bytes data) {
  put_message(out, frontend::kPassword, data);
}

std::optional<std::string_view> parse_password(Bytes body) {
  Cursor cursor(body);
  std::string_view password = cursor.cstring();
  return cursor.finished() ? std::optional(password) : std::nullopt;
}

std::optional<SaslInitialResponse> parse_sasl_initial_response(Bytes body) {
  Cursor cursor(body);
  SaslInitialResponse response;
  response.mechanism = cursor.cstring();
  std::uint32_t length = cursor.be32();
  if (length != kNoData) {
    response.data = cursor.take(length);
  }
  return cursor.finished() ? std::optional(response) : std::nullopt;
}

std::string printable(std::string_view text, std::size_t limit) {
  bool cut = text.size() > limit;
  std::size_t end = cut ? limit : text.size();
  while (cut && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;  // not in the middle of a UTF-8 character
  }
  std::string clean(text.substr(0, end));
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      c = '?';
    }
  }
  return cut ? clean + "..." : clean;
}

std::string quoted(std::string_view name) {
  return '"' + printable(name, kMaxQuotedName) + '"';
}

}  // namespace sluice::protocol::postgresql
