#pragma once

// A console conversation and who carries out its commands: bytes of a client in, bytes for it out,
// in chunks of any size.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/console.hpp"

namespace sluice::test {

struct ConsoleTalk {
  std::unique_ptr<protocol::ConsoleConversation> conversation;
  // What the console answers; by itself: a table of two columns and two rows for SHOW ..., a bare
  // tag for PAUSE, else a failure.
  std::function<protocol::Result<protocol::Table>(const protocol::ConsoleCommand&)> run = &answer;
  std::vector<std::string> commands;  // as they were asked for; those to describe begin with "?"
  std::vector<protocol::Conversation::Special> specials;
  protocol::Status special_outcome = protocol::Done{};

  static protocol::Result<protocol::Table> answer(const protocol::ConsoleCommand& command) {
    using protocol::Row;
    if (command.text.find("PAUSE") != std::string::npos) {
      protocol::Table table;
      table.tag = "PAUSE";
      return table;
    }
    if (command.text.find("SHOW") == std::string::npos) {
      return protocol::bad_command("unknown command");
    }
    protocol::Table table = protocol::make_table("name count:i");
    if (!command.describe) {
      table.rows = {Row{std::string("pets"), std::int64_t{7}},
                    Row{std::monostate{}, std::int64_t{-1}}};
    }
    return table;
  }

  // Returns what the client is sent. `chunk` 0: all bytes at once.
  std::string client(const std::string& bytes, std::size_t chunk = 0) {
    std::string sent;
    const std::size_t step = chunk == 0 ? bytes.size() : chunk;
    for (std::size_t at = 0; at < bytes.size() && need != protocol::Need::close; at += step) {
      sent += feed(bytes.substr(at, step));
    }
    return sent;
  }

  protocol::Need need = protocol::Need::input;

 private:
  std::string feed(const std::string& piece) {
    std::string sent;
    protocol::Bytes in = protocol::as_bytes(piece);
    for (;;) {
      protocol::Exchange out;
      need = conversation->from_client(in, out);
      drain(out, sent);
      if (need != protocol::Need::reply) {
        return sent;
      }
      if (auto command = conversation->take_command()) {
        commands.push_back((command->describe ? "?" : "") + command->text);
        conversation->answer(run(*command), out);
      } else if (auto special = conversation->take_special()) {
        specials.push_back(*special);
        conversation->complete_special(special_outcome, out);
      }
      drain(out, sent);
    }
  }

  static void drain(protocol::Exchange& out, std::string& sent) {
    for (std::size_t i = 0; i < out.to_client.pieces(); ++i) {
      sent += protocol::as_text(out.to_client.piece(i));
    }
    out.to_client.clear();
  }
};

}  // namespace sluice::test
