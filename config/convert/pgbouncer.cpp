#include "config/convert/pgbouncer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "config/convert/convert.hpp"
#include "config/secret.hpp"

namespace sluice::config::convert {

using pgbouncer::Settings;

namespace pgbouncer {

bool Settings::given(std::string_view key) const {
  return std::any_of(source_.values.begin(), source_.values.end(),
                     [key](const SourceValue& one) { return one.key == key; });
}

long long Settings::number(std::string_view key, long long otherwise, Draft& draft) {
  const std::string* value = source_.take(key);
  if (value == nullptr) {
    return otherwise;
  }
  const auto number = whole_number(*value);
  if (!number) {
    draft.lost(std::string(key), "not a whole number");
  }
  return number.value_or(otherwise);
}

long long Settings::milliseconds(std::string_view key, long long otherwise, Draft& draft) {
  constexpr double kLongest = 86400.0 * 3650;
  const std::string* value = source_.take(key);
  if (value == nullptr) {
    return otherwise;
  }
  char* end = nullptr;
  const double seconds = std::strtod(value->c_str(), &end);
  if (value->empty() || *end != '\0' || !(seconds >= 0 && seconds <= kLongest)) {
    draft.lost(std::string(key), "not a number of seconds");
    return otherwise;
  }
  return std::llround(seconds * 1000);
}

bool is_local(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@';
}

}  // namespace pgbouncer

namespace {

// What has no counterpart, and why nobody misses it; others are told without a reason.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> kReasons{{
    {"auth_query", "users stand in the file"},
    {"auth_user", "users stand in the file"},
    {"auth_dbname", "users stand in the file"},
    {"auth_hba_file", "see `match` of routes and the middleware address_rules"},
    {"auth_ident_file", "see tls.mode verify-full of listeners"},
    {"auth_ldap_options", "passwords are checked by sluice itself"},
    {"ignore_startup_parameters", "all startup parameters are taken"},
    {"server_reset_query", "what is reset follows from what the session has changed"},
    {"server_check_query", "connections are pinged with an empty query"},
    {"server_fast_close", "see `sluice ctl reconnect`"},
    {"server_login_retry", "tried again after pauses that grow"},
    {"track_extra_parameters", "all settings are tracked"},
    {"disable_pqexec", "see the middleware statement_rules"},
    {"application_name_add_host", "see the middleware tag"},
    {"stats_period", "see /metrics of admin.http"},
    {"logfile", "the log goes to standard error"},
    {"syslog", "the log goes to standard error"},
    {"syslog_facility", "the log goes to standard error"},
    {"syslog_ident", "the log goes to standard error"},
    {"pidfile", "it stays in the foreground"},
    {"user", "it keeps the user that starts it"},
    {"so_reuseport", "all threads share the listeners"},
    {"peer_id", "one process uses all cores"},
    {"client_tls_protocols", "TLS 1.2 and 1.3 are taken"},
    {"server_tls_protocols", "TLS 1.2 and 1.3 are taken"},
    {"dns_max_ttl", "names are resolved when a connection is opened"},
}};

void add_tls(Settings& settings, Part& listener, Draft& draft) {
  std::string mode = settings.text("client_tls_sslmode", "disable");
  if (mode == "allow") {
    mode = "prefer";
    Draft::lost(listener.notes, "client_tls_sslmode allow", "prefer is the same for clients");
  }
  const std::string cert = settings.text("client_tls_cert_file");
  const std::string key = settings.text("client_tls_key_file");
  const std::string authorities = settings.text("client_tls_ca_file");
  if (mode == "disable") {
    return;
  }
  const bool verifies = mode.starts_with("verify");
  if (cert.empty() || key.empty() || (verifies && authorities.empty())) {
    draft.lost("client_tls_sslmode " + mode,
               verifies ? "it needs client_tls_cert_file, _key_file and _ca_file"
                        : "it needs client_tls_cert_file and client_tls_key_file");
    return;
  }
  listener.options.set("tls.mode", mode);
  listener.options.set("tls.cert_file", cert);
  listener.options.set("tls.key_file", key);
  if (verifies) {
    listener.options.set("tls.client_ca_file", authorities);
  } else if (!authorities.empty()) {
    draft.lost("client_tls_ca_file", "clients show no certificate unless tls.mode is verify-ca");
  }
}

void add_listeners(Settings& settings, Draft& draft) {
  const std::string port = std::to_string(settings.number("listen_port", 6432, draft));
  Part with_tls;
  add_tls(settings, with_tls, draft);
  const auto add = [&](const std::string& bind) {
    Part listener;
    listener.name = make_name("pg", draft.listeners);
    listener.options.set("protocol", "postgresql");
    listener.options.set("bind", bind);
    draft.listeners.push_back(std::move(listener));
    return &draft.listeners.back();
  };
  for (const std::string& address : split_list(settings.text("listen_addr"))) {
    Part* listener = add((address == "*" ? std::string() : host_in_url(address)) + ":" + port);
    for (const auto& [path, value] : with_tls.options.all()) {
      listener->options.set(path, value);
    }
  }
  const std::string folder = settings.text("unix_socket_dir");
  if (!folder.empty() && folder.front() == '/') {
    add("unix:" + folder + "/.s.PGSQL." + port);
  } else if (!folder.empty()) {
    draft.lost("unix_socket_dir", "not a path");
  }
  if (draft.listeners.empty()) {
    add("127.0.0.1:" + port)->notes.emplace_back("listen_addr is not given: on this machine alone");
  }
  if (!draft.listeners.empty()) {
    draft.listeners.front().notes.insert(draft.listeners.front().notes.begin(),
                                         with_tls.notes.begin(), with_tls.notes.end());
  }
}

