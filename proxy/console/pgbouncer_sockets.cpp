// SHOW CLIENTS, SERVERS, SOCKETS and ACTIVE_SOCKETS with PgBouncer's columns. What sluice does not
// know of a connection (its own address, where a buffer stands) is empty or 0.

#include <array>
#include <charconv>
#include <map>

#include "metrics/labels.hpp"
#include "proxy/console/topics.hpp"
#include "proxy/console/views.hpp"

namespace sluice::proxy::console {
namespace {

using metrics::ClientState;
using protocol::Row;
using protocol::Table;

constexpr char kColumns[] =
    "type user database replication state addr port:i local_addr local_port:i connect_time "
    "request_time wait:i wait_us:i close_needed:i ptr link remote_pid:l tls application_name "
    "prepared_statements:i id:l";
constexpr char kSocketColumns[] =
    "type user database replication state addr port:i local_addr local_port:i connect_time "
    "request_time wait:i wait_us:i close_needed:i ptr link remote_pid:l tls application_name "
    "prepared_statements:i id:l recv_pos:i pkt_pos:i pkt_remain:i send_pos:i send_remain:i "
    "pkt_avail:i send_avail:i";
constexpr std::size_t kBufferColumns = 7;

// What PgBouncer shows as an address in memory; KILL_CLIENT takes it.
std::string pointer(std::uint64_t id) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16).ptr;
  return id == 0 ? std::string() : "0x" + std::string(digits.data(), end);
}

// PgBouncer's words: a session that is pinned is active as well, one that logs in is neither.
std::string client_state(ClientState state) {
  switch (state) {
    case ClientState::waiting:
      return "waiting";
    case ClientState::idle:
      return "idle";
    case ClientState::login:
      return "login";
    default:
      return "active";
  }
}

std::string since(op::WallTime connected, op::Duration age, op::Duration state_age) {
  return utc(connected + std::chrono::duration_cast<op::WallTime::duration>(age - state_age));
}

Row client_row(const op::SessionView& session) {
  const Endpoint peer = endpoint(session.client);
  const std::int64_t wait = microseconds(session.wait);
  return {std::string("C"),
          session.user,
          session.pool.empty() ? session.database : session.pool,
          std::string("none"),
          client_state(session.state),
          peer.host,
          std::int64_t{peer.port},
          std::string(),
          std::int64_t{0},
          utc(session.connected_at),
          since(session.connected_at, session.age, session.state_age),
          wait / 1000000,
          wait % 1000000,
          std::int64_t{0},
          pointer(session.id),
          pointer(session.backend),
          std::int64_t{0},
          std::string(session.tls ? "TLS" : ""),
          session.application_name,
          std::int64_t{0},
          std::int64_t{session.id}};
}

std::string server_state(op::BackendState state) {
  switch (state) {
    case op::BackendState::used:
      return "active";
    case op::BackendState::errand:
      return "tested";
    case op::BackendState::idle:
      break;
  }
  return "idle";
}

Row server_row(const op::BackendView& backend) {
  const Endpoint peer = endpoint(backend.address);
  const std::int64_t none = 0;
  return {std::string("S"),
          backend.user,
          backend.pool,
          std::string("none"),
          server_state(backend.state),
          peer.host,
          std::int64_t{peer.port},
          std::string(),
          none,
          utc(backend.connected_at),
          since(backend.connected_at, backend.age, backend.state_age),
          none,
          none,
          none,
          pointer(backend.id),
          pointer(backend.session),
          wide(backend.server_id),
          std::string(backend.tls ? "TLS" : ""),
          std::string(),
          none,
          wide(backend.id)};
}

bool at_work(const op::SessionView& session) {
  return session.state == ClientState::active || session.state == ClientState::pinned ||
         session.state == ClientState::waiting;
}

Table sockets(op::Operator& house, bool active_only) {
  Table table = protocol::make_table(kSocketColumns);
  const auto add = [&table](Row row, const char* prefix) {
    row[4] = prefix + std::get<std::string>(row[4]);
    row.resize(row.size() + kBufferColumns, std::int64_t{0});
    table.rows.push_back(std::move(row));
  };
  for (const op::SessionView& session : house.sessions()) {
    if (!active_only || at_work(session)) {
      add(client_row(session), "cl_");
    }
  }
  for (const op::BackendView& backend : house.backends()) {
    if (!active_only || backend.state != op::BackendState::idle) {
      add(server_row(backend), "sv_");
    }
  }
  return table;
}

}  // namespace

Table show_clients(op::Operator& house) {
  Table table = protocol::make_table(kColumns);
  for (const op::SessionView& session : house.sessions()) {
    table.rows.push_back(client_row(session));
  }
  return table;
}

Table show_servers(op::Operator& house) {
  Table table = protocol::make_table(kColumns);
  for (const op::BackendView& backend : house.backends()) {
    table.rows.push_back(server_row(backend));
  }
  return table;
}

Table show_sockets(op::Operator& house) {
  return sockets(house, false);
}

Table show_active_sockets(op::Operator& house) {
  return sockets(house, true);
}

}  // namespace sluice::proxy::console
