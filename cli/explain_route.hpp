#pragma once

// `sluice explain-route`: which route a session would take, what the chains would say to it and to
// a statement, and why.

#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "proxy/explain/explain.hpp"

namespace sluice::cli {

struct ExplainOptions {
  std::string path;
  bool offline = false;
  bool json = false;
  std::string protocol;
  std::string token_file;
  std::vector<std::string> attributes;  // name=value
  std::vector<std::string> claims;      // name=value
  std::string statement;                // "-": standard input
  proxy::explain::Question question;
};

class Commands;
void add_explain_route(Commands& commands);

// Completes options.question from the texts beside it.
protocol::Status read_question(ExplainOptions& options, bool statement_given);

// The exit status: 1 for a configuration or a question that is wrong.
int run_explain_route(ExplainOptions& options, bool statement_given);

}  // namespace sluice::cli
