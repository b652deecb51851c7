#include "cli/starter.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/address.hpp"
#include "config/secret.hpp"
#include "config/url.hpp"
#include "config/yaml_text.hpp"

namespace sluice::cli {
namespace {

using config::Protocol;
using config::unexpanded;
using config::yaml_text;
using protocol::FailureKind;

bool is_postgresql(Protocol protocol) {
  return protocol == Protocol::postgresql;
}

std::string usual_address(Protocol protocol, int index) {
  return "127.0.0.1:" + std::to_string((is_postgresql(protocol) ? 6432 : 6033) + index);
}

std::string text_of(const std::string& value) {
  return yaml_text(unexpanded(value));
}

// `url` may hold ${VAR} and ${file:/path}, as in a file; they are replaced.
protocol::Result<config::PoolUrl> read_url(std::string& url, const char* option) {
  config::Expansion expanded = config::expand(url, false);
  if (!expanded.errors.empty()) {
    return protocol::fail(FailureKind::internal,
                          std::string(option) + ": " + expanded.errors.front());
  }
  url = std::move(expanded.text);
  config::PoolUrl out = config::parse_pool_url(url);
  if (!out.error.empty()) {
    return protocol::fail(FailureKind::internal, std::string(option) + ": " + out.error);
  }
  return out;
}

// The url again, without its password.
std::string bare_url(const config::PoolUrl& url) {
  config::Pool pool;
  pool.protocol = url.protocol;
  pool.addresses = url.addresses;
  pool.user = url.user;
  pool.database = url.database;
  return config::print_pool_url(pool);
}

std::string arguments_of(const config::PoolUrl& url) {
  std::string out;
  for (const auto& [name, value] : url.arguments) {
    out += (out.empty() ? "" : ", ") + name + ": " + text_of(value);
  }
  return out;
}

}  // namespace

protocol::Result<std::string> starter_file(const std::string& text,
                                           const std::vector<std::string>& listen) {
  std::string whole = text;
  auto url = read_url(whole, "--from-url");
  if (!url) {
    return std::move(url.failure());
  }
  const bool pg = is_postgresql(url->protocol);
  const std::string protocol = pg ? "postgresql" : "mysql";
  const std::string user = url->user.empty() ? "app" : url->user;
  const std::string secret =
      "/run/secrets/" + std::string(pg ? "postgresql" : "mysql") + "-password";
  std::string out =
      "# A start for sluice. `sluice check -c FILE` looks it over, `--connect` tries the login,\n"
      "# `sluice run -c FILE` serves; `sluice config schema` lets editors complete it.\n"
      "version: 1\n\n"
      "listeners:                     # where clients connect\n";
  const auto addresses =
      listen.empty() ? std::vector<std::string>{usual_address(url->protocol, 0)} : listen;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    config::Address address;
    if (const auto why = config::parse_bind(addresses[i], address); !why.empty()) {
      return protocol::fail(FailureKind::internal, "--listen " + why);
    }
    out.append("  - name: ").append(protocol).append(i == 0 ? "" : std::to_string(i + 1));
    out.append("\n    protocol: ").append(protocol);
    out.append("\n    bind: ").append(text_of(addresses[i])).append("\n");
  }
  out +=
      "    # tls: {mode: prefer, cert_file: /etc/sluice/tls.crt, key_file: /etc/sluice/tls.key}\n\n"
      "pools:                         # connections to the database\n"
      "  main:\n"
      "    url: " +
      text_of(bare_url(*url)) + "\n";
  if (!url->user.empty()) {
    out += "    password_file: " + secret + "\n";
  } else {
    out += "    # the url names no user: every client logs in with its own, in a pool of its own\n";
  }
  if (!url->arguments.empty()) {
    out += "    connect_args: {" + arguments_of(*url) + "}\n";
  }
  out +=
      "    pool_mode: transaction     # a client keeps its connection for a transaction; or "
      "session\n"
      "    pool_size: 20              # connections that are kept\n"
      "    max_overflow: 0            # more, while many wait; closed when nobody does\n"
      "    pool_timeout: 30s          # how long a client waits for one\n"
      "    pool_recycle: 30m          # they are replaced at this age\n"
      "    pool_pre_ping: true        # a dead one is replaced before a client sees it\n"
      "    # isolation_level: READ COMMITTED\n\n"
      "users:                         # who may log in; `sluice hash` makes what may stand here\n"
      "  - name: " +
      text_of(user) +
      "\n"
      "    password_file: " +
      secret +
      "\n"
      "    # admin: true              # may act on the console and with `sluice ctl`\n\n"
      "routes:                        # the first that matches a session decides\n"
      "  - name: all\n"
      "    pool: main\n"
      "    # match: {user: \"report*\"}\n"
      "    # middleware: [read_only]\n\n"
      "admin:\n"
      "  http: 127.0.0.1:9127         # /metrics, /livez, /readyz, the API\n"
      "  # socket: /run/sluice/admin.sock   # for `sluice ctl`, `top` and `drain`\n\n"
      "limits:\n"
      "  max_client_connections: 10000\n"
      "  # idle_transaction_timeout: 5m\n\n"
      "drain:\n"
      "  timeout: 60s                 # how long transactions may take to end when it stops\n";
  return out;
}

