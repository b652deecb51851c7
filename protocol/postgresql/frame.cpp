#include "protocol/postgresql/frame.hpp"

namespace sluice::protocol::postgresql {

std::optional<std::size_t> startup_frame(Bytes have) {
  if (have.size() < 4) {
    return std::nullopt;
  }
  std::size_t length = Cursor(have).be32();
  return length < 8 ? SIZE_MAX : length;
}

std::optional<std::size_t> message_frame(Bytes have) {
  Header header;
  switch (parse_header(have, header)) {
    case HeaderState::incomplete:
      return std::nullopt;
    case HeaderState::bad:
      return SIZE_MAX;
    case HeaderState::ready:
      break;
  }
  return header.frame();
}

std::optional<std::size_t> answer_frame(Bytes have) {
  return have.empty() ? std::nullopt : std::optional<std::size_t>(1);
}

std::optional<Message> open_message(Bytes frame) {
  Header header;
  if (parse_header(frame, header) != HeaderState::ready ||
      header.body != frame.size() - kHeaderSize) {
    return std::nullopt;
  }
  return Message{header.type, frame.subspan(kHeaderSize)};
}

}  // namespace sluice::protocol::postgresql
