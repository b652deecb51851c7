// Anything from a client on the console, in chunks; the first byte says how large they are. Every
// command is answered, with rows or without.

#include <algorithm>
#include <cstdlib>

#include "protocol/postgresql/console.hpp"
#include "tests/support/console_talk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  if (size == 0) {
    return 0;
  }
  test::ConsoleTalk talk;
  talk.conversation = std::make_unique<protocol::postgresql::PostgresqlConsole>(
      protocol::ClientLogin{}, protocol::ConsoleIdentity{"1", "2", 3, {"sluice"}});
  talk.client(std::string(reinterpret_cast<const char*>(data + 1), size - 1), data[0] % 16U);
  if (talk.need == protocol::Need::reply || talk.conversation->outstanding()) {
    std::abort();
  }
  return 0;
}
