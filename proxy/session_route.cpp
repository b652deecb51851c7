// What is between the proof of who a client is and its first request: the middleware that it must
// pass, its route, and the conversation that it begins with.

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "metrics/log.hpp"
#include "proxy/server.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy {
namespace {

using protocol::FailureKind;

std::string_view value_of(const protocol::Parameters& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

// PostgreSQL has a parameter for it; MySQL's clients use this attribute.
constexpr std::string_view kApplicationName = "application_name";
constexpr std::string_view kProgramName = "program_name";

std::string_view application_name(const protocol::ClientLogin& login, config::Protocol protocol) {
  return value_of(login.parameters,
                  protocol == config::Protocol::postgresql ? kApplicationName : kProgramName);
}

std::string_view subject_of(const protocol::ClientLogin& login) {
  return login.certificate ? std::string_view(login.certificate->subject) : std::string_view();
}

// A level as SQL names it, of a setting's value: "repeatable read", "REPEATABLE-READ". "": none.
std::string_view level_of(std::string_view value) {
  constexpr std::array<std::string_view, 4> kLevels{"READ UNCOMMITTED", "READ COMMITTED",
                                                    "REPEATABLE READ", "SERIALIZABLE"};
  const auto same = [](char a, char b) {
    const char upper = a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a;
    return upper == b || (b == ' ' && (a == '-' || a == '_'));
  };
  const auto* found = std::find_if(kLevels.begin(), kLevels.end(), [&](std::string_view level) {
    return std::equal(value.begin(), value.end(), level.begin(), level.end(), same);
  });
  return found == kLevels.end() ? std::string_view() : *found;
}

}  // namespace

std::string_view Session::route_name() const {
  return route_ != nullptr ? std::string_view(route_->config.name) : std::string_view();
}

void Session::close_chain() {
  if (chain_ != nullptr) {
    chain_->close();
  }
}

middleware::Identity Session::identity(const Attributes& attributes) const {
  middleware::Identity identity;
  identity.protocol = listener_.dialect->protocol();
  identity.session = id_;
  identity.listener = listener_.config->name;
  identity.user = login_->user;
  identity.database = login_->database;
  identity.address = host_of(peer_);
  identity.application_name = application_name(*login_, listener_.config->protocol);
  identity.tls_subject = subject_of(*login_);
  identity.tls = login_->tls;
  identity.traceparent = value_of(attributes, "traceparent");
  return identity;
}

// A refusal touches no backend. `attributes` are needed no longer when it returns.
protocol::Status Session::choose_route(const Attributes& attributes) {
  chain_.reset();
  route_ = nullptr;
  console_ = nullptr;
  policy_ = worker_.server.policy();
  if (asks_for_console()) {
    return enter_console();
  }
  if (in_reserve_ && worker_.server.over_limit()) {
    return worker_.server.too_many_clients();
  }
  Candidate candidate;
  candidate.protocol = listener_.config->protocol;
  candidate.listener = listener_.config->name;
  candidate.user = login_->user;
  candidate.database = login_->database;
  candidate.application_name = application_name(*login_, candidate.protocol);
  candidate.address = host_of(peer_);
  candidate.tls_subject = subject_of(*login_);
  candidate.parameters = &login_->parameters;
  candidate.attributes = &attributes;
  if (!policy_->has_middleware()) {
    return take_route(candidate, nullptr);
  }
  chain_ = std::make_unique<middleware::Chain>(
      identity(attributes), middleware::Surroundings{worker_.time, policy_->background(),
                                                     worker_.index, &worker_.statements});
  middleware::Login left{chain_->identity(), attributes, chain_->now()};
  protocol::Status status = enter_chains(candidate, left);
  if (chain_ != nullptr) {
    chain_->login_ended(left, status ? nullptr : &status.failure());
  }
  return status;
}

protocol::Status Session::enter_chains(Candidate& login, middleware::Login& left) {
  if (auto refusal = chain_->enter(policy_->chain(), left)) {
    return std::move(*refusal);
  }
  login.claims = &left.claims;
  return take_route(login, &left);
}

// `left` is what middleware has left behind; null: there is none.
protocol::Status Session::take_route(const Candidate& login, middleware::Login* left) {
  route_ = policy_->find(login);
  if (route_ == nullptr) {
    return protocol::fail(
        FailureKind::no_route,
        "no route matches user \"" + login_->user + "\" and database \"" + login_->database + "\"");
  }
  if (worker_.server.pools().disabled(route_->pool.name)) {
    return protocol::fail(FailureKind::pool_disabled,
                          "pool " + route_->pool.name +
                              " is disabled: an operator lets no new sessions in; try again later");
  }
  if (left != nullptr) {
    chain_->take_route(route_->config);
    if (auto refusal = chain_->enter(route_->chain, *left)) {
      return std::move(*refusal);
    }
  }
  return begin_conversation(left);
}

protocol::Status Session::begin_conversation(const middleware::Login* left) {
  const config::Pool& pool = route_->pool;
  BackendPoolPtr own = pool_of(pool);
  if (own == nullptr) {  // it has gone at this very moment
    return protocol::fail(FailureKind::shutting_down, removed_text(pool.name));
  }
  protocol::ClientLogin login = *login_;
  if (!pool.database.empty()) {
    login.database = pool.database;
  }
  conversation_ = listener_.dialect->make_conversation(login, defaults(left));
  if (chain_ != nullptr && chain_->inspects()) {
    conversation_->inspect(chain_.get(), policy_->config().limits.max_pinned_buffer);
  } else if (chain_ != nullptr && chain_->empty()) {
    chain_.reset();
  }
  login.database = login_->database;
  // The conversation has made its settings of them, but not of the name of a MySQL client.
  std::string name(value_of(login.parameters, kProgramName));
  const std::uint64_t hash = std::hash<std::string>{}(login.user + '\n' + login.database + name);
  login.parameters.clear();
  if (!name.empty()) {
    login.parameters.emplace_back(kProgramName, std::move(name));
  }
  login.parameters.shrink_to_fit();
  login_ = worker_.logins.share(std::move(login), hash);
  count_prepared(0);
  lender_ = pool_ = std::move(own);
  presence_.join(pool_->instruments(worker_.index));
  route_->instruments[worker_.index]->sessions.add();
  uncommitted_ = false;
  settings_seen_ = 0;
  note_isolation();
  return protocol::Done{};
}

// Those of the route, unless middleware has left something for this session alone.
std::shared_ptr<const protocol::SessionDefaults> Session::defaults(const middleware::Login* left) {
  const bool own =
      left != nullptr && (left->read_only || !left->settings.empty() || !left->fixed.empty());
  if (!own) {
    return route_->defaults;
  }
  protocol::SessionDefaults made = *route_->defaults;
  made.read_only = made.read_only || left->read_only;
  made.read_only_fixed = left->read_only;
  made.settings.insert(made.settings.end(), left->settings.begin(), left->settings.end());
  made.fixed.insert(made.fixed.end(), left->fixed.begin(), left->fixed.end());
  std::string key = route_->config.name;
  for (const auto& [name, value] : made.settings) {
    key.append("\n").append(name).append("=").append(value);
  }
  return worker_.defaults.share(std::move(made), std::hash<std::string>{}(key));
}

// The pool for this session's user and database. A MySQL pool without a database serves all of
// them: the schema is a setting of the session.
BackendPoolPtr Session::pool_of(const config::Pool& pool) const {
  const std::string& user = pool.user.empty() ? login_->user : pool.user;
  const bool by_database = pool.database.empty() && pool.protocol == config::Protocol::postgresql;
  return worker_.server.pools().get(pool, user, by_database ? login_->database : pool.database);
}

// The route's, unless middleware sends the request at the head elsewhere, to a pool that is still
// there. With pool_mode: session the first request would take all others along.
BackendPoolPtr Session::pool_of_request() {
  const bool may_move = chain_ != nullptr && !route_->defaults->session_mode;
  const std::string name = may_move ? chain_->take_pool() : std::string();
  const config::Pool* pool = name.empty() ? nullptr : policy_->config().find_pool(name);
  if (pool == nullptr || to_protocol(pool->protocol) != pool_->dialect().protocol()) {
    return pool_;
  }
  BackendPoolPtr other = pool_of(*pool);
  return other != nullptr ? other : pool_;
}

// The application's name as it is now: PostgreSQL's clients may change it.
std::string_view Session::shown_name() const {
  const protocol::SettingsPtr& settings = conversation_->settings();
  const std::string* name = settings != nullptr ? settings->find(kApplicationName) : nullptr;
  return name != nullptr ? std::string_view(*name)
                         : application_name(*login_, listener_.config->protocol);
}

// What its transactions begin with.
std::string_view Session::isolation() const {
  const protocol::SettingsPtr& settings = conversation_->settings();
  const std::string* level =
      settings != nullptr ? settings->find(listener_.dialect->isolation_setting()) : nullptr;
  return level != nullptr ? level_of(*level) : listener_.dialect->default_isolation();
}

// Who reads what others have not committed is told of once for each route.
void Session::note_isolation() {
  const protocol::SettingsPtr& settings = conversation_->settings();
  const std::uint64_t hash = settings ? settings->hash() : 0;
  const bool once = conversation_->asked_for_uncommitted();
  if (uncommitted_ || (hash == settings_seen_ && !once)) {
    return;
  }
  settings_seen_ = hash;
  if (!once && isolation() != "READ UNCOMMITTED") {
    return;
  }
  uncommitted_ = true;
  route_->instruments[worker_.index]->read_uncommitted.add();
  if (!route_->told_of_uncommitted.exchange(true, std::memory_order_relaxed)) {
    metrics::log::write(
        metrics::log::Level::warning, "read_uncommitted", about(),
        {{"advice",
          listener_.config->protocol == config::Protocol::mysql
              ? "sessions of this route read rows that may never be committed; READ COMMITTED is "
                "as quick for readers and shows only what is there"
              : "PostgreSQL treats READ UNCOMMITTED as READ COMMITTED; say what is meant"}});
  }
}

}  // namespace sluice::proxy
