#pragma once

// Configurations that are made out of the url of a database: a commented file to start with, and
// what `sluice run --backend` serves without a file.

#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace sluice::cli {

// `sluice config init`: a file for the url, whose password is not in it; `listen`: addresses, none
// for the usual one. Fails when the url or an address is wrong.
protocol::Result<std::string> starter_file(const std::string& url,
                                           const std::vector<std::string>& listen);

struct QuickOptions {
  std::vector<std::string> backends;  // urls
  std::vector<std::string> listen;    // one for each, in their order; others get the usual one
  std::vector<std::string> users;     // who may log in; none: the urls' own
  std::string admin_http;
  std::string admin_socket;
};

// What the environment gives, read by the caller: "" = not set.
struct QuickPasswords {
  std::string postgresql;  // PGPASSWORD, for urls without a password
  std::string mysql;       // MYSQL_PWD
  std::string clients;     // SLUICE_CLIENT_PASSWORD, in place of the backends'
};

// `sluice run --backend`: a configuration as YAML. Fails when there is no password for somebody.
protocol::Result<std::string> quick_config(const QuickOptions& options,
                                           const QuickPasswords& passwords);

}  // namespace sluice::cli
