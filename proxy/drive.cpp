#include "proxy/drive.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "proxy/credentials.hpp"

namespace sluice::proxy::detail {
namespace {

using protocol::Failure;
using protocol::FailureKind;

Failure peer_gone(const Stream&) {
  return protocol::fail(FailureKind::client_gone, "connection closed during login");
}

// How many bytes may be read now without touching what lies behind this frame.
std::size_t bytes_wanted(std::size_t have, const std::optional<std::size_t>& size,
                         std::size_t header) {
  if (size) {
    return *size - have;
  }
  return have < header ? header - have : 1;
}

}  // namespace

Task<protocol::Result<protocol::Bytes>> read_frame(Stream& stream, const protocol::ReadFrame& want,
                                                   protocol::Buffer& frame) {
  frame.clear();
  for (;;) {
    std::optional<std::size_t> size = want.sizer(frame);
    if (size && *size > want.limit) {
      co_return protocol::fail(FailureKind::message_too_large, "login message too large");
    }
    if (size && frame.size() >= *size) {
      co_return protocol::Bytes(frame);
    }
    Chunk chunk = co_await stream.receive(
        std::min(bytes_wanted(frame.size(), size, want.header), kChunkSize));
    if (chunk.has_data()) {
      protocol::Bytes bytes = chunk.bytes();
      frame.insert(frame.end(), bytes.begin(), bytes.end());
    } else if (!chunk.spurious()) {
      co_return peer_gone(stream);
    }
  }
}

Task<void> compute(Offload& offload, Loop& loop, std::function<void()> work) {
  Signal done(loop);
  Loop* home = &loop;
  bool accepted = offload.submit(work, [&done, home] { home->call([&done] { done.set(); }); });
  if (accepted) {
    co_await done.wait();
  } else {
    work();  // the queue is full: slower for this worker, but right
  }
}

std::shared_ptr<const protocol::Secret> find_secret(Credentials* credentials,
                                                    const protocol::FindSecret& want) {
  if (credentials == nullptr) {
    return std::make_shared<const protocol::Secret>();
  }
  return credentials->find(want.user);
}

Task<protocol::Status> send_written(Stream& stream, Dialogue& dialogue) {
  bool sent = dialogue.written.empty();
  if (!sent) {
    sent = co_await stream.send(std::exchange(dialogue.written, {}));
  }
  if (!sent) {
    co_return peer_gone(stream);
  }
  co_return protocol::Done{};
}

Task<protocol::Status> perform(DriveContext& context, protocol::Want& want, Dialogue& dialogue,
                               protocol::Given& given) {
  Stream& stream = context.stream;
  if (auto* write = std::get_if<protocol::Write>(&want)) {
    dialogue.written.insert(dialogue.written.end(), write->bytes.begin(), write->bytes.end());
    co_return protocol::Done{};
  }
  auto sent = co_await send_written(stream, dialogue);
  if (!sent) {
    co_return sent;
  }
  if (auto* read = std::get_if<protocol::ReadFrame>(&want)) {
    auto got = co_await read_frame(stream, *read, dialogue.frame);
    if (!got) {
      co_return std::move(got.failure());
    }
    given.frame = *got;
  } else if (auto* find = std::get_if<protocol::FindSecret>(&want)) {
    given.secret = find_secret(context.credentials, *find);
  } else if (auto* heavy = std::get_if<protocol::Compute>(&want)) {
    co_await compute(context.offload, stream.loop(), std::move(heavy->work));
  } else if (context.tls == nullptr || stream.tls()) {
    co_return protocol::fail(FailureKind::tls_failed, "TLS is not available here");
  } else {
    const TimePoint begun = stream.loop().now();
    auto done = co_await stream.start_tls(context.tls->get(), context.role, context.host);
    if (context.handshake != nullptr) {
      *context.handshake = stream.loop().now() - begun;
    }
    if (done && context.role == Stream::Role::server) {
      given.certificate = stream.peer_certificate();
    }
    co_return done;
  }
  co_return protocol::Done{};
}

}  // namespace sluice::proxy::detail