namespace {

// A backend of `run`, with the password that it is opened with.
struct QuickBackend {
  config::PoolUrl url;
  std::string text;  // the url as it was given
  std::string password;
  std::string name;
  std::string bind;
};

protocol::Result<std::vector<QuickBackend>> read_backends(const QuickOptions& options,
                                                          const QuickPasswords& passwords) {
  std::vector<QuickBackend> out;
  std::map<Protocol, int> counts;
  for (std::size_t i = 0; i < options.backends.size(); ++i) {
    QuickBackend one;
    one.text = options.backends[i];
    auto url = read_url(one.text, "--backend");
    if (!url) {
      return std::move(url.failure());
    }
    one.password = url->password.value_or(is_postgresql(url->protocol) ? passwords.postgresql
                                                                       : passwords.mysql);
    one.name = "backend" + (i == 0 ? std::string() : std::to_string(i + 1));
    one.bind = i < options.listen.size() ? options.listen[i]
                                         : usual_address(url->protocol, counts[url->protocol]);
    ++counts[url->protocol];
    one.url = std::move(*url);
    out.push_back(std::move(one));
  }
  return out;
}

// Name and password of those who may log in.
protocol::Result<std::map<std::string, std::string>> read_users(
    const QuickOptions& options, const QuickPasswords& passwords,
    const std::vector<QuickBackend>& backends) {
  std::map<std::string, std::string> out;
  const auto add = [&](const std::string& name, const std::string& password) -> std::string {
    if (password.empty()) {
      return "no password for the user " + yaml_text(name) +
             ": give it in the url, in PGPASSWORD or MYSQL_PWD, or in SLUICE_CLIENT_PASSWORD";
    }
    const auto [found, fresh] = out.emplace(name, password);
    return fresh || found->second == password
               ? ""
               : "the user " + yaml_text(name) + " has two passwords; give SLUICE_CLIENT_PASSWORD";
  };
  const std::string& own = passwords.clients;
  std::string why;
  for (const QuickBackend& one : backends) {
    const std::string& password = own.empty() ? one.password : own;
    if (options.users.empty() && !one.url.user.empty() && why.empty()) {
      why = add(one.url.user, password);
    }
    for (const std::string& user : options.users) {
      why = why.empty() ? add(user, password) : why;
    }
  }
  if (!why.empty()) {
    return protocol::fail(FailureKind::internal, why);
  }
  if (out.empty()) {
    return protocol::fail(FailureKind::internal,
                          "nobody may log in: --backend names no user; give --user");
  }
  return out;
}

}  // namespace

protocol::Result<std::string> quick_config(const QuickOptions& options,
                                           const QuickPasswords& passwords) {
  if (options.listen.size() > options.backends.size()) {
    return protocol::fail(FailureKind::internal, "--listen is given more often than --backend");
  }
  auto backends = read_backends(options, passwords);
  if (!backends) {
    return std::move(backends.failure());
  }
  auto users = read_users(options, passwords, *backends);
  if (!users) {
    return std::move(users.failure());
  }
  std::string listeners = "listeners:\n";
  std::string pools = "pools:\n";
  std::string routes = "routes:\n";
  for (const QuickBackend& one : *backends) {
    const std::string protocol = is_postgresql(one.url.protocol) ? "postgresql" : "mysql";
    listeners += "  - {name: " + one.name + ", protocol: " + protocol +
                 ", bind: " + text_of(one.bind) + "}\n";
    pools += "  " + one.name + ":\n    url: " + text_of(one.text) + "\n    pool_pre_ping: true\n";
    if (!one.url.password && !one.url.user.empty() && !one.password.empty()) {
      pools += "    password: " + text_of(one.password) + "\n";
    }
    routes += "  - {name: " + one.name + ", match: {listener: " + one.name +
              "}, pool: " + one.name + "}\n";
  }
  std::string out = "version: 1\n" + listeners + pools + "users:\n";
  for (const auto& [name, password] : *users) {
    out += "  - {name: " + text_of(name) + ", password: " + text_of(password) + "}\n";
  }
  out += routes;
  if (!options.admin_http.empty() || !options.admin_socket.empty()) {
    out += "admin:\n";
    out += options.admin_http.empty() ? "" : "  http: " + text_of(options.admin_http) + "\n";
    out += options.admin_socket.empty() ? "" : "  socket: " + text_of(options.admin_socket) + "\n";
  }
  return out;
}

}  // namespace sluice::cli
