#include "protocol/mysql/session_track.hpp"

#include "protocol/cursor.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

void read_entry(TrackType type, Cursor& data, std::vector<TrackEntry>& entries) {
  if (type == TrackType::system_variables) {
    while (data.ok() && !data.at_end() && entries.size() <= kMaxTrackEntries) {
      std::string_view name = data.lenenc_string();
      std::string_view value = data.lenenc_string();
      entries.push_back({type, name, value});
    }
    return;
  }
  if (type == TrackType::state_change) {  // servers write the flag without a length of its own
    entries.push_back({type, {}, as_text(data.take_rest())});
    return;
  }
  if (type == TrackType::gtids) {
    data.skip(1);
  }
  entries.push_back({type, {}, data.lenenc_string()});
}

}  // namespace

Result<std::vector<TrackEntry>> decode_session_state(Bytes session_state) {
  std::vector<TrackEntry> entries;
  Cursor cursor(session_state);
  bool sound = true;
  while (sound && cursor.ok() && !cursor.at_end()) {
    const std::uint8_t type = cursor.u8();
    Cursor data(as_bytes(cursor.lenenc_string()));
    if (cursor.ok() && type <= static_cast<std::uint8_t>(TrackType::transaction_state)) {
      read_entry(static_cast<TrackType>(type), data, entries);
      sound = data.finished() && entries.size() <= kMaxTrackEntries;
    }
  }
  if (!sound || !cursor.ok()) {
    return fail(FailureKind::backend_protocol, "the server sent a malformed packet",
                "malformed session state in an OK packet");
  }
  return entries;
}

Buffer encode_session_state(const std::vector<TrackEntry>& entries) {
  Buffer out;
  for (const TrackEntry& entry : entries) {
    Buffer data;
    Writer writer(data);
    if (entry.type == TrackType::system_variables) {
      writer.lenenc_string(entry.name);
    } else if (entry.type == TrackType::gtids) {
      writer.u8(0);
    }
    if (entry.type == TrackType::state_change) {
      writer.text(entry.value);
    } else {
      writer.lenenc_string(entry.value);
    }
    Writer(out).u8(static_cast<std::uint8_t>(entry.type)).lenenc_string(as_text(data));
  }
  return out;
}

}  // namespace sluice::protocol::mysql
