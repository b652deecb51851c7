#pragma once

// The one driver of login conversations: performs what a Machine wants, for both dialects and both
// roles. The only place with a login deadline, and the only one that upgrades a stream to TLS.

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "protocol/machine.hpp"
#include "proxy/offload.hpp"
#include "proxy/stream.hpp"
#include "proxy/tls_context.hpp"

namespace sluice::proxy {

class Credentials;

// What a drive needs besides the stream. It must outlive the drive.
struct DriveContext {
  Stream& stream;
  Stream::Role role;
  TlsContextPtr tls;         // null: StartTls fails
  std::string host;          // client role: the name to verify
  Credentials* credentials;  // server role: answers FindSecret
  Offload& offload;          // runs Compute
  TimePoint deadline;        // for the whole login, however many bytes arrive in between
  // Where what a machine that succeeds has written last is left, for the caller to send before
  // anything else: it leaves with the caller's own bytes then. Null: it is sent.
  protocol::Buffer* unsent = nullptr;
  // Gets how long the TLS handshake took; null, or no handshake: nothing.
  Duration* handshake = nullptr;
};

namespace detail {

// Reads one frame, and not a byte beyond it: what follows may belong to a TLS handshake.
Task<protocol::Result<protocol::Bytes>> read_frame(Stream& stream, const protocol::ReadFrame& want,
                                                   protocol::Buffer& frame);
Task<void> compute(Offload& offload, Loop& loop, std::function<void()> work);
std::shared_ptr<const protocol::Secret> find_secret(Credentials* credentials,
                                                    const protocol::FindSecret& want);

// One login under way.
struct Dialogue {
  protocol::Buffer frame;    // read last
  protocol::Buffer written;  // by the machine, and not sent yet
};

Task<protocol::Status> perform(DriveContext& context, protocol::Want& want, Dialogue& dialogue,
                               protocol::Given& given);
Task<protocol::Status> send_written(Stream& stream, Dialogue& dialogue);

}  // namespace detail

// Ends with the machine's own result, or with login_timeout, client_gone (role server) or
// backend_lost (role client) when the stream failed first. On failure the stream may be half-way
// through anything: close it.
template <typename R>
Task<protocol::Result<R>> drive(protocol::Machine<R> machine, DriveContext context) {
  Timer deadline(context.stream.loop());
  bool expired = false;
  deadline.arm(context.deadline, [&] {
    expired = true;
    context.stream.abort();
  });
  detail::Dialogue dialogue;
  protocol::Given given;
  while (protocol::Want* want = machine.resume(std::move(given))) {
    given = {};
    protocol::Status done = co_await detail::perform(context, *want, dialogue, given);
    if (expired) {
      co_return protocol::fail(protocol::FailureKind::login_timeout, "login timed out");
    }
    if (!done) {
      co_return std::move(done.failure());
    }
  }
  const bool ok = static_cast<bool>(machine.result());
  if (ok && context.unsent != nullptr) {
    *context.unsent = std::move(dialogue.written);
    co_return std::move(machine.result());
  }
  protocol::Status sent = co_await detail::send_written(context.stream, dialogue);
  if (ok && !sent) {
    co_return std::move(sent.failure());
  }
  co_return std::move(machine.result());
}

}  // namespace sluice::proxy
