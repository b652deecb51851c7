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

TEST(Reference, tells_key_type_default_and_meaning) {
  const auto text = render_reference();
  EXPECT_NE(text.find("| `pool_size` | whole number from 1 to 100000 | `20` | connections"),
            std::string::npos);
  EXPECT_NE(text.find("| `password_file` | path |"), std::string::npos);
  EXPECT_NE(text.find("* `users[].admin`, accepted as `false`\n"), std::string::npos);
  EXPECT_NE(text.find("* `listeners[].tls.mode: verify-ca`\n"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
