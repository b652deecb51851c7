#pragma once

// One interface, two implementations: the only way by which proxy/ touches a wire protocol.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/console.hpp"
#include "protocol/conversation.hpp"
#include "protocol/login.hpp"
#include "protocol/machine.hpp"

namespace sluice::protocol {

enum class Protocol : std::uint8_t { postgresql, mysql };

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual Protocol protocol() const = 0;
  virtual std::string_view name() const = 0;  // "postgresql" | "mysql"
  virtual std::uint16_t default_port() const = 0;

  virtual Machine<ClientLogin> accept_client(AcceptOptions options) const = 0;
  virtual Machine<BackendLogin> login_backend(BackendTarget target) const = 0;
  // MySQL COM_CHANGE_USER: the login dialogue that follows the command. PostgreSQL has none.
  virtual Machine<ClientLogin> change_user(AcceptOptions options, ClientLogin current,
                                           Buffer packet) const = 0;

  // Takes out of `login` what is for sluice alone and must not reach a backend: the parameters or
  // attributes whose name is in `names` or begins with "sluice.", in any case of letters.
  virtual Parameters take_attributes(ClientLogin& login,
                                     const std::vector<std::string>& names) const;

  // The setting of a session that says which isolation level its transactions have.
  virtual std::string_view isolation_setting() const { return {}; }
  // The level of a server that nobody has told another one: "READ COMMITTED".
  virtual std::string_view default_isolation() const { return {}; }

  // An error for a client whose login has not reached a Conversation (or was refused after it).
  virtual Buffer login_error(const ClientLogin& login, const Failure& failure) const = 0;
  // An error for a client that has sent nothing yet (too many clients).
  virtual Buffer greeting_error(const Failure& failure) const = 0;

  virtual std::unique_ptr<Conversation> make_conversation(
      const ClientLogin& login, std::shared_ptr<const SessionDefaults> defaults) const = 0;
  // For a client that talks to sluice itself.
  virtual std::unique_ptr<ConsoleConversation> make_console(const ClientLogin& login,
                                                            ConsoleIdentity identity) const = 0;
  // `defaults` as they were when the backend logged in.
  virtual std::unique_ptr<Link> make_link(
      BackendLogin login, std::shared_ptr<const SessionDefaults> defaults) const = 0;

  // The parameters that a login to this pool sends, from connect_args, isolation level and so on:
  // fills target.parameters, capabilities and collation.
  virtual void prepare_target(BackendTarget& target, const SessionDefaults& defaults,
                              const Parameters& connect_args,
                              const Conversation* session) const = 0;

  // Bytes of a request that cancels what a backend runs now, sent on a connection of its own.
  // PostgreSQL: a CancelRequest packet, no login. MySQL: empty; log in, then send kill_query().
  virtual Buffer cancel_packet(const BackendLogin& backend) const = 0;
  // A polite end: PostgreSQL Terminate, MySQL COM_QUIT.
  virtual Buffer goodbye() const { return {}; }
  // The server takes a connection off its list some moments after it has closed the socket, so that
  // who counts there sees it for a little longer.
  virtual bool closes_before_it_forgets() const { return false; }
  // How a conversation with a server begins, and no further. PostgreSQL: TLS as target.tls says.
  // MySQL: the server's greeting, from which only server_version and capabilities are known.
  virtual Machine<BackendLogin> greet(BackendTarget target) const = 0;
  virtual Buffer kill_query(const BackendLogin& backend, bool query_only) const = 0;
};

const Dialect& dialect(Protocol protocol);

}  // namespace sluice::protocol
