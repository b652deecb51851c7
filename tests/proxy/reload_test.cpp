#include "proxy/reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "config/diff.hpp"
#include "config/load.hpp"
#include "tests/proxy/tls_fixtures.hpp"

namespace sluice::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kBase = R"(
workers: 1
listeners: [{name: pg, protocol: postgresql, bind: "127.0.0.1:0"}]
pools:
  main: {url: "postgresql://app@127.0.0.1:1/pets", pool_size: 5}
  spare: {url: "postgresql://app@127.0.0.1:1/pets", pool_size: 5}
users: [{name: app, password: hush}]
routes: [{name: all, pool: main}]
)";

// A server that nobody connects to, and the file that it was started with.
struct ReloadTest : testing::Test {
  ReloadTest() {
    folder.write("sluice.yaml", kBase);
    server = std::make_unique<Server>(config::load_file(path, {}).config, registry, Poller::epoll);
    EXPECT_TRUE(server->start().ok());
    reloader = std::make_unique<Reloader>(path, *server, registry);
  }
  ~ReloadTest() override {
    reloader.reset();
    server->drain();
    server->join();
  }
  protocol::Result<op::Reloaded> reload(const std::string& text) {
    folder.write("sluice.yaml", text);
    return reloader->reload({"", "test"});
  }
  static std::string with(const std::string& what, const std::string& by) {
    std::string text = kBase;
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), by);
  }
  BackendPoolPtr pool(const std::string& name) {
    const auto config = server->config();
    const config::Pool* found = config->find_pool(name);
    return found == nullptr ? nullptr : server->pools().get(*found, "app", "pets");
  }
  std::string metrics() { return registry.render(); }

  test::TemporaryDirectory folder;
  const std::string path = folder.path("sluice.yaml");
  metrics::Registry registry{"test"};
  std::unique_ptr<Server> server;
  std::unique_ptr<Reloader> reloader;
};

TEST_F(ReloadTest, APoolIsChangedInPlace) {
  const BackendPoolPtr before = pool("main");
  auto reloaded = reload(with("pool_size: 5", "pool_size: 7"));
  ASSERT_TRUE(reloaded.ok()) << reloaded.failure().text;
  EXPECT_THAT(reloaded->changed, ElementsAre("pools.main.pool_size"));
  EXPECT_THAT(reloaded->needs_restart, IsEmpty());
  EXPECT_EQ(pool("main"), before);
  EXPECT_EQ(before->slots.limits().pool_size, 7U);
  EXPECT_EQ(before->slots.era(), 0U) << "what is open may stay";
}

TEST_F(ReloadTest, OtherCredentialsRenewTheConnections) {
  const BackendPoolPtr before = pool("main");
  ASSERT_TRUE(reload(with("app@127", "other:hush@127")).ok());
  EXPECT_EQ(pool("main"), before);
  EXPECT_EQ(before->slots.era(), 1U);
  EXPECT_EQ(before->user(), "other");
  EXPECT_FALSE(before->removed());
}

TEST_F(ReloadTest, APoolThatIsGoneIsNobodys) {
  const BackendPoolPtr spare = pool("spare");
  const auto old = server->config();
  ASSERT_TRUE(
      reload(with("  spare: {url: \"postgresql://app@127.0.0.1:1/pets\", pool_size: 5}\n", ""))
          .ok());
  EXPECT_TRUE(spare->removed());
  EXPECT_EQ(server->pools().get(*old->find_pool("spare"), "app", "pets"), nullptr);
  EXPECT_THAT(metrics(), testing::Not(HasSubstr("sluice_pool_connections_max{pool=\"spare\"}")));
}

TEST_F(ReloadTest, APoolOnAnotherDatabaseIsAnotherPool) {
  const BackendPoolPtr before = pool("main");
  ASSERT_TRUE(reload(with("1/pets\"", "1/other\"")).ok());
  EXPECT_TRUE(before->removed());
  EXPECT_NE(pool("main"), before);
}

