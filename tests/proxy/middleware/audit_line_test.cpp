#include "proxy/middleware/audit_line.hpp"

#include <gtest/gtest.h>

#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

using namespace std::chrono_literals;

TEST(AuditLine, IsOneLineOfJsonWhateverStandsInIt) {
  Stage stage;
  stage.identity.user = "a\"b\n\\";
  stage.identity.database = "\xff\xc3\xa9";
  std::string buffer = "what was there before";
  AuditLine line(buffer, at(0ms).wall + 42us, "statement", stage.identity);
  line.text("text", "SELECT '\x01\t'");
  line.number("rows", 18446744073709551615U);
  line.flag("in_transaction", true);
  line.fingerprint("fingerprint", 0xabcU);
  line.thousandths("ms", 12005);
  line.names("claims", {{"sub", "somebody"}, {"role", "admin"}});
  EXPECT_EQ(line.done(),
            R"({"time":"2026-01-31T09:00:00.000042Z","event":"statement","session":7,)"
            R"("protocol":"postgresql","listener":"pg","route":"pets","user":"a\"b\n\\",)"
            R"("database":"\ufffdé","client":"192.0.2.7","text":"SELECT '\u0001\t'",)"
            R"("rows":18446744073709551615,"in_transaction":true,)"
            R"("fingerprint":"0000000000000abc","ms":12.005,"claims":["sub","role"]})"
            "\n");
}

TEST(AuditLine, SecretsAreSuspectedByWords) {
  for (const char* text :
       {"CREATE USER a PASSWORD 'x'", "alter role a with encrypted password 'x'",
        "CREATE USER a IDENTIFIED BY 'x'", "SET PASSWORD = 'x'", "SET app.token = 'x'",
        "SELECT set_config('app.Secret', 'x', false)", "SELECT crypt('x', gen_salt('bf'))",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=x' PUBLICATION p",
        "CHANGE MASTER TO MASTER_PASSWORD='x'", "INSERT INTO u (passwd) VALUES ('x')",
        "SELECT AES_ENCRYPT('a', 'x')", "UPDATE u SET api_key = 'x'"}) {
    EXPECT_TRUE(may_carry_secret(text)) << text;
  }
  for (const char* text : {"SELECT 1", "INSERT INTO pets (name) VALUES ('Rex')", "SELECT pass", "p",
                           "", "UPDATE authors SET identity = 1"}) {
    EXPECT_FALSE(may_carry_secret(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::proxy::middleware
