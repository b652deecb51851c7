#pragma once

// THE table of options: one line names an option, its member, its kind and its meaning. Loading,
// printing and documenting are visitors of it:
//
//   option(name, member, kind, help)    required(...): the same, and it must be given
//   secret(name, member, form, help)    also `name_file`
//   group, list, named                  structs; one, in a sequence, by name
//   pairs(name, member, key, value, help)   a map of texts
//   middleware(name, member, help)      a chain
//   items, entries                      the struct is a list, or a map of texts, as a whole
//   texts, url, connect_args            what has a shape of its own
//   later(name, off values)             known, refused with "not supported yet" unless off

#include <string>
#include <utility>

#include "config/config.hpp"
#include "config/kinds.hpp"
#include "config/middleware_fields.hpp"
#include "config/route_fields.hpp"
#include "config/schedule/fields.hpp"
#include "config/secret.hpp"

namespace sluice::config {

using std::chrono::milliseconds;

// Groups of which nothing is built yet.
struct LaterAuth {};

inline Choice<TlsMode> tls_modes() {
  return {{{"disable", TlsMode::disable},
           {"prefer", TlsMode::prefer},
           {"require", TlsMode::require},
           {"verify-ca", TlsMode::verify_ca},
           {"verify-full", TlsMode::verify_full}},
          {}};
}

template <typename V>
void fields(V& v, ListenerTls& t) {
  v.option("mode", t.mode, tls_modes(),
           "whether clients may, or must, use TLS; with `verify-ca` and `verify-full` they must, "
           "and with a certificate that client_ca_file vouches for; `verify-full` also demands "
           "that its common name is the user");
  v.option("cert_file", t.cert_file, Text{"path"}, "certificate chain in PEM; needed for TLS");
  v.option("key_file", t.key_file, Text{"path"}, "its private key in PEM; needed for TLS");
  v.option("client_ca_file", t.client_ca_file, Text{"path"},
           "certificates in PEM that client certificates are verified by; needed for `verify-ca` "
           "and `verify-full`");
}

template <typename V>
void fields(V& v, ProxyProtocol& p) {
  v.texts("trusted", p.trusted, Network{},
          "of load balancers: their connections must begin with a header, of version 1 or 2, and "
          "those from elsewhere must not; at least one");
}

template <typename V>
void fields(V& v, Listener& l) {
  v.required("name", l.name, Name{}, "how metrics and logs call it");
  v.required("protocol", l.protocol, protocols(), "what its clients speak");
  v.required("bind", l.bind, Bind{},
             "`host:port`, `[v6]:port`, `:port` for all addresses, or `unix:/path`; port 0 takes "
             "any free one");
  v.group("tls", l.tls, "TLS with clients");
  v.group("proxy_protocol", l.proxy_protocol,
          "clients' addresses as load balancers tell them, by HAProxy's PROXY protocol");
}

template <typename V>
void fields(V& v, PoolTls& t) {
  v.option("mode", t.mode, tls_modes(),
           "`prefer` takes TLS where the server has it; `verify-ca` checks the certificate, "
           "`verify-full` also its name");
  v.option("ca_file", t.ca_file, Text{"path"},
           "certificates in PEM that are trusted; without it those of the system");
  v.option("cert_file", t.cert_file, Text{"path"}, "client certificate in PEM");
  v.option("key_file", t.key_file, Text{"path"}, "its private key in PEM");
}

template <typename V>
void pool_sizes(V& v, Pool& p) {
  v.option("pool_size", p.pool_size, Integer{1, 100000},
           "connections that are kept, over all workers");
  v.option("max_overflow", p.max_overflow, Integer{-1, 100000},
           "connections beyond pool_size, closed when nobody waits for them; -1 = no bound");
  v.option(
      "overflow_delay", p.overflow_delay, Span{},
      "how long a client waits before a connection beyond pool_size is opened for it, less than "
      "pool_timeout; 0s = it is opened at once, as SQLAlchemy does");
  v.option("min_idle", p.min_idle, Integer{0, 100000},
           "idle connections that are kept ready in the background, within pool_size");
  v.option("pool_timeout", p.pool_timeout, Span{},
           "how long a client waits for a connection before it gets an error");
  v.option(
      "max_waiting", p.max_waiting, Integer{0, 10000000},
      "clients that wait for a connection at a time; one more is refused at once; 0 = no bound");
  v.option(
      "pool_recycle", p.pool_recycle, Span{milliseconds(1), true},
      "age at which a connection is replaced, less up to a tenth by chance, so that not all go "
      "at once; -1 = never");
  v.option("idle_timeout", p.idle_timeout, Span{},
           "a connection that nobody has used for so long is closed, down to min_idle; 0s = never");
  v.option("keepalive_time", p.keepalive_time, Span{},
           "a connection that has not answered for so long is pinged while it is idle; 0s = never");
  v.option("pool_pre_ping", p.pool_pre_ping, Boolean{},
           "prove that a connection is alive before a client gets it");
  v.option("pool_pre_ping_idle", p.pool_pre_ping_idle, Span{},
           "a connection that answered more recently than this is not pinged again; 0s = ping at "
           "every checkout");
  v.option("pool_use_lifo", p.pool_use_lifo, Boolean{},
           "reuse the connection that came back last, so that the others can age");
  const Choice<ResetOnReturn> resets{{{"rollback", ResetOnReturn::rollback},
                                      {"commit", ResetOnReturn::commit},
                                      {"full", ResetOnReturn::full},
                                      {"none", ResetOnReturn::none}},
                                     {}};
  v.option("pool_reset_on_return", p.pool_reset_on_return, resets,
           "what happens to a connection that comes back; `full` also forgets all session state");
}

template <typename V>
void fields(V& v, Pool& p) {
  v.url("url", p,
        "`postgresql://` or `mysql://` (`mariadb://`) with SQLAlchemy's `+driver` suffixes; user, "
        "password and database may be left out and are the client's own then; up to 16 hosts");
  v.secret("password", p.password, SecretForm::password, "of the url's user");
  v.connect_args("connect_args", p, "what a driver takes beside the url");
  v.group("tls", p.tls, "TLS with the server");
  const Choice<PoolMode> modes{{{"transaction", PoolMode::transaction},
                                {"session", PoolMode::session},
                                {"statement", PoolMode::statement}},
                               {}};
  v.option("pool_mode", p.pool_mode, modes,
           "how long a client keeps its connection: for a transaction, until it leaves, or for a "
           "statement, where transactions of several statements are refused");
  pool_sizes(v, p);
  v.option("isolation_level", p.isolation_level, Isolation{},
           "what transactions start with; without it, as the server is set");
  v.option("read_only", p.read_only, Boolean{}, "whether transactions start read only");
  v.option(
      "autocommit", p.autocommit, Boolean{},
      "what MySQL sessions start with, and not for PostgreSQL; null = it is left to the client");
  v.option("init_sql", p.init_sql, Sql{},
           "run on each new connection, and again after each reset; a connection on which it fails "
           "is not "
           "used");
  v.option("max_prepared_statements", p.max_prepared_statements, Integer{1, 100000},
           "prepared statements kept on one connection");
  const Choice<bool> states{{{"pin", false}, {"refuse", true}}, {}};
  v.option("unsupported_state", p.refuse_unsupported_state, states,
           "session state that can not be carried keeps its connection, or is refused");
  v.option("max_db_connections", p.max_db_connections, Integer{0, 100000},
           "connections to one database over all its users, where the url names no user; 0 = no "
           "bound");
  v.option("max_user_connections", p.max_user_connections, Integer{0, 100000},
           "connections of one user over all databases, where the url names no database; 0 = no "
           "bound");
}

template <typename V>
void fields(V& v, User& u) {
  v.required("name", u.name, Text{}, "as clients give it");
  v.secret("password", u.secret.password, SecretForm::password, "in clear");
  v.secret("scram_verifier", u.secret.scram_verifier, SecretForm::scram,
           "as PostgreSQL stores it: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`");
  v.secret("md5_hash", u.secret.md5_hash, SecretForm::md5,
           "as PostgreSQL stores it: `md5` and 32 hexadecimal digits");
  v.secret("mysql_native_hash", u.secret.mysql_native_hash, SecretForm::mysql_native,
           "as MySQL stores it: `*` and 40 hexadecimal digits");
  v.secret("caching_sha2_hash", u.secret.caching_sha2_hash, SecretForm::caching_sha2,
           "as MySQL stores it: `$A$...` or `$B$...`");
  const Choice<AdminRight> rights{{{"false", AdminRight::none},
                                   {"read_only", AdminRight::read_only},
                                   {"true", AdminRight::act}},
                                  {}};
  v.option("admin", u.admin, rights,
           "what the user may do on the console, the HTTP API and the dashboard: nothing, see "
           "(`read_only`), or see and act");
}

template <typename V>
void fields(V& v, LaterAuth&) {
  v.later("query");
  v.later("passthrough", {"false"});
}

// The `tls` and `dashboard` of `admin`, as groups of their own.
struct AdminTls {
  ListenerTls& tls;
};
struct Dashboard {
  bool& enabled;
};

template <typename V>
void fields(V& v, AdminTls& t) {
  const Choice<TlsMode> modes{{{"disable", TlsMode::disable}, {"require", TlsMode::require}}, {}};
  v.option("mode", t.tls.mode, modes,
           "whether admin.http speaks HTTPS; another mode takes a restart");
  v.option("cert_file", t.tls.cert_file, Text{"path"}, "certificate chain in PEM");
  v.option("key_file", t.tls.key_file, Text{"path"}, "its private key in PEM");
}

template <typename V>
void fields(V& v, Dashboard& d) {
  v.option("enabled", d.enabled, Boolean{},
           "serve the dashboard at / of admin.http; its users are those with `admin`");
}

template <typename V>
void fields(V& v, Admin& a) {
  v.option("http", a.http, Bind{},
           "address of /metrics, the probes, /api/v1 and the dashboard, written as `bind` is; "
           "without it: none");
  v.option("socket", a.socket, Text{"path"},
           "unix socket of the same API for `sluice ctl`, `top` and `drain`, for the user that "
           "sluice runs as and root alone, who are admins there; without it: none");
  AdminTls tls{a.tls};
  v.group("tls", tls, "TLS of admin.http; its files are read again at each reload");
  Dashboard dashboard{a.dashboard};
  v.group("dashboard", dashboard, "the web page");
  v.group("readiness", a.readiness, "when /readyz says yes");
  v.option("console_database", a.console_database, Text{"name"},
           "clients that log in to this database, or to `pgbouncer`, reach the console; users "
           "without `admin` are refused there");
}

template <typename V>
void fields(V& v, Readiness& r) {
  const Choice<Readiness> rules{
      {{"any", Readiness::any}, {"all", Readiness::all}, {"none", Readiness::none}}, {}};
  v.option("backends", r, rules, "how many pools must reach their server");
}

template <typename V>
void fields(V& v, Limits& l) {
  v.option("max_client_connections", l.max_client_connections, Integer{1, 10000000},
           "clients at once; more are refused");
  v.option("client_login_timeout", l.client_login_timeout, Span{milliseconds(1)},
           "from accept to the end of the login");
  v.option("max_message", l.max_message, Size{std::uint64_t{1} << 16U, std::uint64_t{1} << 30U},
           "the largest message or packet of a client");
  v.option(
      "client_idle_timeout", l.client_idle_timeout, Span{},
      "a client that asks nothing for so long outside a transaction is disconnected; 0s = none");
  v.option(
      "idle_transaction_timeout", l.idle_transaction_timeout, Span{},
      "a client that asks nothing for so long within a transaction is disconnected, which rolls "
      "it back; 0s = none");
  v.option("transaction_timeout", l.transaction_timeout, Span{},
           "a transaction that lasts longer ends with its client's connection; 0s = none");
  v.option("query_timeout", l.query_timeout, Span{},
           "a query that runs longer is cancelled on the server; 0s = none");
  v.option("client_max_lifetime", l.client_max_lifetime, Span{},
           "a client is disconnected between transactions at this age, less up to a tenth by "
           "chance; 0s = none");
  v.option("max_pinned_buffer", l.max_pinned_buffer,
           Size{std::uint64_t{1} << 12U, std::uint64_t{1} << 30U},
           "how much of a statement's text is kept for middleware to see; what must see all of a "
           "longer one refuses it");
}

template <typename V>
void fields(V& v, Drain& d) {
  v.option("delay", d.delay, Span{}, "from the signal until nothing new is accepted");
  v.option("timeout", d.timeout, Span{}, "how long what runs may take to finish");
}

template <typename V>
void fields(V& v, Reload& r) {
  v.option(
      "watch", r.watch, Boolean{},
      "reload when this file, or one that it names, is another: secrets, certificates, keys of "
      "tokens; `false` = only when asked (SIGHUP, the console, the API)");
}

template <typename V>
void fields(V& v, Log& l) {
  const Choice<std::string> levels{{{"trace", "trace"},
                                    {"debug", "debug"},
                                    {"info", "info"},
                                    {"warning", "warning"},
                                    {"error", "error"}},
                                   {}};
  v.option("level", l.level, levels, "what is less important is left out");
  const Choice<LogFormat> formats{{{"text", LogFormat::text}, {"json", LogFormat::json}}, {}};
  v.option("format", l.format, formats, "of the lines on standard error");
}

template <typename V>
void fields(V& v, Config& c) {
  v.option("version", c.version, Integer{1, 1}, "of the configuration's format");
  v.option("workers", c.workers, Workers{}, "threads; auto = the cores this process may use");
  const Choice<Io> ios{{{"auto", Io::automatic}, {"epoll", Io::epoll}, {"io_uring", Io::io_uring}},
                       {}};
  v.option("io", c.io, ios,
           "how sockets are driven; auto = io_uring where the kernel and the container allow it");
  v.list("listeners", c.listeners, "where clients connect; at least one");
  v.named("pools", c.pools, "connections to databases, by name; at least one");
  v.list("users", c.users, "who may log in; one form of secret each");
  v.middleware("middleware", c.middleware,
               "the global chain, which every session passes before that of its route");
  v.list("routes", c.routes,
         "from session to pool; the first that matches wins, and a session that matches none is "
         "refused; at least one");
  v.list("schedules", c.schedules,
         "what is done to pools by the clock; see [operations.md](operations.md#working-hours)");
  v.group("admin", c.admin, "for operators");
  v.group("limits", c.limits, "for clients");
  v.group("drain", c.drain, "how it stops");
  v.group("reload", c.reload, "how it comes by a new configuration");
  v.group("log", c.log, "what it writes");
  LaterAuth auth;
  v.group("auth", auth, "");
}

}  // namespace sluice::config
