// The untyped packets and the splitting of `options`.

#include <cstdlib>

#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/startup.hpp"

using namespace sluice::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input(data, size);
  (void)postgresql::startup_frame(input);
  (void)postgresql::parse_cancel_request(input);
  (void)postgresql::split_options(as_text(input));
  Result<postgresql::Startup> startup = postgresql::parse_startup(input);
  if (!startup) {
    return 0;
  }
  // What we accept we can send on to a backend, and it means the same there.
  Buffer again;
  postgresql::put_startup_message(again, startup->user, startup->database, startup->parameters);
  Result<postgresql::Startup> copy = postgresql::parse_startup(again);
  if (!copy || copy->user != startup->user || copy->database != startup->database ||
      copy->parameters != startup->parameters || copy->replication) {
    std::abort();
  }
  return 0;
}
