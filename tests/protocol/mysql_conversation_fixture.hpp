#pragma once

// A client, its conversation and two backends, all of bytes. The fixture does what a session does:
// attaches when a backend is needed, releases when the conversation allows it. Every test runs
// twice: with bytes as they come and one by one.

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/link.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_track.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {

inline std::string text(const Buffer& bytes) {
  return std::string(as_text(bytes));
}

inline std::string pkt(std::uint8_t sequence, std::string_view payload) {
  return text(packet(sequence, as_bytes(payload)));
}

inline std::string com(Command command, std::string_view body = {}) {
  return std::string(1, static_cast<char>(command)) + std::string(body);
}

inline std::string query(std::string_view sql) {
  return pkt(0, com(Command::query, sql));
}

inline std::string le32(std::uint32_t value) {
  Buffer out;
  Writer(out).le32(value);
  return text(out);
}

constexpr std::uint32_t kModern = capability::kOffered;
constexpr std::uint32_t kOld = kModern & ~(capability::kDeprecateEof | capability::kSessionTrack);
constexpr std::uint16_t kAuto = status_flag::kAutocommit;
constexpr std::uint16_t kInTrx = status_flag::kAutocommit | status_flag::kInTransaction;

inline std::string ok(std::uint16_t status = kAuto, std::uint64_t insert_id = 0,
                      std::uint16_t warnings = 0, const std::vector<TrackEntry>& state = {},
                      OkLead lead = OkLead::ok, std::uint32_t capabilities = kModern) {
  Ok packet;
  packet.status = status;
  packet.last_insert_id = insert_id;
  packet.warnings = warnings;
  const Buffer bytes = encode_session_state(state);
  packet.session_state = bytes;
  return text(encode_ok(packet, capabilities, lead));
}

// The OK that ends rows under DEPRECATE_EOF.
inline std::string end(std::uint16_t status = kAuto, std::uint16_t warnings = 0) {
  return ok(status, 0, warnings, {}, OkLead::end_of_result);
}

inline std::string eof(std::uint16_t status = kAuto, std::uint16_t warnings = 0) {
  return text(encode_eof({warnings, status}));
}

inline std::string err(std::uint16_t number, std::string_view message = "no") {
  return text(encode_err(Err{number, "42000", message}));
}

inline TrackEntry variable(std::string_view name, std::string_view value) {
  return {TrackType::system_variables, name, value};
}

// One column, one row, as a server with DEPRECATE_EOF writes it.
inline std::string result(std::string_view value, std::uint16_t status = kAuto) {
  return pkt(1, "\x01") + pkt(2, "column") +
         pkt(3, std::string(1, char(value.size())) + std::string(value)) + pkt(4, end(status));
}

class MysqlConversationTest : public ::testing::TestWithParam<bool> {
 protected:
  MysqlConversationTest() { make_links(kModern); }

  void make_links(std::uint32_t capabilities, bool mariadb = false) {
    for (auto& link : links) {
      BackendLogin login;
      login.capabilities = capabilities;
      login.mariadb = mariadb;
      login.server_version = mariadb ? "10.11.4-MariaDB" : "9.7.0";
      login.process_id = 77;
      link = std::make_unique<MysqlLink>(login, defaults);
    }
  }

  // The session begins. Without a charset and a schema there is little to set up.
  void start(std::uint32_t capabilities = kModern, std::string database = {},
             std::uint16_t collation = 0) {
    ClientLogin login;
    login.capabilities = capabilities;
    login.database = std::move(database);
    login.collation = collation;
    login.sequence = 2;
    conversation = std::make_unique<MysqlConversation>(login, defaults);
  }

  // Bytes of the client; what they lead to is in to_client and to_backend.
  void client(std::string_view bytes) {
    pending += bytes;
    pump();
  }

  void backend(std::string_view bytes) {
    ASSERT_NE(attached, nullptr) << "no backend is attached";
    const std::size_t step = GetParam() ? 1 : bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const std::string piece(bytes.substr(at, step));
      conversation->from_backend(as_bytes(piece), exchange);
      drain();
    }
    pump();
  }

  void pump() {
    for (;;) {
      // The bytes that are handed in die afterwards, as a session's chunk does.
      const std::string piece = pending.substr(0, GetParam() ? 1 : pending.size());
      Bytes in = as_bytes(piece);
      need = conversation->from_client(in, exchange);
      drain();
      const std::size_t used = piece.size() - in.size();
      pending.erase(0, used);
      if (need == Need::input && !pending.empty()) {
        continue;
      }
      if (need == Need::backend && next < links.size()) {
        ASSERT_EQ(attached, nullptr);
        attached = links[next].get();
        ++attachments;
        conversation->attach(*attached, exchange);
        continue;  // a session does not look for a release before the request has gone on
      }
      return;
    }
  }

  void drain() {
    take(exchange.to_client, to_client);
    take(exchange.to_backend, to_backend);
    facts.queries += exchange.facts.queries;
    facts.transactions += exchange.facts.transactions;
    facts.errors += exchange.facts.errors;
    facts.prepared_hits += exchange.facts.prepared_hits;
    facts.prepared_misses += exchange.facts.prepared_misses;
    facts.cancel_running = facts.cancel_running || exchange.facts.cancel_running;
    exchange.facts = {};
    if (attached != nullptr && conversation->may_release()) {
      cleanup = conversation->detach();
      attached = nullptr;
    }
  }

  static void take(Outbox& outbox, std::string& into) {
    for (std::size_t i = 0; i < outbox.pieces(); ++i) {
      into += as_text(outbox.piece(i));
    }
    outbox.clear();
  }

  // What has been written since the last call.
  std::string sent() { return std::exchange(to_backend, {}); }
  std::string told() { return std::exchange(to_client, {}); }
  bool held() const { return attached != nullptr; }

  // The backend answers OK to each command of ours until the client's own has been sent.
  void settle() {
    for (int i = 0;
         i < 8 && attached != nullptr && attached->busy() && attached->purpose() != Purpose::client;
         ++i) {
      backend(pkt(1, ok()));
    }
  }

  // Runs one statement that the backend answers with these packets.
  void run(std::string_view sql, std::string_view answer) {
    client(query(sql));
    settle();
    sent();
    backend(answer);
  }

  std::shared_ptr<SessionDefaults> defaults = std::make_shared<SessionDefaults>();
  std::array<std::unique_ptr<MysqlLink>, 2> links;
  std::unique_ptr<MysqlConversation> conversation;
  MysqlLink* attached = nullptr;
  std::size_t next = 0;  // which link the next attachment gets; 2: none
  int attachments = 0;
  Exchange exchange;
  Facts facts;
  Need need = Need::input;
  Cleanup cleanup = Cleanup::none;
  std::string pending;
  std::string to_client;
  std::string to_backend;
};

inline std::string chunk_name(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "byte_by_byte" : "whole";
}

}  // namespace sluice::protocol::mysql
