#pragma once

// A conversation driven by byte strings: a client and a backend whose messages the test writes.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/link.hpp"
#include "protocol/postgresql/messages.hpp"

namespace sluice::protocol::postgresql::testing {

inline std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
inline std::string message(char type, std::string_view body = {}) {
  return type + be32(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}
inline std::string text(std::string_view value) {
  return std::string(value) + '\0';
}

// ---- the client's messages
inline std::string query(std::string_view sql) {
  return message('Q', text(sql));
}
inline std::string parse(std::string_view name, std::string_view sql) {
  return message('P', text(name) + text(sql) + std::string(2, '\0'));
}
inline std::string bind_message(std::string_view portal, std::string_view name) {
  return message('B', text(portal) + text(name) + std::string(6, '\0'));
}
inline std::string describe(char kind, std::string_view name) {
  return message('D', kind + text(name));
}
inline std::string close(char kind, std::string_view name) {
  return message('C', kind + text(name));
}
inline std::string execute(std::string_view portal = {}) {
  return message('E', text(portal) + be32(0));
}
inline std::string sync() {
  return message('S');
}
inline std::string flush() {
  return message('H');
}

// ---- the backend's
inline std::string ready(char status = 'I') {
  return message('Z', std::string(1, status));
}
inline std::string complete(std::string_view tag) {
  return message('C', text(tag));
}
inline std::string row(std::string_view bytes = "row") {
  return message('D', bytes);
}
inline std::string columns() {
  return message('T', "columns");
}
inline std::string parsed() {
  return message('1');
}
inline std::string bound() {
  return message('2');
}
inline std::string closed() {
  return message('3');
}
inline std::string reports(std::string_view name, std::string_view value) {
  return message('S', text(name) + text(value));
}
inline std::string error(std::string_view code, std::string_view words = "wrong",
                         std::string_view severity = "ERROR") {
  return message('E', "S" + text(severity) + "V" + text(severity) + "C" + text(code) + "M" +
                          text(words) + std::string(1, '\0'));
}

inline std::string notice(std::string_view code, std::string_view words) {
  return 'N' + error(code, words, "WARNING").substr(1);
}

inline std::string bytes_of(const Outbox& box) {
  std::string out;
  for (std::size_t i = 0; i < box.pieces(); ++i) {
    out += as_text(box.piece(i));
  }
  return out;
}

class Talk {
 public:
  explicit Talk(Parameters startup = {}, SessionDefaults defaults = {}, std::size_t step = 0)
      : step_(step), defaults_(std::make_shared<const SessionDefaults>(std::move(defaults))) {
    login_.user = "ann";
    login_.parameters = std::move(startup);
    conversation = std::make_unique<ClientConversation>(login_, defaults_);
    new_link();
    Outbox ignored;
    conversation->welcome({}, {7, {1, 2, 3, 4}}, ignored);
  }

  void new_link() {
    link = std::make_unique<BackendLink>(BackendLogin{}, defaults_->max_prepared_statements,
                                         defaults_->init_sql);
  }
  // A second client of the same backend.
  void new_client(Parameters startup = {}) {
    login_.parameters = std::move(startup);
    conversation = std::make_unique<ClientConversation>(login_, defaults_);
    Outbox ignored;
    conversation->welcome({}, {7, {1, 2, 3, 4}}, ignored);
    attached_ = false;
  }

  // The client sends; the backend is attached when it is needed. What stops it stays pending.
  Need client(std::string_view bytes) {
    pending_ += bytes;
    Need need = Need::input;
    std::size_t used = 0;
    std::string all = std::exchange(pending_, {});
    do {
      std::size_t size = step_ == 0 ? all.size() - used : std::min(step_, all.size() - used);
      Bytes in = as_bytes(std::string_view(all).substr(used, size));
      std::size_t before = in.size();
      need = feed(in);
      used += before - in.size();
    } while (need == Need::input && used < all.size());
    pending_ = all.substr(used);
    return need;
  }
  // In two chunks, so that no more of a message is seen together than must be.
  Need client_in_two(std::string_view bytes) {
    client(bytes.substr(0, 20));
    return client(bytes.substr(20));
  }
  void backend(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t size = step_ == 0 ? bytes.size() : std::min(step_, bytes.size() - at);
      Exchange out;
      conversation->from_backend(as_bytes(bytes.substr(at, size)), out);
      collect(out);
      at += size;
    }
    if (attached_ && auto_release && conversation->may_release()) {
      release();
    }
  }
  Cleanup release() {
    attached_ = false;
    return last_cleanup = conversation->detach();
  }
  Need resume() { return client(""); }

  // What has been written since the last call.
  std::string to_client() { return std::exchange(to_client_, {}); }
  std::string to_backend() { return std::exchange(to_backend_, {}); }
  bool attached() const { return attached_; }

  std::unique_ptr<ClientConversation> conversation;
  std::unique_ptr<BackendLink> link;
  bool auto_release = true;
  bool give_backend = true;
  Cleanup last_cleanup = Cleanup::none;
  Facts facts;

 private:
  Need feed(Bytes& in) {
    for (;;) {
      Exchange out;
      Need need = conversation->from_client(in, out);
      collect(out);
      if (need != Need::backend || !give_backend) {
        return need;
      }
      Exchange attaching;
      attached_ = true;
      conversation->attach(*link, attaching);
      collect(attaching);
    }
  }
  void collect(Exchange& out) {
    to_client_ += bytes_of(out.to_client);
    to_backend_ += bytes_of(out.to_backend);
    facts.queries += out.facts.queries;
    facts.transactions += out.facts.transactions;
    facts.errors += out.facts.errors;
    facts.prepared_hits += out.facts.prepared_hits;
    facts.prepared_misses += out.facts.prepared_misses;
    facts.cancel_running = facts.cancel_running || out.facts.cancel_running;
  }

  std::size_t step_;
  std::shared_ptr<const SessionDefaults> defaults_;
  ClientLogin login_;
  bool attached_ = false;
  std::string pending_, to_client_, to_backend_;
};

// Each test runs with whole chunks and byte by byte.
class ConversationTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  Talk talk(Parameters startup = {}, SessionDefaults defaults = {}) {
    return Talk(std::move(startup), std::move(defaults), GetParam());
  }
};

// The name after the header (and `skip` bytes) of the first message in `bytes`.
inline std::string first_name(std::string_view bytes, std::size_t skip = 0) {
  bytes.remove_prefix(5 + skip);
  return std::string(bytes.substr(0, bytes.find('\0')));
}

}  // namespace sluice::protocol::postgresql::testing
