#include "cli/explain_route.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "cli/explain_print.hpp"
#include "config/load.hpp"

namespace sluice::cli {
namespace {

constexpr auto kConfig = R"(
listeners: [{name: pg, protocol: postgresql, bind: ":1"}]
pools: {p: {url: "postgresql://app:hush@h/pets", max_overflow: 2}}
middleware: [read_only]
routes:
  - {name: a, pool: p, match: {user: x}}
  - {name: b, pool: p, isolation_level: SERIALIZABLE, timeouts: {query_timeout: 5s}}
)";

proxy::explain::Question question(const std::string& statement) {
  proxy::explain::Question question;
  question.user = "app";
  question.statement = statement;
  return question;
}

proxy::explain::Explanation told(const proxy::explain::Question& question) {
  auto loaded = config::load_text(kConfig, "f", {});
  auto out = proxy::explain::explain(loaded.config, question, {});
  EXPECT_TRUE(out.ok());
  return std::move(*out);
}

std::string status_text(ExplainOptions options, bool statement_given = false) {
  auto status = read_question(options, statement_given);
  return status ? "" : status.failure().text;
}

TEST(ExplainRoute, bad_questions_are_told) {
  ExplainOptions options;
  EXPECT_EQ(status_text(options), "--user must not be empty");
  options.question.user = "app";
  EXPECT_EQ(status_text(options), "");
  EXPECT_EQ(status_text(options, true), "--statement has no statement in it");
  options.claims = {"scope"};
  EXPECT_EQ(status_text(options), "--claim takes NAME=VALUE, not \"scope\"");
  options.claims = {"=x"};
  EXPECT_EQ(status_text(options), "--claim takes NAME=VALUE, not \"=x\"");
  options.claims = {"scope=a=b"};
  EXPECT_EQ(status_text(options), "");
  options.question.address = "10.0.0.1:5432";
  EXPECT_EQ(status_text(options),
            "--address takes an IP address without a port, not \"10.0.0.1:5432\"");
  options.question.address = "::1";
  options.token_file = "/nonexistent/x";
  EXPECT_EQ(status_text(options),
            "--claim is for a token that is taken for good; the claims of --token-file are its "
            "own");
  options.claims.clear();
  EXPECT_EQ(status_text(options),
            "--token-file: cannot read the file \"/nonexistent/x\": No such file or directory");
}

TEST(ExplainRoute, text_for_people) {
  const auto asked = question("UPDATE pets SET name = 'x'");
  const std::string text = explanation_text(told(asked), asked);
  for (const char* part :
       {"a                 no: user \"app\" does not match \"x\"\n", "b                 taken\n",
        "read_only         allowed (line 4)\n",
        "pool                p: postgresql://app@h:5432/pets", "isolation level SERIALIZABLE",
        "read only         yes, and the client cannot change it", "query_timeout     5s",
        "update, writes, fingerprint ", "digest            update pets set name = ?\n",
        "(25006, 1792)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find("hush"), std::string::npos);
}

TEST(ExplainRoute, json_for_programs) {
  const auto asked = question("SELECT 1");
  const auto out = boost::json::parse(explanation_json(told(asked), asked)).as_object();
  EXPECT_EQ(out.at("route").as_string(), "b");
  EXPECT_TRUE(out.at("refused").is_null());
  EXPECT_EQ(out.at("pool").at("max_overflow").as_int64(), 2);
  EXPECT_EQ(out.at("starts").at("limits_ms").at("query_timeout").as_int64(), 5000);
  EXPECT_TRUE(out.at("starts").at("read_only_fixed").as_bool());
  const auto& statement = out.at("statement");
  EXPECT_EQ(statement.at("kind").as_string(), "select");
  EXPECT_FALSE(statement.at("writes").as_bool());
  EXPECT_FALSE(statement.at("rewritten").as_bool());
  EXPECT_EQ(statement.at("timeout_ms").as_int64(), 5000);
  EXPECT_EQ(out.at("chain").as_array().at(0).at("request").at("verdict").as_string(), "allowed");
}

}  // namespace
}  // namespace sluice::cli