TEST_F(ReloadTest, ABadFileChangesNothingAndEveryProblemIsTold) {
  const auto before = server->config();
  auto reloaded = reload(with("pool_size: 5", "pool_size: none, pool_sise: 3"));
  ASSERT_FALSE(reloaded.ok());
  EXPECT_THAT(reloaded.failure().text, HasSubstr("pool_size"));
  EXPECT_THAT(reloaded.failure().text, HasSubstr("pool_sise"));
  EXPECT_EQ(server->config(), before);
  EXPECT_THAT(metrics(), HasSubstr("sluice_config_last_reload_successful 0"));
  EXPECT_THAT(metrics(), HasSubstr("sluice_config_reloads_total{result=\"failed\"} 1"));
}

TEST_F(ReloadTest, AFileThatHasVanishedChangesNothing) {
  const auto before = server->config();
  std::filesystem::remove(path);
  EXPECT_FALSE(reloader->reload({"", "test"}).ok());
  EXPECT_EQ(server->config(), before);
}

TEST_F(ReloadTest, WhatCannotBeMadeChangesNothing) {
  const auto before = server->config();
  auto reloaded = reload(std::string(kBase) + "middleware: [{audit: {file: /none/audit}}]\n");
  ASSERT_FALSE(reloaded.ok());
  EXPECT_THAT(reloaded.failure().text, HasSubstr("/none"));
  EXPECT_EQ(server->config(), before);
}

TEST_F(ReloadTest, WhatNeedsARestartIsNamedUntilThen) {
  for (int i = 0; i < 2; ++i) {
    auto reloaded = reload(with("workers: 1", "workers: 3"));
    ASSERT_TRUE(reloaded.ok());
    EXPECT_THAT(reloaded->needs_restart, ElementsAre("workers"));
    EXPECT_EQ(server->config()->workers, 1U) << "in force";
  }
  EXPECT_THAT(reload(kBase)->needs_restart, IsEmpty());
}

TEST_F(ReloadTest, TheFilesOfTheAdminPortAreAnotherWithoutARestart) {
  const auto admin = [](const std::string& mode, const std::string& cert) {
    return std::string(kBase) + "admin: {http: \"127.0.0.1:1\", tls: {mode: " + mode +
           ", cert_file: " + cert + ", key_file: /k}}\n";
  };
  const auto with_tls = [&](const std::string& cert) {
    const auto identity = test::make_identity("localhost", "DNS:localhost", nullptr);
    folder.write("admin.key", identity.key.get());
    std::string text = admin("require", folder.write(cert, identity.certificate.get()));
    return text.replace(text.find("/k}"), 2, folder.path("admin.key"));
  };
  const auto loaded = [](const std::string& text) {
    return *config::load_text(text, "test", {}).config;
  };
  const config::Config in_force = loaded(with_tls("one.crt"));
  config::Config wanted = loaded(with_tls("two.crt"));
  EXPECT_THAT(config::keep_until_restart(in_force, wanted), IsEmpty());
  EXPECT_EQ(wanted.admin.tls.cert_file, folder.path("two.crt"));

  wanted = loaded(kBase);
  EXPECT_THAT(
      config::keep_until_restart(in_force, wanted),
      ElementsAre("admin.http", "admin.tls.cert_file", "admin.tls.key_file", "admin.tls.mode"));
  EXPECT_EQ(wanted.admin.tls.cert_file, folder.path("one.crt")) << "in force";
}

