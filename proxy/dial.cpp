#include "proxy/dial.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using protocol::Failure;
using protocol::FailureKind;
using Endpoints = protocol::Result<std::vector<Endpoint>>;

// A vanished server is found out: without traffic after kKeepIdle + kKeepCount * kKeepInterval,
// with unacknowledged bytes after kUserTimeout. The latter also ends a connection whose peer,
// alive, has read nothing for so long although something waits for it (a COPY that waits for a
// lock), so it is not shorter.
constexpr int kKeepIdle = 60;      // seconds
constexpr int kKeepInterval = 10;  // seconds
constexpr int kKeepCount = 3;
constexpr unsigned kUserTimeout = 300000;  // milliseconds

// A unix socket whose server is slow to accept says EAGAIN, and nothing tells when to try again.
constexpr auto kBacklogPause = std::chrono::milliseconds(5);
// Names that answer late are not waited for when others have answered.
constexpr auto kNamePatience = std::chrono::milliseconds(250);
constexpr std::size_t kMaxErrors = 400;  // bytes of the text about what was tried

int open_socket(const SocketAddress& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && !address.local()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepIdle, sizeof kKeepIdle);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepInterval, sizeof kKeepInterval);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepCount, sizeof kKeepCount);
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeout, sizeof kUserTimeout);
  }
  return fd;
}

// Several attempts at once, of which the first to succeed wins. On one worker's thread.
struct Race {
  explicit Race(Worker& where) : worker(where), changed(where.loop) {}

  Worker& worker;
  Signal changed;                // an attempt has ended
  std::vector<Stream*> waiting;  // for their connections
  std::unique_ptr<Stream> winner;
  std::size_t winner_index = 0;
  std::size_t running = 0;
  bool over = false;  // who is still running must not report
  std::string errors;
};

using RacePtr = std::shared_ptr<Race>;

// Waits for the answer to a connect() that is under way; the error number.
Task<int> wait_for_answer(Race& race, Stream& stream) {
  race.waiting.push_back(&stream);
  co_await stream.connecting();
  std::erase(race.waiting, &stream);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  co_return error;
}

Task<int> connect_to(Race& race, const SocketAddress& address, std::unique_ptr<Stream>& stream) {
  const int fd = open_socket(address);
  if (fd < 0) {
    co_return errno;
  }
  int error = ::connect(fd, address.data(), address.length) == 0 ? 0 : errno;
  while (error == EAGAIN && address.local() && !race.over) {
    Signal pause(race.worker.loop);
    co_await pause.wait_until(race.worker.loop.now() + kBacklogPause);
    error = ::connect(fd, address.data(), address.length) == 0 ? 0 : errno;
  }
  stream = std::make_unique<Stream>(race.worker.loop, fd);
  if (error == EINPROGRESS) {
    error = co_await wait_for_answer(race, *stream);
  }
  co_return error;
}

Task<void> attempt(RacePtr race, BackendPoolPtr pool, Endpoint endpoint, std::size_t index) {
  std::unique_ptr<Stream> stream;
  const int error = co_await connect_to(*race, endpoint.address, stream);
  --race->running;
  if (race->over) {
    co_return;
  }
  if (error == 0) {
    race->winner = std::move(stream);
    race->winner_index = index;
    race->over = true;
  } else {
    pool->book().failed(endpoint.address, race->worker.loop.now());
    if (race->errors.size() < kMaxErrors) {
      race->errors += (race->errors.empty() ? "" : "; ") + to_string(endpoint.address) + ": " +
                      std::strerror(error);
    }
  }
  race->changed.set();
}

void start_attempt(const RacePtr& race, const BackendPoolPtr& pool,
                   const std::vector<Endpoint>& endpoints, std::size_t index) {
  ++race->running;
  spawn(race->worker.server.gate(), attempt(race, pool, endpoints[index], index));
}

// Starts one after the other until one has won, all have failed or the deadline has come; how many
// were started.
Task<std::size_t> run_race(RacePtr race, BackendPoolPtr pool,
                           const std::vector<Endpoint>& endpoints, TimePoint deadline) {
  Loop& loop = race->worker.loop;
  std::size_t next = 0;
  TimePoint next_start = loop.now();
  while (!race->over && loop.now() < deadline) {
    const bool more = next < endpoints.size();
    if (more && (race->running == 0 || loop.now() >= next_start)) {
      next_start = loop.now() + kHeadStart;
      start_attempt(race, pool, endpoints, next++);
    } else if (race->running == 0) {
      break;
    } else {
      co_await race->changed.wait_until(more ? std::min(next_start, deadline) : deadline);
    }
  }
  race->over = true;
  for (Stream* stream : race->waiting) {
    stream->abort();
  }
  co_return next;
}

}  // namespace

