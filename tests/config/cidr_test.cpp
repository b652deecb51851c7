#include "config/cidr.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

Cidr block(std::string_view text) {
  Cidr cidr;
  EXPECT_EQ(parse_cidr(text, cidr), "") << text;
  return cidr;
}

bool in(std::string_view address, std::string_view text) {
  const auto ip = parse_ip(address);
  EXPECT_TRUE(ip.has_value()) << address;
  return ip && block(text).contains(*ip);
}

std::string error(std::string_view text) {
  Cidr cidr;
  return parse_cidr(text, cidr);
}

TEST(Cidr, holds_the_addresses_of_its_block) {
  EXPECT_TRUE(in("10.0.0.0", "10.0.0.0/8"));
  EXPECT_TRUE(in("10.255.255.255", "10.0.0.0/8"));
  EXPECT_FALSE(in("11.0.0.0", "10.0.0.0/8"));
  EXPECT_TRUE(in("192.0.2.129", "192.0.2.128/25"));
  EXPECT_FALSE(in("192.0.2.127", "192.0.2.128/25"));
  EXPECT_TRUE(in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.8", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.8", "192.0.2.7/32"));
  EXPECT_TRUE(in("2001:db8:ffff::1", "2001:db8::/32"));
  EXPECT_FALSE(in("2001:db9::1", "2001:db8::/32"));
  EXPECT_TRUE(in("::1", "::1"));
  EXPECT_FALSE(in("::2", "::1/128"));
  EXPECT_TRUE(in("fe80::7fff", "fe80::/113"));
  EXPECT_FALSE(in("fe80::8000", "fe80::/113"));
}

TEST(Cidr, keeps_the_families_apart) {
  EXPECT_TRUE(in("203.0.113.9", "0.0.0.0/0"));
  EXPECT_FALSE(in("2001:db8::1", "0.0.0.0/0"));
  EXPECT_TRUE(in("2001:db8::1", "::/0"));
  EXPECT_FALSE(in("203.0.113.9", "::/0"));
}

TEST(Cidr, takes_a_mapped_address_for_what_it_is) {
  EXPECT_TRUE(in("::ffff:10.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(in("10.1.2.3", "::ffff:10.0.0.0/104"));
  EXPECT_FALSE(in("11.1.2.3", "::ffff:10.0.0.0/104"));
  EXPECT_FALSE(in("::ffff:10.1.2.3", "::/0"));
  EXPECT_TRUE(in("::ffff:10.1.2.3", "::ffff:10.1.2.3"));
  EXPECT_EQ(parse_ip("::ffff:10.1.2.3"), parse_ip("10.1.2.3"));
  EXPECT_NE(parse_ip("::10.1.2.3"), parse_ip("10.1.2.3"));
}

TEST(Cidr, knows_which_block_holds_which) {
  EXPECT_TRUE(block("10.0.0.0/8").contains(block("10.1.0.0/16")));
  EXPECT_TRUE(block("10.0.0.0/8").contains(block("10.0.0.0/8")));
  EXPECT_FALSE(block("10.1.0.0/16").contains(block("10.0.0.0/8")));
  EXPECT_FALSE(block("::/0").contains(block("10.0.0.0/8")));
  EXPECT_FALSE(block("0.0.0.0/0").contains(block("::/0")));
}

TEST(Cidr, says_what_is_wrong) {
  for (const char* text : {"", "/8", "10.0.0/8", "localhost", "[::1]/128", "10.0.0.0:5432",
                           "fe80::1%eth0", "256.0.0.0/8", " 10.0.0.0/8", "010.0.0.0/8"}) {
    EXPECT_NE(error(text).find("as in 10.0.0.0/8"), std::string::npos) << text;
  }
  for (const char* text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
                           "10.0.0.0/0x8", "10.0.0.0/8 ", "::ffff:10.0.0.0/95"}) {
    EXPECT_NE(error(text).find("from 0 to 32"), std::string::npos) << text;
  }
  for (const char* text : {"::/", "::/129", "::/99999999999999999999"}) {
    EXPECT_NE(error(text).find("from 0 to 128"), std::string::npos) << text;
  }
  EXPECT_NE(error("10.1.2.3/8").find("write 10.0.0.0/8"), std::string::npos);
  EXPECT_NE(error("2001:db8::1/32").find("write 2001:db8::/32"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
