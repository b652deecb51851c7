#include "protocol/postgresql/dialect.hpp"

#include <utility>

#include "protocol/postgresql/accept_client.hpp"
#include "protocol/postgresql/console.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/link.hpp"
#include "protocol/postgresql/login_backend.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/startup.hpp"

namespace sluice::protocol::postgresql {
namespace {

Machine<ClientLogin> no_change_user() {
  co_return fail(FailureKind::unsupported_feature, "PostgreSQL has no change of user");
}

// TLS as the target says, and nothing more: a cancel request follows. What an error says is not
// shown, because nothing vouches for it.
Machine<BackendLogin> begin(BackendTarget target) {
  BackendLogin login;
  if (target.tls == TlsMode::disable || target.local) {
    co_return login;
  }
  Buffer request;
  put_ssl_request(request);
  co_yield Write{std::move(request)};
  Given given = co_yield ReadFrame{&answer_frame, 1, 1};
  char answer = given.frame.empty() ? '\0' : static_cast<char>(given.frame[0]);
  if (answer == 'S') {
    co_yield StartTls{};
    login.tls = true;
  } else if (answer != 'N' || target.tls != TlsMode::prefer) {
    co_return fail(FailureKind::backend_tls_failed, "the server does not speak TLS");
  }
  co_return login;
}

class PostgresqlDialect final : public Dialect {
 public:
  Protocol protocol() const override { return Protocol::postgresql; }
  std::string_view name() const override { return "postgresql"; }
  std::uint16_t default_port() const override { return 5432; }

  Machine<ClientLogin> accept_client(AcceptOptions options) const override {
    return postgresql::accept_client(std::move(options));
  }
  Machine<BackendLogin> login_backend(BackendTarget target) const override {
    return postgresql::login_backend(std::move(target));
  }
  Machine<BackendLogin> greet(BackendTarget target) const override {
    return begin(std::move(target));
  }
  Machine<ClientLogin> change_user(AcceptOptions /*options*/, ClientLogin /*current*/,
                                   Buffer /*packet*/) const override {
    return no_change_user();
  }

  Buffer login_error(const ClientLogin& /*login*/, const Failure& failure) const override {
    return greeting_error(failure);
  }
  Buffer greeting_error(const Failure& failure) const override {
    Buffer out;
    put_error_response(out, failure, ErrorLevel::fatal);
    return out;
  }

  std::string_view isolation_setting() const override { return "default_transaction_isolation"; }
  std::string_view default_isolation() const override { return "READ COMMITTED"; }

  std::unique_ptr<Conversation> make_conversation(
      const ClientLogin& login, std::shared_ptr<const SessionDefaults> defaults) const override {
    return std::make_unique<ClientConversation>(login, std::move(defaults));
  }
  std::unique_ptr<ConsoleConversation> make_console(const ClientLogin& login,
                                                    ConsoleIdentity identity) const override {
    return std::make_unique<PostgresqlConsole>(login, std::move(identity));
  }
  std::unique_ptr<Link> make_link(BackendLogin login,
                                  std::shared_ptr<const SessionDefaults> defaults) const override {
    return std::make_unique<BackendLink>(std::move(login), defaults->max_prepared_statements,
                                         defaults->init_sql);
  }

  // Only what the pool says. What a session wants comes with attach(), so that RESET takes every
  // session back to the same values.
  void prepare_target(BackendTarget& target, const SessionDefaults& /*defaults*/,
                      const Parameters& connect_args,
                      const Conversation* /*session*/) const override {
    target.parameters = connect_args;
  }

  Buffer cancel_packet(const BackendLogin& backend) const override {
    Buffer out;
    put_cancel_request(out, {backend.process_id, backend.cancel_key});
    return out;
  }
  Buffer goodbye() const override {
    Buffer out;
    put_message(out, frontend::kTerminate);
    return out;
  }
  Buffer kill_query(const BackendLogin& /*backend*/, bool /*query_only*/) const override {
    return {};
  }
};

}  // namespace

const Dialect& postgresql_dialect() {
  static const PostgresqlDialect kDialect;
  return kDialect;
}

}  // namespace sluice::protocol::postgresql
