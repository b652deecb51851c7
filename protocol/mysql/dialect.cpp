#include "protocol/mysql/dialect.hpp"

#include <utility>

#include "protocol/mysql/accept_client.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/change_user.hpp"
#include "protocol/mysql/collations.hpp"
#include "protocol/mysql/console.hpp"
#include "protocol/mysql/conversation.hpp"
#include "protocol/mysql/link.hpp"
#include "protocol/mysql/login_backend.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/session_state.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

class MysqlDialect final : public Dialect {
 public:
  Protocol protocol() const override { return Protocol::mysql; }
  std::string_view name() const override { return "mysql"; }
  std::uint16_t default_port() const override { return 3306; }

  Machine<ClientLogin> accept_client(AcceptOptions options) const override {
    return mysql::accept_client(std::move(options));
  }
  Machine<BackendLogin> login_backend(BackendTarget target) const override {
    return mysql::login_backend(std::move(target));
  }
  Machine<BackendLogin> greet(BackendTarget target) const override {
    return greet_backend(std::move(target));
  }
  Machine<ClientLogin> change_user(AcceptOptions options, ClientLogin current,
                                   Buffer payload) const override {
    return mysql::change_user(std::move(options), std::move(current), std::move(payload));
  }

  Buffer login_error(const ClientLogin& login, const Failure& failure) const override {
    return packet(login.sequence, encode_err(failure));
  }
  Buffer greeting_error(const Failure& failure) const override {
    return packet(0, encode_err(failure, false));
  }

  std::string_view isolation_setting() const override { return kIsolation; }
  std::string_view default_isolation() const override { return "REPEATABLE READ"; }

  std::unique_ptr<Conversation> make_conversation(
      const ClientLogin& login, std::shared_ptr<const SessionDefaults> defaults) const override {
    return std::make_unique<MysqlConversation>(login, std::move(defaults));
  }
  std::unique_ptr<ConsoleConversation> make_console(const ClientLogin& login,
                                                    ConsoleIdentity identity) const override {
    return std::make_unique<MysqlConsole>(login, std::move(identity));
  }
  std::unique_ptr<Link> make_link(BackendLogin login,
                                  std::shared_ptr<const SessionDefaults> defaults) const override {
    return std::make_unique<MysqlLink>(std::move(login), std::move(defaults));
  }

  void prepare_target(BackendTarget& target, const SessionDefaults& /*defaults*/,
                      const Parameters& connect_args, const Conversation* session) const override {
    if (const auto* conversation = static_cast<const MysqlConversation*>(session)) {
      target.capabilities |= conversation->capabilities() & capability::kMirrored;
      target.collation = conversation->collation();
    }
    for (const auto& [name, value] : connect_args) {
      if (name != "charset" && name != "collation") {
        target.parameters.emplace_back(name, value);
      } else if (const Collation* collation = find_collation(value)) {
        target.collation = collation->id;
      }
    }
  }

  // There is no packet for it: log in and send kill_query().
  Buffer cancel_packet(const BackendLogin& /*backend*/) const override { return {}; }
  Buffer goodbye() const override {
    return packet(0, Buffer{static_cast<std::uint8_t>(Command::quit)});
  }
  bool closes_before_it_forgets() const override { return true; }
  Buffer kill_query(const BackendLogin& backend, bool query_only) const override {
    Buffer payload;
    Writer(payload)
        .u8(static_cast<std::uint8_t>(Command::query))
        .text(query_only ? "KILL QUERY " : "KILL ")
        .text(std::to_string(backend.process_id));
    return packet(0, payload);
  }
};

}  // namespace

const Dialect& mysql_dialect() {
  static const MysqlDialect kDialect;
  return kDialect;
}

}  // namespace sluice::protocol::mysql
