// The API over real sockets: bodies, floods of connections, the unix socket, certificates.

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "proxy/admin/http.hpp"
#include "proxy/admin/socket_file.hpp"
#include "tests/proxy/http_peer.hpp"
#include "tests/proxy/tls_fixtures.hpp"
#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::admin {
namespace {

using std::chrono::milliseconds;

std::string post(const std::string& path, const std::string& body,
                 const std::string& more = "Connection: close\r\n") {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3BzOng=\r\nX-Sluice-Request: 1\r\n"
         "Content-Type: application/json\r\n" +
         more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class AdminServer : public testing::Test {
 protected:
  AdminServer() { options_.bind = config::Address{"127.0.0.1", 0, ""}; }

  HttpServer& start() {
    server_ = std::make_unique<HttpServer>(options_, site());
    const auto status = server_->start();
    EXPECT_TRUE(status.ok()) << status.failure().text;
    return *server_;
  }
  Site site() {
    Site made;
    made.pages.push_back({"/livez", [] { return Answer{200, "text/plain", "ok\n"}; }});
    made.house = &house_;
    return made;
  }
  std::string ask(const std::string& request) { return Peer(server_->port()).ask(request); }
  std::string socket_path() const { return folder_.path("admin.sock"); }
  // An authority of its own for each: which one is in use is seen by the name.
  config::ListenerTls make_tls(const std::string& name) const {
    const auto identity = proxy::test::make_identity(name, "DNS:localhost", nullptr);
    config::ListenerTls tls;
    tls.mode = config::TlsMode::require;
    tls.cert_file = folder_.write(name + ".crt", identity.certificate.get());
    tls.key_file = folder_.write(name + ".key", identity.key.get());
    return tls;
  }

  const proxy::test::TemporaryDirectory folder_;
  HttpOptions options_;
  sluice::test::ScriptedOperator house_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AdminServer, TakesBodiesAndKeepsTheConnection) {
  start();
  Peer peer(server_->port());
  for (int i = 0; i < 3; ++i) {
    peer.send(post("/api/v1/resume", "{}", ""));
    EXPECT_EQ(status_of(peer.answer()), "HTTP/1.1 200 OK");
  }
  // In pieces, and the next request right behind it.
  const std::string two = post("/api/v1/resume", "{}", "") + post("/api/v1/resume", "[]", "");
  for (const char byte : two) {
    peer.send(std::string(1, byte));
  }
  EXPECT_EQ(status_of(peer.answer()), "HTTP/1.1 200 OK");
  EXPECT_EQ(status_of(peer.answer()), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(house_.calls.size(), 4U);
}

TEST_F(AdminServer, TakesChunksAndThoseWhoWaitToBeAskedForTheBody) {
  start();
  const std::string head =
      "POST /api/v1/resume HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3BzOng=\r\n"
      "X-Sluice-Request: 1\r\nContent-Type: application/json\r\nConnection: close\r\n";
  EXPECT_EQ(
      status_of(ask(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")),
      "HTTP/1.1 200 OK");
  Peer patient(server_->port());
  patient.send(head + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(patient.answer()), "HTTP/1.1 100 Continue");
  EXPECT_EQ(status_of(patient.ask("{}")), "HTTP/1.1 200 OK");
}

TEST_F(AdminServer, ABodyThatIsTooLargeIs413) {
  options_.max_body = 1000;
  start();
  EXPECT_EQ(status_of(ask(post("/api/v1/resume", std::string(1001, ' ')))),
            "HTTP/1.1 413 Payload Too Large");
  const std::string chunks =
      "POST /api/v1/resume HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" +
      std::string(1001, ' ') + "\r\n0\r\n\r\n";
  EXPECT_EQ(status_of(ask(chunks)), "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(status_of(ask("POST /api/v1/resume HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Length: 99999999999999\r\n\r\n")),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(status_of(ask(post("/api/v1/resume", "{}" + std::string(998, ' ')))),
            "HTTP/1.1 200 OK");
  EXPECT_EQ(house_.calls.size(), 1U);
}

TEST_F(AdminServer, ABodyThatDoesNotComeIs408) {
  options_.request_timeout = milliseconds(50);
  start();
  Peer slow(server_->port());
  const std::string request = post("/api/v1/resume", "{\"pool\": \"pets\"}");
  slow.send(request.substr(0, request.size() - 1));
  EXPECT_EQ(status_of(slow.rest()), "HTTP/1.1 408 Request Timeout");
  EXPECT_TRUE(house_.calls.empty());
}

TEST_F(AdminServer, ManyIdleAndSlowConnectionsDoNotKeepAScrapeOut) {
  options_.max_connections = 50;
  start();
  std::deque<Peer> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.emplace_back(server_->port());
    if (i % 2 == 0) {
      crowd.back().send("GET /livez HTTP/1.1\r\nX: ");
    }
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 200 OK");
  }
}

TEST_F(AdminServer, TheUnixSocketIsForItsOwnerAndNeedsNoPassword) {
  options_.socket = socket_path();
  start();
  struct stat made {};
  ASSERT_EQ(::stat(socket_path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777U, 0600U);
  const std::string me = Peer(socket_path()).ask(get("/api/v1/me"));
  EXPECT_EQ(status_of(me), "HTTP/1.1 200 OK");
  EXPECT_NE(me.find("\"user\":\"uid " + std::to_string(::geteuid()) + ", pid " +
                    std::to_string(::getpid()) + "\""),
            std::string::npos)
      << me;
  EXPECT_EQ(status_of(Peer(socket_path())
                          .ask("POST /api/v1/resume HTTP/1.1\r\nHost: x\r\n"
                               "Connection: close\r\n\r\n")),
            "HTTP/1.1 403 Forbidden");
  EXPECT_EQ(status_of(ask(get("/api/v1/me"))), "HTTP/1.1 421 Misdirected Request");  // Host: x
  server_->stop();
  EXPECT_NE(::stat(socket_path().c_str(), &made), 0);
}

TEST_F(AdminServer, AUnixSocketAloneIsEnough) {
  options_.bind.reset();
  options_.socket = socket_path();
  start();
  EXPECT_EQ(server_->port(), 0);
  EXPECT_EQ(status_of(Peer(socket_path()).ask(get("/livez"))), "HTTP/1.1 200 OK");
}

TEST_F(AdminServer, OnlyADeadSocketIsReplaced) {
  options_.socket = socket_path();
  start();
  SocketFile second;
  const auto taken = second.listen(socket_path());
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.failure().text.find("another process listens there"), std::string::npos);
  EXPECT_EQ(status_of(Peer(socket_path()).ask(get("/livez"))), "HTTP/1.1 200 OK");
  server_->stop();

  {
    SocketFile dead;
    const auto descriptor = dead.listen(socket_path());
    ASSERT_TRUE(descriptor.ok());
    ::close(descriptor.value());
    const auto replaced = second.listen(socket_path());
    ASSERT_TRUE(replaced.ok()) << replaced.failure().text;
    ::close(replaced.value());
  }
  EXPECT_TRUE(std::filesystem::exists(socket_path()));  // it was no longer the first one's
  second.remove();
  EXPECT_FALSE(std::filesystem::exists(socket_path()));

  std::ofstream(socket_path()) << "precious";
  EXPECT_FALSE(second.listen(socket_path()).ok());
  EXPECT_EQ(std::filesystem::file_size(socket_path()), 8U);
  EXPECT_FALSE(second.listen("/nowhere/at/all").ok());
  EXPECT_FALSE(second.listen("/" + std::string(200, 'x')).ok());
}

// A client with TLS that trusts everybody.
class SecurePeer {
 public:
  explicit SecurePeer(std::uint16_t port) {
    stream_.next_layer().connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
    stream_.handshake(asio::ssl::stream_base::client, failed_);
  }
  bool failed() const { return failed_.failed(); }
  std::string server_name() {
    X509* certificate = SSL_get1_peer_certificate(stream_.native_handle());
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof(name));
    X509_free(certificate);
    return name;
  }
  void send(const std::string& text) { asio::write(stream_, asio::buffer(text), failed_); }
  std::string rest() {
    std::string all;
    asio::read(stream_, asio::dynamic_buffer(all), failed_);
    return all;
  }
  bool ended_well() const { return failed_ == asio::error::eof; }

 private:
  asio::io_context context_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  asio::ssl::stream<asio::ip::tcp::socket> stream_{context_, tls_};
  boost::system::error_code failed_;
};

TEST_F(AdminServer, SpeaksTlsAndTakesANewCertificateWhileItRuns) {
  options_.tls = make_tls("first");
  start();
  SecurePeer before(server_->port());
  ASSERT_FALSE(before.failed());
  EXPECT_EQ(before.server_name(), "first");
  auto second = server_->read_tls(make_tls("second"));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(SecurePeer(server_->port()).server_name(), "first") << "read, and not yet in use";
  config::ListenerTls wrong = options_.tls;
  wrong.cert_file = folder_.path("none.crt");
  EXPECT_FALSE(server_->read_tls(wrong).ok());
  server_->use_tls(*second);

  SecurePeer after(server_->port());
  EXPECT_EQ(after.server_name(), "second");
  for (SecurePeer* peer : {&before, &after}) {
    peer->send(get("/livez"));
    EXPECT_EQ(status_of(peer->rest()), "HTTP/1.1 200 OK");
    EXPECT_TRUE(peer->ended_well());
  }
  Peer plain(server_->port());
  EXPECT_EQ(plain.ask(get("/livez")).find("HTTP"), std::string::npos);
}

TEST_F(AdminServer, OnlyARestartTurnsTlsOnOrOff) {
  start();
  config::ListenerTls unread = make_tls("unread");
  unread.cert_file = folder_.path("none.crt");
  auto still = server_->read_tls(unread);
  ASSERT_TRUE(still.ok()) << still.failure().text;
  EXPECT_EQ(*still, nullptr);
  server_->use_tls(*still);
  EXPECT_EQ(status_of(ask(get("/livez"))), "HTTP/1.1 200 OK");
  server_->stop();

  options_.tls = make_tls("first");
  start();
  auto kept = server_->read_tls(config::ListenerTls{});
  ASSERT_TRUE(kept.ok());
  server_->use_tls(*kept);
  EXPECT_EQ(SecurePeer(server_->port()).server_name(), "first");
}

TEST_F(AdminServer, ASlowRequestOverTlsIsToldSo) {
  options_.tls = make_tls("slow");
  options_.request_timeout = milliseconds(200);
  start();
  SecurePeer slow(server_->port());
  slow.send("GET /livez HT");
  EXPECT_EQ(status_of(slow.rest()), "HTTP/1.1 408 Request Timeout");
  Peer silent(server_->port());  // never begins its handshake
  EXPECT_EQ(silent.rest(), "");
}

TEST_F(AdminServer, ACertificateThatCannotBeReadIsAFailure) {
  options_.tls.mode = config::TlsMode::require;
  options_.tls.cert_file = folder_.path("none.crt");
  HttpServer server(options_, {});
  const auto status = server.start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.failure().text.find("none.crt"), std::string::npos);
}

}  // namespace
}  // namespace sluice::proxy::admin
