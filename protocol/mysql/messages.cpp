#include "protocol/mysql/messages.hpp"

#include <algorithm>

#include "protocol/cursor.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

Failure malformed(std::string_view what) {
  return fail(FailureKind::backend_protocol, "the server sent a malformed packet",
              "malformed " + std::string(what));
}

// Servers write the info of an OK as a length-encoded string; some write it bare to the end.
std::string_view read_bare_info(Cursor& cursor) {
  Bytes rest = cursor.take_rest();
  Cursor attempt(rest);
  std::string_view info = attempt.lenenc_string();
  return attempt.finished() ? info : as_text(rest);
}

}  // namespace

void append_ok(Buffer& out, const Ok& ok, std::uint32_t capabilities, OkLead lead) {
  const bool tracks = (capabilities & capability::kSessionTrack) != 0;
  const bool has_state = tracks && !ok.session_state.empty();
  std::uint16_t status = ok.status;
  if (!has_state) {
    status = static_cast<std::uint16_t>(status & ~status_flag::kSessionStateChanged);
  } else {
    status = static_cast<std::uint16_t>(status | status_flag::kSessionStateChanged);
  }
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(lead)).lenenc(ok.affected_rows).lenenc(ok.last_insert_id);
  if ((capabilities & capability::kProtocol41) != 0) {
    writer.le16(status).le16(ok.warnings);
  } else if ((capabilities & capability::kTransactions) != 0) {
    writer.le16(status);
  }
  if (has_state || !ok.info.empty()) {
    writer.lenenc_string(ok.info);
  }
  if (has_state) {
    writer.lenenc_string(as_text(ok.session_state));
  }
}

Buffer encode_ok(const Ok& ok, std::uint32_t capabilities, OkLead lead) {
  Buffer out;
  append_ok(out, ok, capabilities, lead);
  return out;
}

Result<Ok> decode_ok(Bytes payload, std::uint32_t capabilities) {
  Cursor cursor(payload);
  Ok ok;
  const std::uint8_t first = cursor.u8();
  if (first != lead::kOk && first != lead::kEof) {
    return malformed("OK packet");
  }
  ok.affected_rows = cursor.lenenc();
  ok.last_insert_id = cursor.lenenc();
  if ((capabilities & capability::kProtocol41) != 0) {
    ok.status = cursor.le16();
    ok.warnings = cursor.le16();
  } else if ((capabilities & capability::kTransactions) != 0) {
    ok.status = cursor.le16();
  }
  if ((capabilities & capability::kSessionTrack) == 0) {
    ok.info = read_bare_info(cursor);
  } else if (!cursor.at_end()) {
    ok.info = cursor.lenenc_string();
    if ((ok.status & status_flag::kSessionStateChanged) != 0 && !cursor.at_end()) {
      ok.session_state = as_bytes(cursor.lenenc_string());
    }
  }
  if (!cursor.finished()) {
    return malformed("OK packet");
  }
  return ok;
}

Buffer encode_err(const Err& err, bool with_sqlstate) {
  Buffer out;
  Writer writer(out);
  writer.u8(lead::kErr).le16(err.number);
  if (with_sqlstate) {
    writer.u8('#').text(err.sqlstate.size() == 5 ? err.sqlstate : "HY000");
  }
  writer.text(err.text);
  return out;
}

Buffer encode_err(const Failure& failure, bool with_sqlstate) {
  return encode_err(Err{failure.mysql_errno(), sqlstate_of(failure), failure.text}, with_sqlstate);
}

bool ends_connection(std::uint16_t number) {
  return number == 1053 || number == 3032 || number == 4031 || number == 3169 || number == 1927;
}

Failure goodbye_failure(const Err& error) {
  const bool shutdown = error.number == 1053 || error.number == 3032;
  Failure failure = fail(shutdown ? FailureKind::backend_shutdown : FailureKind::backend_lost,
                         "the server closed the connection: " + printable(error.text, 200),
                         "error " + std::to_string(error.number));
  failure.mysql_errno_override = error.number;
  failure.sqlstate_override = error.sqlstate;
  return failure;
}

Result<Err> decode_err(Bytes payload) {
  Cursor cursor(payload);
  if (cursor.u8() != lead::kErr) {
    return malformed("ERR packet");
  }
  Err err;
  err.number = cursor.le16();
  if (cursor.ok() && !cursor.at_end() && cursor.rest().front() == '#') {
    cursor.skip(1);
    err.sqlstate = as_text(cursor.take(5));
  }
  err.text = as_text(cursor.take_rest());
  if (!cursor.ok()) {
    return malformed("ERR packet");
  }
  return err;
}

std::string_view sqlstate_of(const Failure& failure) {
  if (!failure.sqlstate_override.empty()) {
    return failure.sqlstate_override;
  }
  switch (failure.mysql_errno()) {
    case 1040:
    case 1251:
      return "08004";
    case 1045:
      return "28000";
    case 1049:
    case 1064:
    case 1104:
    case 1142:
    case 1203:
    case 1226:
    case 1227:
    case 1235:
      return "42000";
    case 1043:
    case 1053:
    case 1153:
    case 1156:
    case 1159:
    case 1184:
      return "08S01";
    case 1317:
      return "70100";
    case 1792:
      return "25006";
    default:
      return "HY000";
  }
}

void append_eof(Buffer& out, Eof eof) {
  Writer(out).u8(lead::kEof).le16(eof.warnings).le16(eof.status);
}

Buffer encode_eof(Eof eof) {
  Buffer out;
  append_eof(out, eof);
  return out;
}

Result<Eof> decode_eof(Bytes payload) {
  Cursor cursor(payload);
  const std::uint8_t first = cursor.u8();
  Eof eof;
  eof.warnings = cursor.le16();
  eof.status = cursor.le16();
  if (!cursor.finished() || first != lead::kEof) {
    return malformed("EOF packet");
  }
  return eof;
}

Buffer encode_auth_switch(std::string_view plugin, std::string_view nonce) {
  Buffer out;
  Writer(out).u8(lead::kAuthSwitch).cstring(plugin).cstring(nonce);
  return out;
}

Result<AuthSwitch> decode_auth_switch(Bytes payload) {
  Cursor cursor(payload);
  const std::uint8_t first = cursor.u8();
  AuthSwitch request;
  request.plugin = cursor.cstring();
  request.data = cursor.take_rest();
  if (!cursor.ok() || first != lead::kAuthSwitch) {
    return malformed("AuthSwitchRequest");
  }
  return request;
}

Buffer encode_auth_more_data(Bytes data) {
  Buffer out;
  Writer(out).u8(lead::kAuthMoreData).bytes(data);
  return out;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string clean(text.substr(0, limit));
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return clean;
}

}  // namespace sluice::protocol::mysql
