// A backend that answers anything. The first byte chooses how sluice connects to it.

#include "protocol/postgresql/login_backend.hpp"
#include "tests/support/memory_driver.hpp"

using namespace sluice::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  BackendTarget target;
  target.host = "peer";
  target.user = "u";
  target.database = "d";
  target.tls = static_cast<TlsMode>(data[0] & 3U);
  target.local = (data[0] & 4U) != 0;
  if ((data[0] & 8U) != 0) {
    target.password = "p";
  }
  if ((data[0] & 16U) != 0) {
    target.learned.scram_client_key = std::string(32, 'k');
  }
  sluice::tests::MemoryDriver<BackendLogin> driver(postgresql::login_backend(target));
  driver.inbox.assign(data + 1, data + size);
  driver.run();
  return 0;
}
