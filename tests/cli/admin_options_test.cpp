#include <gtest/gtest.h>

#include "cli/admin_client.hpp"

namespace sluice::cli {
namespace {

std::string read(const char* text) {
  auto address = parse_admin_address(text);
  return address ? to_string(*address) : "";
}

TEST(AdminAddress, the_three_kinds) {
  EXPECT_EQ(read("unix:/run/sluice/admin.sock"), "unix:/run/sluice/admin.sock");
  EXPECT_EQ(read("http://127.0.0.1:9127"), "http://127.0.0.1:9127");
  EXPECT_EQ(read("https://[::1]:9127/"), "https://[::1]:9127");
  EXPECT_TRUE(parse_admin_address("https://h:1")->tls);
}

TEST(AdminAddress, what_is_none_is_refused) {
  for (const char* text :
       {"", "unix:", "unix:relative", "127.0.0.1:9127", "http://", "http://h", "http://:9127",
        "http://h:0", "http://h:x", "http://user:hush@h:1", "http://h:1/path", "ftp://h:1"}) {
    EXPECT_EQ(read(text), "") << text;
  }
  EXPECT_EQ(parse_admin_address("http://user:hush@h:1").failure().text.find("hush"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::cli
