// What a session's bytes cost between its sockets: requests and replies through a Conversation and
// a Link, with the backend taken and given back for each transaction, as a session does.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <string_view>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/link.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/link.hpp"

namespace {

using namespace sluice::protocol;

constexpr std::string_view kSql = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";

// A client and a backend, in memory. Nothing is written: the outboxes are only emptied.
struct Talk {
  std::unique_ptr<Conversation> conversation;
  std::unique_ptr<Link> link;
  Exchange exchange;
  bool attached = false;

  void request(std::string_view bytes) {
    Bytes in = as_bytes(bytes);
    if (conversation->from_client(in, exchange) == Need::backend) {
      conversation->attach(*link, exchange);
      attached = true;
      conversation->from_client(in, exchange);
    }
    clear();
  }
  void reply(std::string_view bytes) {
    conversation->from_backend(as_bytes(bytes), exchange);
    clear();
    if (attached && conversation->may_release()) {
      conversation->detach();
      attached = false;
    }
  }
  void clear() {
    exchange.to_client.clear();
    exchange.to_backend.clear();
  }
};

// ---- PostgreSQL

std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
std::string message(char type, std::string_view body = {}) {
  return type + be32(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}
std::string text(std::string_view value) {
  return std::string(value) + '\0';
}
std::string rows(int count) {
  std::string found;
  for (int i = 0; i < count; ++i) {
    found += message('D', std::string(90, 'x'));
  }
  return found;
}
std::string ended(std::string_view tag) {
  return message('C', text(tag)) + message('Z', "I");
}

Talk pg_talk() {
  Talk talk;
  talk.conversation = std::make_unique<postgresql::ClientConversation>(
      ClientLogin{}, std::make_shared<SessionDefaults>());
  talk.link = std::make_unique<postgresql::BackendLink>(BackendLogin{}, 200);
  return talk;
}

void pg_simple(benchmark::State& state) {
  Talk talk = pg_talk();
  std::string ask = message('Q', text(kSql));
  std::string answer = message('T', "columns") + rows(1) + ended("SELECT 1");
  for (auto _ : state) {
    talk.request(ask);
    talk.reply(answer);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pg_simple);

void pg_prepared(benchmark::State& state) {
  Talk talk = pg_talk();
  talk.request(message('P', text("p1") + text(kSql) + std::string(2, '\0')) + message('S'));
  talk.reply(message('1') + message('Z', "I"));
  std::string ask = message('B', text("") + text("p1") + std::string(6, '\0')) +
                    message('D', "P" + text("")) + message('E', text("") + be32(0)) + message('S');
  std::string answer = message('2') + message('T', "columns") + rows(1) + ended("SELECT 1");
  for (auto _ : state) {
    talk.request(ask);
    talk.reply(answer);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pg_prepared);

// Rows of 95 bytes on the wire, in chunks of 64 KiB.
void pg_large_result(benchmark::State& state) {
  Talk talk = pg_talk();
  std::string ask = message('Q', text(kSql));
  std::string chunk = rows(690);
  talk.request(ask);
  talk.reply(message('T', "columns"));
  for (auto _ : state) {
    talk.reply(chunk);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(chunk.size()));
  talk.reply(ended("SELECT 1"));
}
BENCHMARK(pg_large_result);

// ---- MySQL

std::string packet(std::uint8_t sequence, std::string_view payload) {
  return std::string(as_text(mysql::packet(sequence, as_bytes(payload))));
}

std::string ok(mysql::OkLead lead) {
  mysql::Ok done;
  done.status = mysql::status_flag::kAutocommit;
  return std::string(as_text(mysql::encode_ok(done, mysql::capability::kOffered, lead)));
}

void my_query(benchmark::State& state) {
  Talk talk;
  ClientLogin client;
  client.capabilities = mysql::capability::kOffered;
  client.sequence = 2;
  BackendLogin server;
  server.capabilities = mysql::capability::kOffered;
  server.server_version = "9.7.0";
  auto defaults = std::make_shared<SessionDefaults>();
  talk.conversation = std::make_unique<mysql::MysqlConversation>(client, defaults);
  auto link = std::make_unique<mysql::MysqlLink>(server, defaults);
  mysql::MysqlLink& held = *link;
  talk.link = std::move(link);
  std::string ask = packet(0, "\x03" + std::string(kSql));
  std::string answer = packet(1, "\x01") + packet(2, "column") +
                       packet(3,
                              "\x01"
                              "0") +
                       packet(4, ok(mysql::OkLead::end_of_result));
  std::string fine = packet(1, ok(mysql::OkLead::ok));
  for (auto _ : state) {
    talk.request(ask);
    while (held.busy() && held.purpose() != mysql::Purpose::client) {
      talk.reply(fine);  // the first time: what the session needs is set up
      talk.request({});
    }
    talk.reply(answer);
  }
  state.SetItemsProcessed(state.iterations());
  if (talk.attached) {
    state.SkipWithError("the backend was not given back");
  }
}
BENCHMARK(my_query);

}  // namespace
