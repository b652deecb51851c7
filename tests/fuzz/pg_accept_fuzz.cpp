// A client that sends anything. The first byte chooses the listener and the stored secret.

#include <cstdlib>

#include "protocol/postgresql/accept_client.hpp"
#include "protocol/postgresql/md5.hpp"
#include "tests/support/memory_driver.hpp"

using namespace sluice::protocol;

namespace {

Secret choose_secret(unsigned choice) {
  Secret secret;
  secret.known = choice != 0;
  if (choice == 1) {
    secret.scram_verifier =
        "SCRAM-SHA-256$2:MDEyMzQ1Njc4OWFiY2RlZg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  } else if (choice == 2) {
    secret.md5_hash = postgresql::md5_hash("u", "p");
  } else if (choice == 3) {
    secret.mysql_native_hash = "*" + std::string(40, 'A');
  }
  return secret;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  AcceptOptions options;
  options.tls = static_cast<TlsMode>(data[0] >> 2U & 3U);
  options.local = (data[0] & 16U) != 0;
  sluice::tests::MemoryDriver<ClientLogin> driver(postgresql::accept_client(options),
                                                  choose_secret(data[0] & 3U));
  driver.inbox.assign(data + 1, data + size);
  driver.run();
  // Nobody gets in: no stored secret has a password that these bytes could prove.
  if (driver.ended() && driver.result() && !driver.result()->cancel) {
    std::abort();
  }
  return 0;
}
