// A PostgreSQL server that knows one row: what a benchmark puts behind a proxy whose own limit is
// looked for. Every login is welcome, every SELECT gets the same answer, everything else succeeds.
// One thread; all requests that one read brings are answered with one send.
//
//   fake_postgres PORT        listens on 127.0.0.1 until it is killed

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

std::string be32(std::uint32_t value) {
  value = htonl(value);
  return {reinterpret_cast<const char*>(&value), 4};
}

std::uint32_t read32(std::string_view bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), 4);
  return ntohl(value);
}

std::string message(char type, std::string_view body) {
  return std::string(1, type) + be32(static_cast<std::uint32_t>(body.size() + 4)) +
         std::string(body);
}

std::string parameter(std::string_view name, std::string_view value) {
  return message('S', std::string(name) + '\0' + std::string(value) + '\0');
}

std::string complete(std::string_view tag) {
  return message('C', std::string(tag) + '\0');
}

const std::string kReady = message('Z', "I");

std::string welcome() {
  return message('R', be32(0)) + parameter("server_version", "18.0") +
         parameter("server_encoding", "UTF8") + parameter("client_encoding", "UTF8") +
         parameter("DateStyle", "ISO, MDY") + parameter("IntervalStyle", "postgres") +
         parameter("TimeZone", "UTC") + parameter("integer_datetimes", "on") +
         parameter("standard_conforming_strings", "on") + message('K', be32(1) + be32(2)) + kReady;
}

std::string one_row() {
  using namespace std::string_literals;
  std::string column = "abalance\0"s + be32(0) + "\0\0"s + be32(23) + "\0\4"s + be32(~0U) + "\0\0"s;
  return message('T', "\0\1"s + column) + message('D', "\0\1"s + be32(1) + "0") +
         complete("SELECT 1") + kReady;
}

const std::string kWelcome = welcome();
const std::string kRow = one_row();

struct Connection {
  bool greeted = false;
  std::string in;   // an incomplete message
  std::string out;  // what the socket did not take
};

// Answers one message of a client that is logged in; false when it leaves.
bool answer(char type, std::string_view body, std::string& out) {
  switch (type) {
    case 'Q':
      if (body.starts_with("SELECT") || body.starts_with("select")) {
        out += kRow;
      } else {
        out += (body.size() <= 1 ? message('I', "") : complete("SET")) + kReady;
      }
      return true;
    case 'P':
      out += message('1', "");
      return true;
    case 'B':
      out += message('2', "");
      return true;
    case 'C':
      out += message('3', "");
      return true;
    case 'D':
      out += message('n', "");
      return true;
    case 'E':
      out += complete("SELECT 0");
      return true;
    case 'S':
      out += kReady;
      return true;
    default:
      return type != 'X';
  }
}

// Consumes the whole messages of `in`; false when the client leaves.
bool take_messages(Connection& one, std::string_view& in, std::string& out) {
  while (true) {
    std::size_t head = one.greeted ? 5 : 4;
    if (in.size() < head) {
      return true;
    }
    std::size_t length = read32(in.substr(head - 4)) + head - 4;
    if (in.size() < length) {
      return true;
    }
    std::string_view body = in.substr(head, length - head);
    if (one.greeted) {
      if (!answer(in[0], body, out)) {
        return false;
      }
    } else if (std::uint32_t code = read32(body); code == 80877103 || code == 80877104) {
      out += 'N';  // neither TLS nor GSSAPI
    } else if (code != 196608) {
      return false;  // a cancel request
    } else {
      one.greeted = true;
      out += kWelcome;
    }
    in.remove_prefix(length);
  }
}

bool send_all(int socket, Connection& one) {
  while (!one.out.empty()) {
    ssize_t sent = send(socket, one.out.data(), one.out.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return errno == EAGAIN;
    }
    one.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

// Reads until the socket is empty, which an edge-triggered event asks for.
bool serve(int socket, Connection& one) {
  static std::array<char, 1U << 18U> buffer;
  ssize_t got = 0;
  do {
    got = recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return got < 0 && errno == EAGAIN && send_all(socket, one);
    }
    std::string_view in(buffer.data(), static_cast<std::size_t>(got));
    std::string joined;
    if (!one.in.empty()) {
      joined = one.in.append(in);
      in = joined;
    }
    if (!take_messages(one, in, one.out)) {
      return false;
    }
    one.in.assign(in);
  } while (static_cast<std::size_t>(got) == buffer.size());
  return send_all(socket, one);
}

void watch(int poll, int socket) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.fd = socket;
  epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
}

int listen_on(std::uint16_t port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      listen(listener, 4096) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fake_postgres PORT\n");
    return 2;
  }
  int listener = listen_on(static_cast<std::uint16_t>(std::atoi(argv[1])));
  int poll = epoll_create1(0);
  epoll_event accepting{};
  accepting.events = EPOLLIN;
  accepting.data.fd = listener;
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &accepting);
  std::unordered_map<int, std::unique_ptr<Connection>> connections;
  std::array<epoll_event, 256> events;
  while (true) {
    int count = epoll_wait(poll, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted >= 0) {
          int on = 1;
          setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          connections[accepted] = std::make_unique<Connection>();
          watch(poll, accepted);
        }
      } else if (!serve(socket, *connections.at(socket))) {
        connections.erase(socket);
        close(socket);
      }
    }
  }
}
