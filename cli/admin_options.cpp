// Where the running sluice is, and as whom to speak to it.

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/admin_client.hpp"
#include "cli/ask_password.hpp"
#include "config/address.hpp"
#include "config/load.hpp"

namespace sluice::cli {

using protocol::FailureKind;

namespace {

constexpr std::string_view kUnix = "unix:";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// As a client on this machine reaches it.
AdminAddress address_of(const config::Admin& admin) {
  AdminAddress out;
  if (!admin.socket.empty()) {
    out.unix_path = admin.socket;
    return out;
  }
  const config::Address& at = *admin.http;
  const bool all = at.host.empty() || at.host == "0.0.0.0" || at.host == "::";
  out.tls = admin.tls.mode != config::TlsMode::disable;
  out.host = all ? "127.0.0.1" : at.host;
  out.port = std::to_string(at.port);
  return out;
}

// The file may hold problems that do not matter here, such as secrets that this user cannot read.
protocol::Result<AdminAddress> from_file(const std::string& path) {
  const auto loaded = config::load_file(path, {.offline = true});
  if (loaded.config == nullptr) {
    return protocol::fail(FailureKind::internal, loaded.problems.empty()
                                                     ? path + " cannot be read"
                                                     : config::to_string(loaded.problems.front()));
  }
  const config::Admin& admin = loaded.config->admin;
  if (admin.socket.empty() && !admin.http) {
    return protocol::fail(FailureKind::internal,
                          path + " has neither admin.socket nor admin.http: give it one of them");
  }
  return address_of(admin);
}

protocol::Result<AdminAddress> find_address(const AdminOptions& options) {
  if (!options.address.empty()) {
    return parse_admin_address(options.address);
  }
  if (!options.config.empty()) {
    return from_file(options.config);
  }
  if (const std::string given = environment("SLUICE_ADMIN"); !given.empty()) {
    return parse_admin_address(given);
  }
  return protocol::fail(FailureKind::internal,
                        "which sluice? give --admin unix:/path or http://host:port, -c with its "
                        "file, or SLUICE_ADMIN");
}

}  // namespace

protocol::Result<AdminAddress> parse_admin_address(std::string_view text) {
  AdminAddress out;
  const auto wrong = [] {
    return protocol::fail(FailureKind::internal,
                          "an admin address is unix:/path, http://host:port or https://host:port; "
                          "user and password go elsewhere");
  };
  if (text.starts_with(kUnix)) {
    out.unix_path = text.substr(kUnix.size());
    return out.unix_path.starts_with('/') ? protocol::Result<AdminAddress>(out) : wrong();
  }
  out.tls = text.starts_with("https://");
  if (!out.tls && !text.starts_with("http://")) {
    return wrong();
  }
  text.remove_prefix(out.tls ? 8 : 7);
  if (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  config::Address address;
  if (text.find_first_of("/@?#") != std::string_view::npos ||
      !config::parse_bind(std::string(text), address).empty() || address.host.empty() ||
      address.port == 0) {
    return wrong();
  }
  out.host = address.host;
  out.port = std::to_string(address.port);
  return out;
}

std::string to_string(const AdminAddress& address) {
  if (!address.unix_path.empty()) {
    return std::string(kUnix) + address.unix_path;
  }
  const bool v6 = address.host.find(':') != std::string::npos;
  return (address.tls ? "https://" : "http://") + (v6 ? "[" + address.host + "]" : address.host) +
         ":" + address.port;
}

void add_admin_place(CLI::App& command, AdminOptions& options) {
  command.add_option("--admin", options.address,
                     "the running sluice: unix:/path, http://host:port or https://host:port. "
                     "Without it: what the file of -c says, or $SLUICE_ADMIN");
  command
      .add_option("-c,--config", options.config,
                  "configuration file that names admin.socket or admin.http")
      ->type_name("FILE");
}

void add_admin_options(CLI::App& command, AdminOptions& options) {
  add_admin_place(command, options);
  command.add_option(
      "-u,--user", options.user,
      "admin user, where it is not a unix socket; without it $SLUICE_ADMIN_USER. The "
      "password is $SLUICE_ADMIN_PASSWORD, or asked for");
  command
      .add_option("--ca-file", options.ca_file,
                  "certificates in PEM that https is verified by; without it "
                  "$SLUICE_ADMIN_CA_FILE, or the system's")
      ->type_name("FILE");
}

protocol::Result<AdminClient> make_admin_client(const AdminOptions& options) {
  auto address = find_address(options);
  if (!address) {
    return std::move(address.failure());
  }
  Login login;
  if (address->unix_path.empty()) {
    login.user = options.user.empty() ? environment("SLUICE_ADMIN_USER") : options.user;
    login.password = environment("SLUICE_ADMIN_PASSWORD");
    if (login.user.empty()) {
      return protocol::fail(
          FailureKind::internal,
          "as whom? give --user or SLUICE_ADMIN_USER; a unix socket needs nobody");
    }
    if (login.password.empty()) {
      auto given = ask_password("Password of " + login.user + ": ");
      if (!given) {
        return protocol::fail(FailureKind::internal,
                              "SLUICE_ADMIN_PASSWORD is not set, and " + given.failure().text);
      }
      login.password = std::move(*given);
    }
  }
  return AdminClient(
      std::move(*address), std::move(login),
      options.ca_file.empty() ? environment("SLUICE_ADMIN_CA_FILE") : options.ca_file);
}

protocol::Result<AdminClient> make_nameless_client(const AdminOptions& options) {
  auto address = find_address(options);
  if (!address) {
    return std::move(address.failure());
  }
  const Proof proof = options.ca_file.empty() ? Proof::none : Proof::wanted;
  return AdminClient(std::move(*address), {}, options.ca_file, proof);
}

}  // namespace sluice::cli
