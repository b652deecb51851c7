// OK packets with their session state, and the other answers. What is read comes back when it is
// written and read again.

#include <cstdlib>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/session_track.hpp"

using namespace sluice::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  using namespace mysql::capability;
  const std::uint32_t capabilities = ((data[0] & 1U) != 0 ? kProtocol41 : 0U) |
                                     ((data[0] & 2U) != 0 ? kSessionTrack : 0U) |
                                     ((data[0] & 4U) != 0 ? kTransactions : 0U);
  const Bytes payload(data + 1, size - 1);
  (void)mysql::decode_err(payload);
  (void)mysql::decode_eof(payload);
  (void)mysql::decode_auth_switch(payload);
  const auto ok = mysql::decode_ok(payload, capabilities);
  if (!ok) {
    return 0;
  }
  const Buffer again = mysql::encode_ok(ok.value(), capabilities);
  const auto back = mysql::decode_ok(again, capabilities);
  if (!back || back.value().affected_rows != ok.value().affected_rows ||
      back.value().info != ok.value().info ||
      as_text(back.value().session_state) != as_text(ok.value().session_state)) {
    std::abort();
  }
  const auto entries = mysql::decode_session_state(ok.value().session_state);
  if (entries) {
    const Buffer state = mysql::encode_session_state(entries.value());
    const auto twice = mysql::decode_session_state(state);
    if (!twice || twice.value().size() != entries.value().size()) {
      std::abort();
    }
  }
  return 0;
}
