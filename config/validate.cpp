#include "config/validate.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <string_view>

#include "config/address.hpp"
#include "config/cidr.hpp"
#include "config/consistency.hpp"
#include "config/suggest.hpp"

namespace sluice::config {
namespace {

std::string item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

template <typename T>
void check_unique_names(const std::vector<T>& all, std::string_view list, Report& report) {
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty()) {
      continue;
    }
    const auto [first, fresh] = seen.emplace(all[i].name, i);
    if (!fresh) {
      report.error(item(list, i) + ".name",
                   quoted(all[i].name) + " is also the name of " + item(list, first->second));
    }
  }
}

// A missing part of the file is no news when its key is there and wrong.
void check_not_empty(bool empty, const std::string& key, Report& report) {
  if (empty && !report.doubtful(key)) {
    report.error(key, "there must be at least one");
  }
}

void check_readable(const std::string& file, const std::string& path, const LoadOptions& options,
                    Report& report) {
  if (file.empty() || options.offline || report.doubtful(path)) {
    return;
  }
  const std::ifstream stream(file);
  if (!stream) {
    report.error(path, "cannot read the file " + quoted(file));
  }
}

void check_proxy_protocol(const Listener& listener, const std::string& path, Report& report) {
  const std::string group = path + ".proxy_protocol";
  const std::string key = group + ".trusted";
  if (!report.given(group) || report.doubtful_within(group)) {
    return;
  }
  const auto& trusted = listener.proxy_protocol.trusted;
  if (trusted.empty()) {
    report.error(key, "must name at least one network, that of the load balancers");
  }
  if (!listener.bind.unix_path.empty() && !report.doubtful(path + ".bind")) {
    report.error(group,
                 "has no place on a unix socket: who connects there has no address that could be "
                 "trusted; give the load balancer a listener of its own on host:port");
  }
  for (std::size_t i = 0; i < trusted.size(); ++i) {
    Cidr block;
    if (parse_cidr(trusted[i], block).empty() && block.bits == (block.network.v4 ? 96U : 0U)) {
      report.warning(item(key, i),
                     "trusts everybody who can connect to say which address is his; name the load "
                     "balancers");
    }
  }
}

void check_listener(const Listener& listener, const std::string& path, const LoadOptions& options,
                    Report& report) {
  check_proxy_protocol(listener, path, report);
  const ListenerTls& tls = listener.tls;
  const bool verifies = tls.mode == TlsMode::verify_ca || tls.mode == TlsMode::verify_full;
  const std::string authorities = path + ".tls.client_ca_file";
  if (verifies && tls.client_ca_file.empty() && !report.given(authorities)) {
    report.error(authorities, "is missing; client certificates are verified by it");
  } else if (!verifies && !tls.client_ca_file.empty() && !report.doubtful(path + ".tls.mode")) {
    report.warning(authorities,
                   "has no effect: no client is asked for a certificate unless the mode is "
                   "verify-ca or verify-full");
  }
  check_readable(tls.client_ca_file, authorities, options, report);
  const std::array<std::pair<const std::string*, std::string>, 2> files{
      {{&tls.cert_file, path + ".tls.cert_file"}, {&tls.key_file, path + ".tls.key_file"}}};
  for (const auto& [file, key] : files) {
    if (tls.mode != TlsMode::disable && file->empty() && !report.given(key)) {
      report.error(key, "is missing; tls needs it unless its mode is disable");
    }
    check_readable(*file, key, options, report);
  }
}

// Every pair once; a few addresses at most.
void check_addresses(const Config& config, Report& report) {
  std::vector<std::pair<std::string, const Address*>> seen;
  const auto add = [&](const std::string& path, const Address& address) {
    if (!report.given(path) || report.doubtful(path)) {
      return;
    }
    const auto other = std::find_if(seen.begin(), seen.end(),
                                    [&](const auto& pair) { return clash(*pair.second, address); });
    if (other != seen.end()) {
      report.error(path, "the address is taken by " + other->first);
    } else {
      seen.emplace_back(path, &address);
    }
  };
  for (std::size_t i = 0; i < config.listeners.size() && !report.full(); ++i) {
    add(item("listeners", i) + ".bind", config.listeners[i].bind);
  }
  if (config.admin.http) {
    add("admin.http", *config.admin.http);
  }
}

