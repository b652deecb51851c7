// A MySQL client that sends anything. The first byte chooses the listener and the stored secret.

#include <cstdlib>

#include "protocol/mysql/accept_client.hpp"
#include "protocol/mysql/rsa.hpp"
#include "tests/support/memory_driver.hpp"

using namespace sluice::protocol;

namespace {

Secret choose_secret(unsigned choice) {
  Secret secret;
  secret.known = choice != 0;
  if (choice == 1) {
    secret.password = "no input of a fuzzer says this";
  } else if (choice == 2) {
    secret.mysql_native_hash = "*" + std::string(40, 'A');
  } else if (choice == 3) {
    secret.caching_sha2_digest = std::string(32, 'd');
  }
  return secret;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto rsa_key = mysql::make_rsa_key();
  if (size == 0) {
    return 0;
  }
  AcceptOptions options;
  options.tls = static_cast<TlsMode>(data[0] >> 2U & 3U);
  options.local = (data[0] & 16U) != 0;
  options.rsa_key = (data[0] & 32U) != 0 ? nullptr : rsa_key;
  sluice::tests::MemoryDriver<ClientLogin> driver(mysql::accept_client(options),
                                                  choose_secret(data[0] & 3U));
  driver.inbox.assign(data + 1, data + size);
  driver.run();
  // Nobody gets in: the nonce is new, and no secret is empty.
  if (driver.ended() && driver.result()) {
    std::abort();
  }
  return 0;
}
