#pragma once

// Drives MySQL login machines in memory, without sockets: byte by byte against a script, or two
// machines against each other.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/login.hpp"
#include "protocol/machine.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/rsa.hpp"

namespace sluice::protocol::mysql {

// One machine with its input and its output. advance() performs wants until it needs input or ends.
template <typename R>
class Driven {
 public:
  explicit Driven(Machine<R> machine, std::shared_ptr<const Secret> secret = nullptr)
      : machine_(std::move(machine)), secret_(std::move(secret)) {
    want_ = machine_.resume();
    advance();
  }

  void give(Bytes bytes) {
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    advance();
  }
  // One packet with the sequence that follows what was written last.
  void give_packet(Bytes payload) {
    Buffer bytes = packet(next_sequence_, payload);
    ++next_sequence_;
    give(bytes);
  }

  bool ended() const { return want_ == nullptr; }
  Result<R>& result() { return machine_.result(); }
  bool tls() const { return tls_; }
  int computed() const { return computed_; }
  const std::vector<FindSecret>& asked() const { return asked_; }

  // Bytes that were written since the last call.
  Buffer take_output() { return std::exchange(output_, {}); }
  // The payload of the next packet that was written; empty when there is none.
  Buffer take_packet() {
    std::optional<PacketHeader> header = read_header(output_);
    if (!header) {
      return {};
    }
    auto begin = output_.begin() + kHeaderSize;
    Buffer payload(begin, begin + header->length);
    output_.erase(output_.begin(), begin + header->length);
    last_sequence_ = header->sequence;
    next_sequence_ = static_cast<std::uint8_t>(header->sequence + 1);
    return payload;
  }
  std::uint8_t last_sequence() const { return last_sequence_; }

 private:
  void advance() {
    while (want_ != nullptr && perform()) {
    }
  }

  bool perform() {
    Given given;
    if (auto* read = std::get_if<ReadFrame>(want_)) {
      std::optional<std::size_t> size = read->sizer(input_);
      if (size && *size > read->limit) {
        ADD_FAILURE() << "a frame above the limit";
        return false;
      }
      if (!size || *size > input_.size()) {
        return false;
      }
      frame_.assign(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(*size));
      input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(*size));
      given.frame = frame_;
    } else if (auto* write = std::get_if<Write>(want_)) {
      output_.insert(output_.end(), write->bytes.begin(), write->bytes.end());
    } else if (std::holds_alternative<StartTls>(*want_)) {
      EXPECT_FALSE(tls_);
      tls_ = true;
    } else if (auto* find = std::get_if<FindSecret>(want_)) {
      asked_.push_back(*find);
      given.secret = secret_ ? secret_ : std::make_shared<const Secret>();
    } else {
      std::get<Compute>(*want_).work();
      ++computed_;
    }
    want_ = machine_.resume(std::move(given));
    return true;
  }

  Machine<R> machine_;
  std::shared_ptr<const Secret> secret_;
  Want* want_ = nullptr;
  Buffer input_;
  Buffer output_;
  Buffer frame_;
  std::vector<FindSecret> asked_;
  bool tls_ = false;
  int computed_ = 0;
  std::uint8_t last_sequence_ = 0;
  std::uint8_t next_sequence_ = 0;
};

// One key for the whole program: making one is slow.
inline std::shared_ptr<const RsaKey> test_rsa_key() {
  static const std::shared_ptr<const RsaKey> key = make_rsa_key();
  return key;
}

inline Buffer from_hex(std::string_view hex) {
  Buffer out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

}  // namespace sluice::protocol::mysql
