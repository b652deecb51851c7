#include "protocol/mysql/change_user.hpp"

#include <utility>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/verify_client.hpp"

namespace sluice::protocol::mysql {
namespace {

void make_challenge(Challenge& challenge, const AcceptOptions& options, const ClientLogin& current,
                    const ChangeUser& change) {
  challenge.user = change.user;
  challenge.rsa_key = options.rsa_key;
  challenge.mock_salt_key = options.mock_salt_key;
  challenge.secure = current.tls || options.local;
  challenge.can_switch = (current.capabilities & capability::kPluginAuth) != 0;
  // Libraries that spoke caching_sha2_password may still name mysql_native_password here, and then
  // answer a switch to it with the nonce of their login (libmariadb 3).
  challenge.plugin = current.method == kCachingSha2 ? kCachingSha2 : change.plugin;
}

ClientLogin make_login(const ClientLogin& current, ChangeUser change, Proof proof) {
  ClientLogin login = current;
  login.user = std::move(change.user);
  login.database = std::move(change.database);
  if (!change.attributes.empty()) {
    login.parameters = std::move(change.attributes);
  }
  if (change.collation != 0) {
    login.collation = change.collation;
  }
  login.method = std::move(proof.method);
  login.learned = std::move(proof.learned);
  return login;
}

Machine<ClientLogin> change_steps(const AcceptOptions& options, const ClientLogin& current,
                                  const Buffer& payload, Challenge& challenge) {
  Result<ChangeUser> change = decode_change_user(payload, current.capabilities);
  if (!change.ok()) {
    co_return std::move(change.failure());
  }
  if (current.tls) {
    if (Status shown = check_certificate(options.tls, current.certificate, change->user); !shown) {
      co_return shown.failure();
    }
  }
  make_challenge(challenge, options, current, *change);
  Given found = co_yield FindSecret{change->user, change->database};
  challenge.secret = found.secret;
  Machine<Proof> dialogue = verify_client(challenge);
  for (Want* want = dialogue.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = dialogue.resume(std::move(given));
  }
  if (!dialogue.result().ok()) {
    co_return std::move(dialogue.result().failure());
  }
  ClientLogin login =
      make_login(current, std::move(change.value()), std::move(dialogue.result().value()));
  login.sequence = challenge.sequence;
  co_return login;
}

}  // namespace

Machine<ClientLogin> change_user(AcceptOptions options, ClientLogin current, Buffer payload) {
  Challenge challenge;
  challenge.sequence = 1;  // the command was packet 0
  Machine<ClientLogin> steps = change_steps(options, current, payload, challenge);
  for (Want* want = steps.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = steps.resume(std::move(given));
  }
  if (!steps.result().ok()) {
    co_yield Write{packet(challenge.sequence, encode_err(steps.result().failure()))};
  }
  co_return std::move(steps.result());
}

}  // namespace sluice::protocol::mysql