TEST_F(ReloadTest, WhatIsNotTheServersIsPreparedBeforeAnythingChanges) {
  bool may = false;
  std::vector<std::string> told;
  reloader->on_change([&](const config::Config& next) -> Reloader::Prepared {
    EXPECT_EQ(next.workers, 3U) << "as the file has it";
    if (!may) {
      return protocol::fail(protocol::FailureKind::tls_failed, "the certificate is none");
    }
    return std::function<void()>([&] {
      EXPECT_EQ(server->config()->find_pool("main")->pool_size, 7U);
      told.emplace_back("applied");
    });
  });
  std::string text = with("pool_size: 5", "pool_size: 7");
  text.replace(text.find("workers: 1"), 10, "workers: 3");
  const auto before = server->config();
  auto refused = reload(text);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.failure().text, HasSubstr("the certificate is none"));
  EXPECT_EQ(server->config(), before);
  may = true;
  EXPECT_TRUE(reload(text).ok());
  EXPECT_THAT(told, ElementsAre("applied"));
}

// The loop comes to both in one turn: what it is to accept, and that nobody accepts there any more.
TEST_F(ReloadTest, AListenerMayGoWhileAClientComes) {
  const auto sockets = server->sockets();
  ASSERT_EQ(sockets.size(), 1U);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(sockets[0].fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::promise<void> busy;
  std::promise<void> over;
  server->worker(0).loop.call([&] {
    busy.set_value();
    over.get_future().wait();
  });
  busy.get_future().wait();
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_TRUE(reload(with("127.0.0.1:0", "127.0.0.2:0")).ok());
  over.set_value();
  const auto left = server->sockets();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(left[0].bound, sockets[0].bound);
  ::close(client);
}

// A worker may refuse a client at any time.
TEST_F(ReloadTest, TheLimitOfClientsIsToldWhileItChanges) {
  std::atomic<bool> over{false};
  std::thread refusing([&] {
    while (!over) {
      EXPECT_THAT(server->too_many_clients().text, HasSubstr("max_client_connections is "));
    }
  });
  for (const char* limit : {"7", "8", "9"}) {
    EXPECT_TRUE(
        reload(std::string(kBase) + "limits: {max_client_connections: " + limit + "}\n").ok());
  }
  over = true;
  refusing.join();
  EXPECT_THAT(server->too_many_clients().text, HasSubstr("is 9"));
}

TEST_F(ReloadTest, PoliciesThatNobodyHasAreForgotten) {
  const std::weak_ptr<const Policy> first = server->policy();
  PolicyPtr kept = server->policy();
  ASSERT_TRUE(reload(kBase).ok());
  EXPECT_TRUE(server->forget_former());
  kept.reset();
  EXPECT_FALSE(server->forget_former());
  EXPECT_TRUE(first.expired());
}

TEST_F(ReloadTest, TheEndOfACertificateIsAMetric) {
  const auto identity = test::make_identity("localhost", "DNS:localhost", nullptr);
  const std::string tls =
      "tls: {mode: prefer, cert_file: " + folder.write("tls.crt", identity.certificate.get()) +
      ", key_file: " + folder.write("tls.key", identity.key.get()) + "}";
  ASSERT_TRUE(reload(with("bind:", tls + ", bind:")).ok());
  EXPECT_THAT(metrics(), HasSubstr("sluice_tls_certificate_not_after_timestamp_seconds{file=\"" +
                                   folder.path("tls.crt") + "\"} 1"));
}

TEST_F(ReloadTest, AChangedCertificateIsTold) {
  const auto write = [&] {
    const auto identity = test::make_identity("localhost", "DNS:localhost", nullptr);
    folder.write("tls.key", identity.key.get());
    return folder.write("tls.crt", identity.certificate.get());
  };
  const std::string text = with("bind:", "tls: {mode: prefer, cert_file: " + write() +
                                             ", key_file: " + folder.path("tls.key") + "}, bind:");
  ASSERT_TRUE(reload(text).ok());
  write();
  EXPECT_THAT(reload(text)->changed,
              ElementsAre(folder.path("tls.crt") + " (file)", folder.path("tls.key") + " (file)"));
  folder.write("tls.key", "not a key");
  EXPECT_FALSE(reload(text).ok());
}

}  // namespace
}  // namespace sluice::proxy
