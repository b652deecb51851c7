// Both sides of SCRAM-SHA-256 and the stored verifier; the first byte chooses the step.

#include <cstdlib>

#include "protocol/postgresql/scram.hpp"

using namespace sluice::protocol;
using namespace sluice::protocol::postgresql;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  static const ScramVerifier verifier =
      *derive_scram_verifier("password", as_bytes("0123456789abcdef"), 1);
  Bytes input(data + 1, size - 1);
  ScramServer server;
  ScramClient client("abc");
  switch (data[0] % 5) {
    case 0:
      (void)server.first(input, verifier, "def");
      break;
    case 1:
      (void)server.first(as_bytes("n,,n=,r=abc"), verifier, "def");
      if (Result<ScramServer::Final> final = server.finish(input, verifier);
          final && final->proven) {
        std::abort();
      }
      break;
    case 2:
      (void)client.challenge(input);
      break;
    case 3:
      (void)client.challenge(as_bytes("r=abcdef,s=YWE=,i=1"));
      (void)client.finish({Buffer(kScramKeySize, 1), Buffer(kScramKeySize, 2)});
      if (client.verify(input)) {
        std::abort();
      }
      break;
    default:
      if (std::optional<ScramVerifier> stored = parse_scram_verifier(as_text(input))) {
        (void)parse_scram_verifier(format_scram_verifier(*stored)).value();
      }
  }
  return 0;
}
