#pragma once

// What a conversation knows of the request that its Inspector has been asked about. There is none
// where nobody is asked.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/inspector.hpp"

namespace sluice::protocol::mysql {

struct Inspection {
  enum class Stage : std::uint8_t {
    fresh,     // the command at the head has not been asked about, or need not be
    admitted,  // it was allowed, and waits at the head for its backend
    running,   // it has left the head: its end is to be told
  };

  Inspector* inspector = nullptr;
  std::size_t keep = 0;  // bytes of a text that are kept for it
  Stage stage = Stage::fresh;
  bool due = false;         // its end is to be told
  bool reads_only = false;  // of a limited one: none of its statements leaves anything behind
  bool cancelled = false;   // this backend is being cancelled: its next command may be hit instead
  AnswerLimits limits;
  std::optional<std::string> text;            // goes in the place of the client's
  std::shared_ptr<const sql::Digest> digest;  // of the statement that is prepared

  // The command at the head is taken out of the input.
  void start() { stage = stage == Stage::admitted ? Stage::running : stage; }
  void end() {
    stage = Stage::fresh;
    reads_only = false;
    limits = {};
    text.reset();
  }
};

}  // namespace sluice::protocol::mysql
