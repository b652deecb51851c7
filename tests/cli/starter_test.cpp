#include "cli/starter.hpp"

#include <gtest/gtest.h>

#include "config/load.hpp"

namespace sluice::cli {
namespace {

std::shared_ptr<const config::Config> load(const std::string& text) {
  auto loaded = config::load_text(text, "f", {.offline = true});
  for (const auto& problem : loaded.problems) {
    ADD_FAILURE() << to_string(problem) << "\n" << text;
  }
  return loaded.config;
}

std::string failure(const QuickOptions& options, const QuickPasswords& passwords = {}) {
  auto made = quick_config(options, passwords);
  return made ? "" : made.failure().text;
}

TEST(Starter, is_a_configuration_without_the_password) {
  for (const char* url :
       {"postgresql+psycopg://app:hush@db:5433,db2/pets?application_name=x", "mysql://app:hush@db/",
        "postgresql:///pets?host=/run/postgresql", "mysql://db/pets"}) {
    auto text = starter_file(url, {});
    ASSERT_TRUE(text.ok()) << url;
    EXPECT_EQ(text->find("hush"), std::string::npos);
    EXPECT_NE(load(*text), nullptr);
  }
  auto text = starter_file("mysql://app@db/pets?charset=utf8mb4", {":6033", "unix:/tmp/s"});
  ASSERT_TRUE(text.ok());
  const auto config = load(*text);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->listeners.size(), 2U);
  EXPECT_EQ(config->pools[0].connect_args.at(0).second, "utf8mb4");
  EXPECT_EQ(starter_file("http://x", {}).failure().text.substr(0, 27),
            "--from-url: must start with");
  EXPECT_NE(starter_file("mysql://h/", {"nowhere"}).failure().text.find("--listen"),
            std::string::npos);
}

TEST(QuickConfig, a_listener_pool_and_route_for_each_backend) {
  auto text =
      quick_config({{"postgresql://app:p%24%7Bx%7D@h/a", "mysql://app@h/b", "postgresql://h/c"},
                    {":7000"},
                    {},
                    "127.0.0.1:9127",
                    "/tmp/s.sock"},
                   {"", "p${x}", ""});
  ASSERT_TRUE(text.ok()) << text.failure().text;
  const auto config = load(*text);
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->listeners.size(), 3U);
  EXPECT_EQ(config->listeners[0].bind.port, 7000);
  EXPECT_EQ(config->listeners[1].bind.port, 6033);
  EXPECT_EQ(config->listeners[2].bind.port, 6433);
  EXPECT_EQ(config->listeners[2].bind.host, "127.0.0.1");
  EXPECT_EQ(config->pools[0].password, "p${x}");
  EXPECT_EQ(config->pools[1].password, "p${x}");
  ASSERT_EQ(config->users.size(), 1U);
  EXPECT_EQ(config->users[0].secret.password, "p${x}");
  EXPECT_EQ(config->routes[2].match.listener, "backend3");
  EXPECT_EQ(config->admin.socket, "/tmp/s.sock");
}

TEST(QuickConfig, users_of_their_own) {
  auto text =
      quick_config({{"postgresql://app:x@h/a"}, {}, {"one", "two"}, "", ""}, {"", "", "own"});
  ASSERT_TRUE(text.ok());
  const auto config = load(*text);
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->users.size(), 2U);
  EXPECT_EQ(config->users[1].secret.password, "own");
}

TEST(QuickConfig, what_is_missing_is_told) {
  EXPECT_EQ(failure({{"postgresql://app@h/a"}, {}, {}, "", ""}),
            "no password for the user app: give it in the url, in PGPASSWORD or MYSQL_PWD, or in "
            "SLUICE_CLIENT_PASSWORD");
  EXPECT_EQ(failure({{"postgresql://h/a"}, {}, {}, "", ""}),
            "nobody may log in: --backend names no user; give --user");
  EXPECT_EQ(failure({{"postgresql://h/a"}, {":1", ":2"}, {}, "", ""}),
            "--listen is given more often than --backend");
  EXPECT_EQ(failure({{"postgresql://a:x@h/a", "mysql://a:y@h/a"}, {}, {}, "", ""}),
            "the user a has two passwords; give SLUICE_CLIENT_PASSWORD");
  EXPECT_EQ(failure({{"postgresql://a:${SLUICE_NO_SUCH_VARIABLE}@h/a"}, {}, {}, "", ""}),
            "--backend: the environment variable \"SLUICE_NO_SUCH_VARIABLE\" is not set");
}

}  // namespace
}  // namespace sluice::cli