void add_limits(Settings& settings, Draft& draft) {
  draft.limits.set("max_client_connections",
                   std::to_string(std::max(1LL, settings.number("max_client_conn", 100, draft))));
  if (const auto login = settings.milliseconds("client_login_timeout", 60000, draft); login > 0) {
    draft.limits.set("client_login_timeout", duration_text(login));
  } else {
    draft.lost("client_login_timeout 0", "a login always has an end");
  }
  const auto whole = settings.milliseconds("transaction_timeout", 0, draft);
  if (whole > 0) {
    draft.limits.set("transaction_timeout", duration_text(whole));
  }
  for (const char* key : {"query_timeout", "idle_transaction_timeout"}) {
    const auto value = settings.milliseconds(key, 0, draft);
    if (value > 0 && whole > 0 && value > whole) {
      draft.lost(key, "transaction_timeout comes first");
    } else if (value > 0) {
      draft.limits.set(key, duration_text(value));
    }
  }
  if (const auto idle = settings.milliseconds("client_idle_timeout", 0, draft); idle > 0) {
    draft.limits.set("client_idle_timeout", duration_text(idle));
  }
}

// What userlist.txt holds in place of a password.
void set_secret(const std::string& secret, Part& user) {
  if (check_secret(SecretForm::scram, secret).empty()) {
    user.options.set("scram_verifier", secret);
  } else if (check_secret(SecretForm::md5, secret).empty()) {
    user.options.set("md5_hash", secret);
  } else {
    user.options.set("password", secret);
  }
}

SourceError add_users(Settings& settings, const ReadFile& read, Draft& draft) {
  const std::string path = settings.text("auth_file");
  if (path.empty()) {
    draft.notes.emplace_back(
        "auth_file is not given: nobody can log in until `users` has somebody");
    return {};
  }
  std::string why;
  const auto text = read(path, why);
  if (!text) {
    draft.lost("auth_file " + path, why);
    return {};
  }
  const UserList list = read_user_list(*text);
  if (!list.error.text.empty()) {
    return {path + ":" + std::to_string(list.error.line) + ": " + list.error.text, 0};
  }
  for (const auto& [name, secret] : list.users) {
    const auto same = [&name = name](const Part& one) { return one.name == name; };
    if (secret.empty()) {
      draft.lost("the user " + name, "it has no password");
    } else if (std::any_of(draft.users.begin(), draft.users.end(), same)) {
      draft.lost("the second line of the user " + name, "the first one counts");
    } else {
      draft.users.emplace_back().name = name;
      set_secret(secret, draft.users.back());
    }
  }
  return {};
}

void add_rights(Settings& settings, Draft& draft) {
  for (const auto& [key, right] :
       {std::pair("stats_users", "read_only"), {"admin_users", "true"}}) {
    for (const std::string& name : split_list(settings.text(key))) {
      const auto found = std::find_if(draft.users.begin(), draft.users.end(),
                                      [&name](const Part& one) { return one.name == name; });
      if (found == draft.users.end()) {
        draft.lost(std::string(key) + " " + name, "there is no such user with a password");
      } else {
        found->options.set("admin", right);
      }
    }
  }
}

void add_auth_type(Settings& settings, Draft& draft) {
  const std::string type = settings.text("auth_type", "md5");
  if (type != "md5" && type != "scram-sha-256" && type != "plain") {
    draft.lost("auth_type " + type, type == "cert" ? "see tls.mode verify-full of listeners"
                                                   : "every client must know its password");
  }
}

void add_rest(const Ini& ini, Draft& draft) {
  for (const SourceMap& section : ini.sections) {
    for (const SourceValue& value : section.values) {
      if (value.taken) {
        continue;
      }
      const auto* found = std::find_if(kReasons.begin(), kReasons.end(), [&value](const auto& one) {
        return one.first == value.key;
      });
      const bool own = section.name == "pgbouncer";
      draft.lost(own ? value.key : "[" + section.name + "] " + value.key,
                 own && found != kReasons.end() ? found->second : std::string_view());
    }
  }
}

}  // namespace

Converted from_pgbouncer(std::string_view text, const ReadFile& read) {
  Ini ini = read_ini(text);
  if (!ini.error.text.empty()) {
    return {{}, ini.error.text, ini.error.line};
  }
  SourceMap none;
  SourceMap* own = ini.find("pgbouncer");
  Settings settings(own == nullptr ? none : *own);
  Draft draft;
  draft.introduction = {
      "Made from PgBouncer's configuration; `sluice check -c FILE` looks it over."};
  add_listeners(settings, draft);
  if (const auto error = add_users(settings, read, draft); !error.text.empty()) {
    return {{}, error.text, error.line};
  }
  add_rights(settings, draft);
  add_auth_type(settings, draft);
  if (const auto error = pgbouncer::add_pools(ini, settings, draft); !error.text.empty()) {
    return {{}, error.text, error.line};
  }
  add_limits(settings, draft);
  add_rest(ini, draft);
  return {print(draft), {}, 0};
}

}  // namespace sluice::config::convert