void check_admin(const Admin& admin, const LoadOptions& options, Report& report) {
  const std::array<std::pair<const std::string*, std::string>, 2> files{
      {{&admin.tls.cert_file, "admin.tls.cert_file"}, {&admin.tls.key_file, "admin.tls.key_file"}}};
  for (const auto& [file, key] : files) {
    if (admin.tls.mode != TlsMode::disable && file->empty() && !report.given(key)) {
      report.error(key, "is missing; tls needs it unless its mode is disable");
    }
    check_readable(*file, key, options, report);
  }
  if (admin.http && !admin.http->unix_path.empty() && !report.doubtful("admin.http")) {
    report.error("admin.http", "must be host:port; a unix socket is given as admin.socket");
  }
  if (admin.dashboard && !admin.http && !report.given("admin.http")) {
    report.error("admin.dashboard.enabled", "needs admin.http, where the page is served");
  }
}

void check_pool(const Pool& pool, const LoadOptions& options, Report& report) {
  const std::string path = "pools." + pool.name;
  const PoolTls& tls = pool.tls;
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const std::string missing = path + (tls.cert_file.empty() ? ".tls.cert_file" : ".tls.key_file");
    if (!report.given(missing)) {
      report.error(missing, "is missing; a client certificate needs both cert_file and key_file");
    }
  }
  check_readable(tls.ca_file, path + ".tls.ca_file", options, report);
  check_readable(tls.cert_file, path + ".tls.cert_file", options, report);
  check_readable(tls.key_file, path + ".tls.key_file", options, report);
  const bool local = std::any_of(pool.addresses.begin(), pool.addresses.end(),
                                 [](const Address& one) { return !one.unix_path.empty(); });
  if (tls.mode > TlsMode::prefer && local && pool.protocol == Protocol::postgresql) {
    report.error(path + ".tls", "a PostgreSQL server has no TLS on a unix socket");
  }
  const bool password_given =
      report.given(path + ".password") || report.given(path + ".password_file");
  if (password_given && pool.user.empty() && report.given(path + ".url") &&
      !report.doubtful(path + ".url")) {
    report.error(path + ".url", "has no user, so that a password has nobody to belong to");
  }
}

void check_user(const User& user, const std::string& path, Report& report) {
  const protocol::Secret& s = user.secret;
  const std::array<const std::optional<std::string>*, 5> forms{
      &s.password, &s.scram_verifier, &s.md5_hash, &s.mysql_native_hash, &s.caching_sha2_hash};
  const auto given =
      std::count_if(forms.begin(), forms.end(), [](const auto* form) { return form->has_value(); });
  if (given != 1) {
    report.error(path, std::string(given == 0 ? "has no secret" : "has several secrets") +
                           "; give one of password, scram_verifier, md5_hash, mysql_native_hash "
                           "and caching_sha2_hash, or its *_file");
  }
}

}  // namespace

void validate(const Config& config, const LoadOptions& options, Report& report) {
  check_not_empty(config.listeners.empty(), "listeners", report);
  check_not_empty(config.pools.empty(), "pools", report);
  check_not_empty(config.routes.empty(), "routes", report);
  check_unique_names(config.listeners, "listeners", report);
  check_unique_names(config.users, "users", report);
  check_unique_names(config.routes, "routes", report);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    check_listener(config.listeners[i], item("listeners", i), options, report);
  }
  check_addresses(config, report);
  check_admin(config.admin, options, report);
  for (const Pool& pool : config.pools) {
    check_pool(pool, options, report);
  }
  for (std::size_t i = 0; i < config.users.size(); ++i) {
    check_user(config.users[i], item("users", i), report);
  }
  check_consistency(config, report);
}

}  // namespace sluice::config
