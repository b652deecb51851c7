#include "proxy/router.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::proxy {
namespace {

using config::Protocol;
using namespace std::string_view_literals;

config::Route route(std::string name, std::optional<Protocol> protocol, std::string user,
                    std::string database) {
  config::Route route;
  route.name = std::move(name);
  route.match = {protocol, std::move(user), std::move(database)};
  return route;
}

std::string matched(const config::Config& config, Protocol protocol, std::string_view user,
                    std::string_view database) {
  const config::Route* found = match_route(config, protocol, user, database);
  return found != nullptr ? found->name : "-";
}

TEST(Router, FirstMatchWins) {
  config::Config config;
  config.routes = {route("reports", Protocol::postgresql, "report_*", "pets"),
                   route("narrow", std::nullopt, "app", "pets"),
                   route("wide", std::nullopt, "app", ""),
                   route("shadowed", std::nullopt, "app", "x")};
  EXPECT_EQ(matched(config, Protocol::postgresql, "report_ro", "pets"), "reports");
  EXPECT_EQ(matched(config, Protocol::mysql, "report_ro", "pets"), "-");
  EXPECT_EQ(matched(config, Protocol::mysql, "app", "pets"), "narrow");
  EXPECT_EQ(matched(config, Protocol::mysql, "app", "x"), "wide");
  EXPECT_EQ(matched(config, Protocol::mysql, "app", ""), "wide");
  EXPECT_EQ(matched(config, Protocol::mysql, "App", "x"), "-") << "names are compared as they are";
  EXPECT_EQ(match_route(config, Protocol::mysql, "app", "x"), &config.routes[2]);
}

TEST(Router, ShellPatterns) {
  struct Row {
    const char* pattern;
    std::string_view name;
    bool matches;
  };
  for (const Row& row :
       {Row{"", "", true}, Row{"", "anything", true}, Row{"*", "", true}, Row{"*", "a/b", true},
        Row{"*", ".hidden", true}, Row{"pets", "", false}, Row{"pet?", "pets", true},
        Row{"pet?", "pet", false}, Row{"pet[st]", "pett", true}, Row{"pet[!st]", "pets", false},
        Row{"pets", "petshop", false}, Row{"\\*", "*", true}, Row{"\\*", "pets", false}}) {
    config::Config config;
    config.routes = {route("r", std::nullopt, "", row.pattern)};
    EXPECT_EQ(matched(config, Protocol::mysql, "app", row.name) == "r", row.matches)
        << row.pattern << " on " << row.name;
  }
}

TEST(Router, ANulByteMatchesNothing) {
  config::Config config;
  config.routes = {route("r", std::nullopt, "app", ""), route("all", std::nullopt, "", "")};
  EXPECT_EQ(matched(config, Protocol::mysql, "app\0x"sv, "pets"), "-");
  EXPECT_EQ(matched(config, Protocol::mysql, "app", "pets\0"sv), "-");
}

TEST(Router, NoRoutesMatchNothing) {
  EXPECT_EQ(match_route({}, Protocol::mysql, "app", "pets"), nullptr);
}

}  // namespace
}  // namespace sluice::proxy
