#include "config/docs.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::config {
namespace {

TEST(Reference, is_what_docs_configuration_md_holds) {
  std::ifstream file(SLUICE_DOCS "/configuration.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), render_reference())
      << "run config_reference and put its output into docs/configuration.md";
}

TEST(Reference, is_what_docs_middleware_md_holds) {
  std::ifstream file(SLUICE_DOCS "/middleware.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), render_middleware())
      << "run config_reference middleware and put its output into docs/middleware.md";
}

TEST(Reference, tells_the_options_and_errors_of_middleware) {
  const auto text = render_middleware();
  EXPECT_NE(text.find("| `requests_per_second` | number from 0.001 to 10000000 | required |"),
            std::string::npos);
  EXPECT_NE(text.find("`token_invalid`: SQLSTATE 28000, MySQL 1045"), std::string::npos);
  EXPECT_NE(text.find("| `hmac_sha256_secret_file` | path |"), std::string::npos);
}

TEST(Reference, tells_key_type_default_and_meaning) {
  const auto text = render_reference();
  EXPECT_NE(text.find("| `pool_size` | whole number from 1 to 100000 | `20` | connections"),
            std::string::npos);
  EXPECT_NE(text.find("| `password_file` | path |"), std::string::npos);
  EXPECT_NE(text.find("* `auth.passthrough`, accepted as `false`\n"), std::string::npos);
  EXPECT_NE(text.find("| `middleware` | chain |"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
