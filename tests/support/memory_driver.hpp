#pragma once

// Performs a machine's wants in memory: what proxy/drive.cpp does with sockets. Two of them, each
// fed with the other's outbox, hold a whole login; one alone runs a fuzzer's bytes.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "protocol/machine.hpp"

namespace sluice::tests {

template <typename R>
class MemoryDriver {
 public:
  explicit MemoryDriver(protocol::Machine<R> machine, protocol::Secret secret = {})
      : machine_(std::move(machine)),
        secret_(std::make_shared<const protocol::Secret>(std::move(secret))) {}

  protocol::Buffer inbox;   // what the peer has sent and the machine has not read
  protocol::Buffer outbox;  // what the machine has written
  bool tls = false;
  bool broken = false;  // a frame over its limit, or bytes before the TLS handshake

  bool ended() const { return ended_; }
  protocol::Result<R>& result() { return machine_.result(); }

  // Runs until the machine ends or waits for bytes. True when it did anything.
  bool run() {
    bool progress = false;
    while (!ended_ && !broken && ready()) {
      want_ = machine_.resume(std::exchange(given_, {}));
      ended_ = want_ == nullptr;
      progress = true;
    }
    return progress;
  }

 private:
  // Performs the current want; false when it needs bytes that are not there.
  bool ready() {
    if (want_ == nullptr) {
      return true;
    }
    if (auto* read = std::get_if<protocol::ReadFrame>(want_)) {
      return take_frame(*read);
    }
    if (auto* write = std::get_if<protocol::Write>(want_)) {
      outbox.insert(outbox.end(), write->bytes.begin(), write->bytes.end());
    } else if (auto* compute = std::get_if<protocol::Compute>(want_)) {
      compute->work();
    } else if (std::holds_alternative<protocol::FindSecret>(*want_)) {
      given_.secret = secret_;
    } else {
      broken = !inbox.empty();
      tls = true;
    }
    return !broken;
  }

  bool take_frame(const protocol::ReadFrame& read) {
    // As the driver of proxy/, it shows the machine no more than it may read.
    const protocol::Bytes shown(inbox.data(), std::min(inbox.size(), read.limit));
    std::optional<std::size_t> size = read.sizer(shown);
    broken = size && *size > read.limit;
    if (broken || !size || *size > inbox.size()) {
      return false;
    }
    auto end = inbox.begin() + static_cast<std::ptrdiff_t>(*size);
    frame_.assign(inbox.begin(), end);
    inbox.erase(inbox.begin(), end);
    given_.frame = frame_;
    return true;
  }

  protocol::Machine<R> machine_;
  std::shared_ptr<const protocol::Secret> secret_;
  protocol::Want* want_ = nullptr;
  protocol::Given given_;
  protocol::Buffer frame_;
  bool ended_ = false;
};

// Lets two drivers talk until neither gets any further.
template <typename A, typename B>
void converse(MemoryDriver<A>& a, MemoryDriver<B>& b) {
  for (bool progress = true; progress;) {
    progress = a.run();
    b.inbox.insert(b.inbox.end(), a.outbox.begin(), a.outbox.end());
    a.outbox.clear();
    progress = b.run() || progress;
    a.inbox.insert(a.inbox.end(), b.outbox.begin(), b.outbox.end());
    b.outbox.clear();
  }
}

}  // namespace sluice::tests
