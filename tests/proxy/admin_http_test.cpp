// The admin server as a scraper and a kubelet see it, over a loopback socket.

#include "proxy/admin/http.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/admin/pages.hpp"
#include "tests/proxy/http_peer.hpp"

namespace sluice::proxy::admin {
namespace {

using std::chrono::milliseconds;

class AdminHttp : public testing::Test {
 protected:
  AdminHttp() {
    options_.bind = config::Address{"127.0.0.1", 0, ""};
    HealthState::Sources sources;
    sources.live = [this] { return live_; };
    sources.backends = [this] { return backends_; };
    health_ = std::make_unique<HealthState>(std::move(sources));
  }
  HttpServer& start() {
    Site site;
    site.pages = standard_pages(registry_, *health_);
    site.pages.push_back({"/throws", []() -> Answer { throw std::runtime_error("no"); }});
    server_ = std::make_unique<HttpServer>(options_, std::move(site));
    EXPECT_TRUE(server_->start().ok());
    return *server_;
  }
  std::string ask(const std::string& request) { return Peer(server_->port()).ask(request); }

  HttpOptions options_;
  metrics::Registry registry_{"1.2.3"};
  Health live_;
  std::vector<BackendHealth> backends_{{"pets", std::nullopt}};
  std::unique_ptr<HealthState> health_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AdminHttp, ServesMetricsAsText) {
  start();
  const std::string answer = ask(get("/metrics?x=y"));
  EXPECT_EQ(status_of(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  EXPECT_NE(body_of(answer).find("sluice_build_info{version=\"1.2.3\""), std::string::npos);
}

TEST_F(AdminHttp, HealthPagesFollowTheState) {
  start();
  EXPECT_EQ(body_of(ask(get("/livez"))), "ok\n");
  EXPECT_EQ(status_of(ask(get("/startupz"))), "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(body_of(ask(get("/readyz"))), "starting\n");
  health_->set_started();
  EXPECT_EQ(status_of(ask(get("/startupz"))), "HTTP/1.1 200 OK");
  EXPECT_EQ(status_of(ask(get("/readyz"))), "HTTP/1.1 200 OK");
  backends_ = {{"pets", false}};
  EXPECT_EQ(body_of(ask(get("/readyz"))), "backend down: pets\n");
  backends_ = {{"pets", true}};
  live_ = {false, "worker 1 hangs"};
  EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 503 Service Unavailable");
  health_->set_draining();
  EXPECT_EQ(body_of(ask(get("/readyz"))), "draining\n");
}

TEST(Health, ReadinessRules) {
  using config::Readiness;
  const std::vector<BackendHealth> half{{"a", true}, {"b", false}};
  const std::vector<BackendHealth> none{{"a", false}, {"b", false}};
  EXPECT_TRUE(backends_ready(Readiness::any, half).ok);
  EXPECT_FALSE(backends_ready(Readiness::all, half).ok);
  EXPECT_EQ(backends_ready(Readiness::any, none).reason, "backend down: a, b");
  EXPECT_TRUE(backends_ready(Readiness::none, none).ok);
  EXPECT_TRUE(backends_ready(Readiness::any, {}).ok);
  EXPECT_TRUE(backends_ready(Readiness::all, {}).ok);
}

TEST_F(AdminHttp, HeadHasTheLengthAndNoBody) {
  start();
  const std::string answer = ask("HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(AdminHttp, KeepsAConnectionForManyRequests) {
  start();
  Peer peer(server_->port());
  for (int at = 0; at < 3; ++at) {
    peer.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(body_of(peer.answer()), "ok\n");
  }
  peer.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(peer.answer(true)), "HTTP/1.1 200 OK");
  peer.send(get("/livez") + get("/livez"));  // two at once, the first says close
  EXPECT_EQ(body_of(peer.rest()), "ok\n");
}

TEST_F(AdminHttp, AnswersPipelinedRequestsInOrder) {
  start();
  Peer peer(server_->port());
  peer.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(peer.answer()), "HTTP/1.1 200 OK");
  EXPECT_EQ(status_of(peer.answer()), "HTTP/1.1 404 Not Found");
}

TEST_F(AdminHttp, OldHttpIsClosedAfterItsAnswer) {
  start();
  EXPECT_EQ(body_of(ask("GET /livez HTTP/1.0\r\n\r\n")), "ok\n");
}

TEST_F(AdminHttp, RefusesWhatItDoesNotServe) {
  start();
  EXPECT_EQ(status_of(ask(get("/nowhere"))), "HTTP/1.1 404 Not Found");
  const std::string post =
      ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(status_of(post), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_NE(post.find("Allow: GET, HEAD\r\n"), std::string::npos);
  EXPECT_NE(post.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(status_of(ask("NONSENSE\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_of(ask(std::string("\x16\x03\x01\x02\x00\x01", 6) + "\r\n\r\n")),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_of(ask(get("/throws"))), "HTTP/1.1 500 Internal Server Error");
}

TEST_F(AdminHttp, AHugeBodyIsNotWaitedFor) {
  start();
  const std::string answer =
      ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
          "\r\n" +
          std::string(100'000, 'x'));
  EXPECT_EQ(status_of(answer), "HTTP/1.1 405 Method Not Allowed");
}

TEST_F(AdminHttp, AnOversizeHeaderIs431) {
  options_.max_header = 1024;
  start();
  EXPECT_EQ(status_of(ask("GET /livez HTTP/1.1\r\nX: " + std::string(5000, 'x'))),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 200 OK");
}

TEST_F(AdminHttp, ASlowOrSilentClientIsClosed) {
  options_.request_timeout = milliseconds(50);
  start();
  Peer silent(server_->port());
  Peer slow(server_->port());
  slow.send("GET /livez HT");
  EXPECT_EQ(status_of(slow.rest()), "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 200 OK");
}

TEST_F(AdminHttp, ANewConnectionTakesThePlaceOfAnIdleOneButNotOfABusyOne) {
  options_.max_connections = 2;
  start();
  Peer busy(server_->port());
  busy.send("GET /livez HTTP/1.1\r\n");
  Peer idle(server_->port());
  idle.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(idle.answer()), "ok\n");
  Peer third(server_->port());
  EXPECT_EQ(idle.rest(), "");
  third.send("GET /livez HTTP/1.1\r\n");
  third.send("Host: x\r\n\r\n");
  EXPECT_EQ(body_of(third.answer()), "ok\n");
  third.send("GET /livez HTTP/1.1\r\n");
  busy.send("Host: x\r\n\r\n");
  EXPECT_EQ(body_of(busy.answer()), "ok\n");
}

TEST_F(AdminHttp, StopClosesIdleConnectionsAtOnceAndFreesThePort) {
  HttpServer& server = start();
  Peer idle(server.port());
  idle.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(idle.answer()), "ok\n");
  const auto before = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(1000));
  EXPECT_EQ(idle.rest(), "");
  EXPECT_THROW(Peer(server.port()), boost::system::system_error);
  server.stop();
}

TEST_F(AdminHttp, StopDoesNotWaitForEverForARequestThatNeverEnds) {
  options_.stop_timeout = milliseconds(100);
  HttpServer& server = start();
  Peer stuck(server.port());
  stuck.send("GET /livez HTTP/1.1\r\n");
  EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 200 OK");  // so that `stuck` has been read
  const auto before = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(2000));
  EXPECT_EQ(stuck.rest(), "");
}

TEST_F(AdminHttp, AnAddressThatIsTakenIsAFailureWithItsName) {
  HttpServer& first = start();
  HttpOptions same = options_;
  same.bind->port = first.port();
  HttpServer second(same, {});
  const auto result = second.start();
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.failure().text.find("cannot listen on 127.0.0.1:" +
                                       std::to_string(first.port()) + ": Address already in use"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::proxy::admin
