#include "protocol/mysql/accept_client.hpp"

#include <utility>

#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/verify_client.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kMaxLoginPacket = std::size_t{128} * 1024;
constexpr std::string_view kFallbackVersion = "8.0.36";

// Given up where the backends cannot do it; everything else sluice does by itself or every server
// has always had.
constexpr std::uint32_t kDependsOnBackend =
    capability::kMultiStatements | capability::kMultiResults | capability::kPsMultiResults |
    capability::kSessionTrack | capability::kDeprecateEof;

struct Acceptance {
  AcceptOptions options;
  std::uint32_t offered = 0;
  std::uint8_t sequence = 0;  // of the next packet, whoever sends it
  bool tls = false;
  std::optional<PeerCertificate> certificate;
  Challenge challenge;
};

std::uint32_t offered_capabilities(const AcceptOptions& options) {
  std::uint32_t offered = capability::kOffered;
  if (options.capabilities != 0) {
    offered &= options.capabilities | ~kDependsOnBackend;
  }
  return options.tls == TlsMode::disable ? offered : offered | capability::kSsl;
}

// MariaDB 10 hides its version from old replicas behind "5.5.5-", and clients expect that.
std::string wire_version(const std::string& version) {
  if (version.empty()) {
    return std::string(kFallbackVersion);
  }
  const bool mariadb = version.find("MariaDB") != std::string::npos;
  return mariadb && version.starts_with("10.") ? "5.5.5-" + version : version;
}

Greeting make_greeting(const Acceptance& state, const std::string& nonce) {
  Greeting greeting;
  greeting.server_version = wire_version(printable(state.options.server_version, kMaxVersion / 2));
  greeting.connection_id = state.options.connection_id;
  greeting.nonce = nonce;
  greeting.capabilities = state.offered;
  greeting.collation = kUtf8mb4GeneralCi;
  greeting.status = status_flag::kAutocommit;
  greeting.plugin = kCachingSha2;
  return greeting;
}

Failure tls_wanted() {
  return fail(FailureKind::tls_required,
              "this listener takes TLS connections only; connect with --ssl-mode=REQUIRED or the "
              "TLS option of the driver");
}

Failure too_old() {
  Failure failure = fail(FailureKind::unsupported_protocol,
                         "client does not speak the protocol of MySQL 4.1 and later with "
                         "authentication by a nonce");
  failure.mysql_errno_override = 1251;
  failure.sqlstate_override = "08004";
  return failure;
}

Failure tls_not_offered() {
  return fail(FailureKind::protocol_violation, "TLS was asked for but not offered here");
}

bool is_quit(Bytes payload) {
  return payload.size() == 1 && payload[0] == static_cast<std::uint8_t>(Command::quit);
}

// Is this a client at all that can be talked to? Decided before its user is looked at.
Status check_capabilities(const Acceptance& state, std::uint32_t capabilities) {
  if ((capabilities & capability::kProtocol41) == 0 ||
      (capabilities & (capability::kSecureConnection | capability::kPluginAuth)) == 0) {
    return too_old();
  }
  const bool required = state.options.tls != TlsMode::disable &&
                        state.options.tls != TlsMode::prefer && !state.options.local;
  if (required && !state.tls) {
    return tls_wanted();
  }
  return Done{};
}

ClientLogin make_login(const Acceptance& state, HandshakeResponse response) {
  ClientLogin login;
  login.user = std::move(response.user);
  login.database = std::move(response.database);
  login.parameters = std::move(response.attributes);
  login.capabilities = response.capabilities & state.offered & ~capability::kSsl;
  login.collation = response.collation;
  login.tls = state.tls;
  login.certificate = state.certificate;
  return login;
}

void make_challenge(Acceptance& state, const HandshakeResponse& response, std::string nonce) {
  Challenge& challenge = state.challenge;
  challenge.user = response.user;
  challenge.rsa_key = state.options.rsa_key;
  challenge.mock_salt_key = state.options.mock_salt_key;
  challenge.secure = state.tls || state.options.local;
  challenge.can_switch = (response.capabilities & capability::kPluginAuth) != 0;
  challenge.plugin = challenge.can_switch ? response.plugin : kNativePassword;
  challenge.nonce = std::move(nonce);
  challenge.response = response.auth;
}

// From the greeting to the client's HandshakeResponse, over TLS where both want it.
Machine<HandshakeResponse> exchange_greetings(Acceptance& state, std::string nonce) {
  co_yield Write{packet(state.sequence++, encode_greeting(make_greeting(state, nonce)))};
  while (true) {
    Given given = co_yield ReadFrame{packet_frame, kMaxLoginPacket};
    if (given.frame.size() > kHeaderSize && is_quit(given.frame.subspan(kHeaderSize))) {
      co_return fail(FailureKind::client_gone, "the client left before its login");
    }
    const std::optional<Bytes> payload = open_packet(given.frame, state.sequence);
    if (!payload) {
      co_return out_of_order();
    }
    if (!is_ssl_request(*payload)) {
      // Two bytes of capabilities are there even before 4.1.
      const bool old = payload->size() >= 2 && ((*payload)[1] & 0x02U) == 0;
      co_return old ? Result<HandshakeResponse>(too_old()) : decode_handshake_response(*payload);
    }
    if ((state.offered & capability::kSsl) == 0 || state.tls) {
      co_return tls_not_offered();
    }
    given = co_yield StartTls{};
    state.certificate = std::move(given.certificate);
    state.tls = true;
  }
}

Machine<ClientLogin> accept_steps(Acceptance& state) {
  state.offered = offered_capabilities(state.options);
  std::string nonce = make_nonce();
  Machine<HandshakeResponse> greetings = exchange_greetings(state, nonce);
  for (Want* want = greetings.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = greetings.resume(std::move(given));
  }
  if (!greetings.result().ok()) {
    co_return std::move(greetings.result().failure());
  }
  HandshakeResponse response = std::move(greetings.result().value());
  const Status acceptable = check_capabilities(state, response.capabilities);
  if (!acceptable.ok()) {
    co_return acceptable.failure();
  }
  make_challenge(state, response, std::move(nonce));
  ClientLogin login = make_login(state, std::move(response));
  if (state.tls) {
    if (Status shown = check_certificate(state.options.tls, login.certificate, login.user);
        !shown) {
      co_return shown.failure();
    }
  }
  Given found = co_yield FindSecret{login.user, login.database};
  state.challenge.secret = found.secret;
  state.challenge.sequence = state.sequence;
  Machine<Proof> dialogue = verify_client(state.challenge);
  for (Want* want = dialogue.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = dialogue.resume(std::move(given));
  }
  state.sequence = state.challenge.sequence;
  if (!dialogue.result().ok()) {
    co_return std::move(dialogue.result().failure());
  }
  login.method = dialogue.result()->method;
  login.learned = std::move(dialogue.result()->learned);
  login.sequence = state.sequence;
  co_return login;
}

}  // namespace

Machine<ClientLogin> accept_client(AcceptOptions options) {
  Acceptance state;
  state.options = std::move(options);
  Machine<ClientLogin> steps = accept_steps(state);
  for (Want* want = steps.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = steps.resume(std::move(given));
  }
  if (!steps.result().ok() && steps.result().failure().kind != FailureKind::client_gone) {
    co_yield Write{packet(state.sequence, encode_err(steps.result().failure()))};
  }
  co_return std::move(steps.result());
}

}  // namespace sluice::protocol::mysql
