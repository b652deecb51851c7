// A MySQL server that answers anything. The first byte chooses how sluice connects to it.

#include "protocol/mysql/login_backend.hpp"
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
  target.tls = static_cast<TlsMode>((data[0] & 7U) % 5U);
  target.local = (data[0] & 8U) != 0;
  if ((data[0] & 16U) != 0) {
    target.password = "p";
  }
  if ((data[0] & 32U) != 0) {
    target.learned.mysql_native_stage1 = std::string(20, 'k');
  }
  if ((data[0] & 64U) != 0) {
    target.learned.caching_sha2_stage1 = std::string(32, 'k');
  }
  sluice::tests::MemoryDriver<BackendLogin> driver(mysql::login_backend(target));
  driver.inbox.assign(data + 1, data + size);
  driver.run();
  return 0;
}
