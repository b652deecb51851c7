// A MySQL client that changes its user with anything. The first byte chooses the connection, the
// second how many bytes are the command; the rest answers the server.

#include <algorithm>
#include <cstdlib>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/change_user.hpp"
#include "tests/support/memory_driver.hpp"

using namespace sluice::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  ClientLogin current;
  current.capabilities = mysql::capability::kOffered;
  if ((data[0] & 1U) != 0) {
    current.capabilities &= ~mysql::capability::kPluginAuth;
  }
  if ((data[0] & 2U) != 0) {
    current.capabilities &= ~mysql::capability::kSecureConnection;
  }
  current.tls = (data[0] & 4U) != 0;
  Secret secret;
  secret.known = (data[0] & 8U) != 0;
  secret.password = "no input of a fuzzer says this";
  const std::size_t command = std::min<std::size_t>(data[1], size - 2);
  sluice::tests::MemoryDriver<ClientLogin> driver(
      mysql::change_user({}, current, Buffer(data + 2, data + 2 + command)), secret);
  driver.inbox.assign(data + 2 + command, data + size);
  driver.run();
  if (driver.ended() && driver.result()) {
    std::abort();
  }
  return 0;
}