Failure unreachable(const BackendPool& pool, const std::string& why) {
  return protocol::fail(FailureKind::backend_unreachable,
                        "cannot connect to the backend of pool " + pool.description() + ": " + why);
}

Task<protocol::Result<Dialed>> dial(Worker& worker, BackendPoolPtr pool,
                                    std::vector<Endpoint>& endpoints, TimePoint deadline) {
  auto race = std::make_shared<Race>(worker);
  const std::size_t started = co_await run_race(race, pool, endpoints, deadline);
  const auto tried = endpoints.begin() + static_cast<std::ptrdiff_t>(started);
  if (race->winner == nullptr) {
    // Those that never answered have no error of their own.
    for (auto endpoint = endpoints.begin(); endpoint != tried; ++endpoint) {
      pool->book().failed(endpoint->address, worker.loop.now());
    }
    endpoints.erase(endpoints.begin(), tried);
    co_return unreachable(*pool,
                          race->errors.empty() ? "no answer within connect_timeout" : race->errors);
  }
  Dialed dialed{std::move(race->winner), endpoints[race->winner_index]};
  for (std::size_t i = 0; i < race->winner_index; ++i) {
    pool->book().failed(endpoints[i].address, worker.loop.now());  // outrun: it did not answer
  }
  endpoints.erase(endpoints.begin(),
                  endpoints.begin() + static_cast<std::ptrdiff_t>(race->winner_index) + 1);
  co_return dialed;
}

namespace {

struct Lookups {
  explicit Lookups(Loop& loop, std::size_t count) : changed(loop), answers(count), left(count) {}

  Signal changed;
  std::vector<std::optional<protocol::Result<std::vector<SocketAddress>>>> answers;
  std::size_t left;
  std::size_t good = 0;

  void answer(std::size_t host, protocol::Result<std::vector<SocketAddress>> found) {
    --left;
    good += found ? 1 : 0;
    answers[host].emplace(std::move(found));
    changed.set();
  }
};

using LookupsPtr = std::shared_ptr<Lookups>;

// The answer comes through the loop of whoever asked, who may have gone on without it.
void look_up(Worker& worker, const LookupsPtr& lookups, std::size_t host,
             const config::Address& address) {
  Resolver& resolver = worker.server.resolver();
  auto found = std::make_shared<std::optional<protocol::Result<std::vector<SocketAddress>>>>();
  const bool accepted = worker.server.lookups().submit(
      [&resolver, address, found] { *found = resolver.resolve(address); },
      [&worker, lookups, host, found] {
        worker.loop.call([lookups, host, found] { lookups->answer(host, std::move(**found)); });
      });
  if (!accepted) {
    lookups->answer(host, resolver.known(address));
  }
}

}  // namespace

Task<Endpoints> find_endpoints(Worker& worker, BackendPoolPtr pool, TimePoint deadline) {
  const auto config = pool->config();
  const auto& hosts = config->addresses;
  auto lookups = std::make_shared<Lookups>(worker.loop, hosts.size());
  for (std::size_t host = 0; host < hosts.size(); ++host) {
    if (is_literal(hosts[host])) {
      lookups->answer(host, worker.server.resolver().resolve(hosts[host]));
    } else {
      look_up(worker, lookups, host, hosts[host]);
    }
  }
  const TimePoint patience = worker.loop.now() + kNamePatience;
  while (lookups->left > 0 && worker.loop.now() < deadline &&
         (lookups->good == 0 || worker.loop.now() < patience)) {
    co_await lookups->changed.wait_until(lookups->good == 0 ? deadline
                                                            : std::min(patience, deadline));
  }
  std::vector<Endpoint> endpoints;
  std::string why = "the name service does not answer";
  for (std::size_t host = 0; host < hosts.size(); ++host) {
    auto answer = lookups->answers[host] ? std::move(*lookups->answers[host])
                                         : worker.server.resolver().known(hosts[host]);
    if (!answer) {
      why = answer.failure().text;
      continue;
    }
    for (const SocketAddress& address : *answer) {
      endpoints.push_back({address, hosts[host].host});
    }
  }
  if (endpoints.empty()) {
    co_return unreachable(*pool, why);
  }
  co_return pool->book().order(std::move(endpoints), worker.loop.now());
}

}  // namespace sluice::proxy
