// What a server may answer: the pieces in which it comes must not change what the client gets.

#include <cstdint>
#include <cstdlib>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/response.hpp"

using namespace sluice::protocol;
using namespace sluice::protocol::mysql;

namespace {

Buffer relay(const std::uint8_t* data, std::size_t size, std::size_t step) {
  ReplyOptions options;
  options.forward = true;
  options.client = (data[0] & 1U) != 0 ? capability::kOffered : capability::kProtocol41;
  options.backend = (data[0] & 2U) != 0 ? capability::kOffered : capability::kProtocol41;
  options.show_state = (data[0] & 4U) != 0;
  options.allow_infile = (data[0] & 8U) != 0;
  ReplyStream stream;
  stream.start(static_cast<ReplyKind>((data[0] >> 4U) % 6U), options);
  Buffer written;
  for (std::size_t at = 1; at < size; at += step) {
    Bytes in(data + at, std::min(step, size - at));
    Outbox out;
    ReplyEvent event = ReplyEvent::ok;
    while (!stream.done() && !in.empty() && event != ReplyEvent::broken) {
      event = stream.feed(in, out);
      if (event == ReplyEvent::infile) {
        stream.file_sent();
      }
    }
    for (std::size_t i = 0; i < out.pieces(); ++i) {
      written.insert(written.end(), out.piece(i).begin(), out.piece(i).end());
    }
    if (event == ReplyEvent::broken || stream.done()) {
      break;
    }
  }
  return written;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && relay(data, size, size) != relay(data, size, 1)) {
    std::abort();
  }
  return 0;
}
