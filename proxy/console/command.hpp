#pragma once

// The language of the console: one command of a few words, in any case of letters, with or without
// a semicolon, comments and quotes.
//
//   SHOW topic                     PAUSE | RESUME | RECONNECT | KILL [pool]
//   SET log_level = word           WAIT_PAUSE | WAIT_CLOSE [pool]
//   RECONNECT CLIENTS [pool]       DISABLE | ENABLE pool
//   KILL_CLIENT session            SHUTDOWN [WAIT_FOR_CLIENTS | WAIT_FOR_SERVERS | IMMEDIATE]
//   RELOAD

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "proxy/operator/operator.hpp"

namespace sluice::proxy::console {

enum class Verb : std::uint8_t {
  show,
  pause,
  resume,
  reconnect,
  reconnect_clients,
  kill,
  kill_client,
  disable,
  enable,
  reload,
  wait_pause,
  wait_close,
  shutdown,
  set,
};

struct Command {
  Verb verb{};
  std::string name;   // show: the topic in upper case; set: the key in lower case; else the pool
  std::string value;  // set
  std::uint32_t session = 0;
  op::ShutdownMode mode{};
};

// The words of a text: names as written, quoted ones without their quotes ("", '', ``), = and ; as
// words of one letter. Comments are blanks. A quote or comment that does not end is a failure.
struct Word {
  std::string text;
  bool quoted = false;
};
protocol::Result<std::vector<Word>> words_of(std::string_view text);

// A failure of bad_command() says what was not understood, and what may have been meant.
protocol::Result<Command> parse(std::string_view text);

}  // namespace sluice::proxy::console
