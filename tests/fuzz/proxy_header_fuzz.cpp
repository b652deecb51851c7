// The header of a load balancer, at once and byte by byte: the same comes of both, and not a byte
// behind the header is read.

#include <cstdlib>

#include "protocol/proxy_header.hpp"
#include "tests/support/memory_driver.hpp"

using namespace sluice::protocol;
using Driver = sluice::tests::MemoryDriver<ProxyHeader>;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Driver whole(read_proxy_header());
  whole.inbox.assign(data, data + size);
  whole.run();
  Driver pieces(read_proxy_header());
  std::size_t given = 0;
  for (; given < size && !pieces.ended(); ++given) {
    pieces.inbox.push_back(data[given]);
    pieces.run();
  }
  if (whole.broken || whole.ended() != pieces.ended()) {
    std::abort();
  }
  if (!whole.ended()) {
    return 0;
  }
  if (whole.result().ok() != pieces.result().ok()) {
    std::abort();
  }
  if (!whole.result()) {
    return 0;
  }
  const std::size_t read = size - whole.inbox.size();
  const Bytes header(data, read);
  Result<ProxyHeader> again = parse_proxy_header(header);
  if (read != given || read > kProxyHeaderSize + kProxyBlockLimit || !again ||
      *again != *whole.result() || *again != *pieces.result() ||
      parse_proxy_header(header.first(read - 1)).ok()) {
    std::abort();
  }
  return 0;
}
