// The cheapest client load: connections that each send `depth` simple queries with one call and
// wait for all their answers before they send the next. One thread.
//
//   fake_load PORT USER PASSWORD DATABASE CONNECTIONS DEPTH SECONDS
//
// Prints one line: transactions=N tps=N p50_us=N p99_us=N, latencies being those of a whole batch.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "fake_load: %s\n", what.c_str());
  std::exit(1);
}

std::string be32(std::uint32_t value) {
  value = htonl(value);
  return {reinterpret_cast<const char*>(&value), 4};
}

std::uint32_t read32(const char* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, 4);
  return ntohl(value);
}

std::string message(char type, std::string_view body) {
  return std::string(1, type) + be32(static_cast<std::uint32_t>(body.size() + 4)) +
         std::string(body);
}

std::string md5_hex(std::string_view text) {
  std::array<unsigned char, 16> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_md5(), nullptr);
  std::string hex;
  for (unsigned char byte : digest) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", byte);
    hex += two.data();
  }
  return hex;
}

void send_all(int socket, std::string_view bytes) {
  if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size())) {
    die("the connection was closed");
  }
}

std::string read_exactly(int socket, std::size_t count) {
  std::string bytes(count, '\0');
  if (recv(socket, bytes.data(), count, MSG_WAITALL) != static_cast<ssize_t>(count)) {
    die("the connection was closed during the login");
  }
  return bytes;
}

struct Account {
  std::uint16_t port;
  std::string user, password, database;
};

void authenticate(int socket, const Account& account, std::string_view body) {
  std::uint32_t method = read32(body.data());
  if (method == 3) {
    send_all(socket, message('p', account.password + '\0'));
  } else if (method == 5) {
    std::string inner = md5_hex(account.password + account.user);
    send_all(socket, message('p', "md5" + md5_hex(inner + std::string(body.substr(4, 4))) + '\0'));
  } else if (method != 0) {
    die("the login asks for method " + std::to_string(method));
  }
}

int log_in(const Account& account) {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(account.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    die(std::string("connect: ") + std::strerror(errno));
  }
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  using namespace std::string_literals;
  std::string words =
      be32(196608) + "user\0"s + account.user + "\0database\0"s + account.database + "\0\0"s;
  send_all(socket, be32(static_cast<std::uint32_t>(words.size() + 4)) + words);
  while (true) {
    std::string head = read_exactly(socket, 5);
    std::string body = read_exactly(socket, read32(head.data() + 1) - 4);
    switch (head[0]) {
      case 'R':
        authenticate(socket, account, body);
        break;
      case 'E':
        die(body.substr(0, 200));
      case 'Z':
        return socket;
      default:
        break;
    }
  }
}

struct Connection {
  int socket = -1;
  std::uint32_t waiting = 0;  // answers that have not come
  std::size_t skip = 0;       // bytes of the current message that have not come
  std::string head;           // of a message whose header came in part
  Clock::time_point sent;
};

// Counts the ReadyForQuery messages in what came; an error ends the program.
std::uint32_t count_answers(Connection& one, std::string_view in) {
  std::uint32_t answers = 0;
  while (!in.empty()) {
    if (one.skip != 0) {
      std::size_t gone = std::min(one.skip, in.size());
      one.skip -= gone;
      in.remove_prefix(gone);
      continue;
    }
    std::size_t missing = std::min(5 - one.head.size(), in.size());
    one.head += in.substr(0, missing);
    in.remove_prefix(missing);
    if (one.head.size() < 5) {
      break;
    }
    if (one.head[0] == 'E') {
      die("error: " + std::string(in.substr(0, 200)));
    }
    answers += one.head[0] == 'Z' ? 1 : 0;
    one.skip = read32(one.head.data() + 1) - 4;
    one.head.clear();
  }
  return answers;
}

void report(std::vector<std::uint32_t>& latencies, std::uint64_t transactions, double seconds) {
  if (latencies.empty()) {
    die("no transaction ended");
  }
  std::sort(latencies.begin(), latencies.end());
  auto at = [&latencies](double part) {
    return latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("transactions=%llu tps=%.0f p50_us=%u p99_us=%u\n",
              static_cast<unsigned long long>(transactions),
              static_cast<double>(transactions) / seconds, at(0.5), at(0.99));
}

class Load {
 public:
  Load(const Account& account, std::size_t connections, std::uint32_t depth)
      : connections_(connections), depth_(depth), poll_(epoll_create1(0)) {
    std::string query = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
    for (std::uint32_t i = 0; i < depth; ++i) {
      batch_ += message('Q', query + '\0');
    }
    for (std::size_t i = 0; i < connections; ++i) {
      connections_[i].socket = log_in(account);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(poll_, EPOLL_CTL_ADD, connections_[i].socket, &event);
    }
  }

  void run(double seconds) {
    Clock::time_point start = Clock::now();
    now_ = start;
    for (Connection& one : connections_) {
      send_batch(one);
    }
    std::array<epoll_event, 256> events;
    while (now_ < start + std::chrono::duration<double>(seconds)) {
      int count = epoll_wait(poll_, events.data(), events.size(), 1000);
      now_ = Clock::now();
      for (int i = 0; i < count; ++i) {
        read_answers(connections_[events[static_cast<std::size_t>(i)].data.u64]);
      }
    }
    report(latencies_, transactions_, std::chrono::duration<double>(now_ - start).count());
  }

 private:
  void send_batch(Connection& one) {
    one.waiting = depth_;
    one.sent = now_;
    send_all(one.socket, batch_);
  }

  void read_answers(Connection& one) {
    ssize_t got = recv(one.socket, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      die("the connection was closed");
    }
    std::uint32_t answers = count_answers(one, {buffer_.data(), static_cast<std::size_t>(got)});
    transactions_ += answers;
    one.waiting -= std::min(answers, one.waiting);
    if (one.waiting == 0) {
      auto took = std::chrono::duration_cast<std::chrono::microseconds>(now_ - one.sent);
      latencies_.push_back(static_cast<std::uint32_t>(took.count()));
      send_batch(one);
    }
  }

  std::vector<Connection> connections_;
  std::uint32_t depth_;
  int poll_;
  std::string batch_;
  Clock::time_point now_;
  std::uint64_t transactions_ = 0;
  std::vector<std::uint32_t> latencies_;
  std::array<char, 1U << 16U> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    die("usage: fake_load PORT USER PASSWORD DATABASE CONNECTIONS DEPTH SECONDS");
  }
  Account account{static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], argv[3], argv[4]};
  Load load(account, static_cast<std::size_t>(std::atoi(argv[5])),
            static_cast<std::uint32_t>(std::atoi(argv[6])));
  load.run(std::atof(argv[7]));
  return 0;
}
