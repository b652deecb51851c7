#include "protocol/mysql/login_backend.hpp"

#include <utility>

#include "protocol/mysql/backend_credentials.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/rsa.hpp"
#include "protocol/mysql/verify_client.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kMaxPacket = std::size_t{1} << 20U;
constexpr std::uint32_t kMaxReply = std::uint32_t{1} << 30U;
constexpr std::size_t kMaxErrorText = 512;
constexpr std::string_view kHiddenVersion = "5.5.5-";
constexpr std::uint16_t kBadDatabase = 1049;

// What may come next from the server besides the verdict.
enum class Stage : std::uint8_t {
  answered,   // a switch, or AuthMoreData
  fast_done,  // 01 03 has come: a switch still may
  key_asked,  // the public key, nothing else but an ERR
  all_sent,   // the password has gone out: the verdict
};

struct Attempt {
  BackendTarget target;
  BackendCredentials credentials;
  BackendLogin login;
  std::string plugin;
  std::string nonce;
  std::uint8_t sequence = 0;  // of the next packet, whoever sends it
  Stage stage = Stage::answered;
  bool switched = false;

  bool secure() const { return login.tls || target.local; }
};

std::string name_of(const BackendTarget& target) {
  return "'" + printable(target.user, kMaxUser) + "' on " + target.host;
}

Attempt make_attempt(BackendTarget target) {
  BackendCredentials credentials(target, name_of(target));
  return {std::move(target), std::move(credentials), {}, {}, {}};
}

Failure garbage(const Attempt& attempt, std::string_view what) {
  return fail(FailureKind::backend_protocol,
              "login as " + name_of(attempt.target) + " failed: the server broke the protocol",
              std::string(what));
}

// The server's own refusal, with its codes.
Failure refused(const Attempt& attempt, Bytes payload) {
  const Result<Err> err = decode_err(payload);
  if (!err.ok()) {
    return garbage(attempt, err.failure().detail);
  }
  const Err& error = err.value();
  Failure failure = fail(error.number == kBadDatabase ? FailureKind::unknown_database
                                                      : FailureKind::backend_login_failed,
                         "login as " + name_of(attempt.target) +
                             " was refused: " + printable(error.text, kMaxErrorText));
  failure.mysql_errno_override = error.number;
  failure.sqlstate_override = printable(error.sqlstate, 5);
  return failure;
}

Failure login_failed(const Attempt& attempt, const std::string& why) {
  return fail(FailureKind::backend_login_failed,
              "cannot log in as " + name_of(attempt.target) + ": " + why);
}

// Collations that fit into the handshake and that the server knows; the session sets others.
std::uint8_t handshake_collation(const Attempt& attempt) {
  const std::uint16_t wanted = attempt.target.collation;
  const bool unknown = wanted == kUtf8mb40900AiCi && attempt.login.mariadb;
  return static_cast<std::uint8_t>(wanted == 0 || wanted > 255 || unknown ? kUtf8mb4GeneralCi
                                                                          : wanted);
}

// What a greeting says about its server; the caller decides what it wants of that.
Result<Greeting> read_greeting(Attempt& attempt, Bytes payload) {
  if (payload[0] == lead::kErr) {
    return refused(attempt, payload);
  }
  Result<Greeting> greeting = decode_greeting(payload);
  if (!greeting.ok()) {
    return garbage(attempt, greeting.failure().detail);
  }
  BackendLogin& login = attempt.login;
  login.server_version = greeting->server_version;
  login.mariadb = login.server_version.find("MariaDB") != std::string::npos;
  if (login.server_version.starts_with(kHiddenVersion)) {
    login.server_version.erase(0, kHiddenVersion.size());
  }
  login.process_id = greeting->connection_id;
  login.capabilities = greeting->capabilities;
  return greeting;
}

// Settles capabilities and TLS.
Status take_greeting(Attempt& attempt, Bytes payload) {
  Result<Greeting> greeting = read_greeting(attempt, payload);
  if (!greeting.ok()) {
    return std::move(greeting.failure());
  }
  const std::uint32_t offered = greeting->capabilities;
  const std::uint32_t needed = capability::kProtocol41 | capability::kSecureConnection;
  if ((offered & needed) != needed) {
    return login_failed(attempt, "the server is older than MySQL 4.1");
  }
  std::uint32_t wanted =
      capability::kBackendAlways | (attempt.target.capabilities & capability::kMirrored);
  if (!attempt.target.database.empty()) {
    wanted |= capability::kConnectWithDb;
  }
  // MariaDB clears the first bit to say that it has more; set, it says that we do not.
  attempt.login.capabilities = wanted & (offered | capability::kLongPassword);
  const bool has_tls = (offered & capability::kSsl) != 0;
  const TlsMode mode = attempt.target.tls;
  const bool optional = mode == TlsMode::prefer && (attempt.target.local || !has_tls);
  attempt.login.tls = mode != TlsMode::disable && !optional;
  if (attempt.login.tls && !has_tls) {
    return fail(FailureKind::backend_tls_failed,
                "cannot log in as " + name_of(attempt.target) + ": the server has no TLS");
  }
  attempt.nonce = std::move(greeting->nonce);
  attempt.plugin = greeting->plugin.empty() ? kNativePassword : greeting->plugin;
  return Done{};
}

HandshakeResponse make_response(const Attempt& attempt) {
  HandshakeResponse response;
  response.capabilities = attempt.login.capabilities;
  if (attempt.login.tls) {
    response.capabilities |= capability::kSsl;
  }
  response.max_packet = kMaxReply;
  response.collation = handshake_collation(attempt);
  response.user = attempt.target.user;
  response.database = attempt.target.database;
  response.plugin = attempt.plugin;
  response.attributes = attempt.target.parameters;
  return response;
}

// What a plugin sends for a nonce. An empty password is a lone NUL for caching_sha2_password.
Result<Buffer> first_answer(const Attempt& attempt) {
  Result<Buffer> token = attempt.credentials.token(attempt.plugin, as_bytes(attempt.nonce));
  if (token.ok() && token->empty() && attempt.plugin == kCachingSha2) {
    token->push_back(0);
  }
  return token;
}

Result<Buffer> answer_switch(Attempt& attempt, Bytes payload) {
  if (payload.size() == 1) {
    return login_failed(attempt, "the server wants the password hashes of MySQL 4.0");
  }
  const Result<AuthSwitch> request = decode_auth_switch(payload);
  if (!request.ok()) {
    return garbage(attempt, request.failure().detail);
  }
  const bool allowed = attempt.stage == Stage::answered || attempt.stage == Stage::fast_done;
  if (attempt.switched || !allowed) {
    return garbage(attempt, "an AuthSwitchRequest where none may come");
  }
  attempt.switched = true;
  attempt.plugin = request.value().plugin;
  if (attempt.plugin == kClearPassword) {
    attempt.stage = Stage::all_sent;
    const TlsMode mode = attempt.target.tls;
    if (!attempt.login.tls || (mode != TlsMode::verify_ca && mode != TlsMode::verify_full)) {
      return login_failed(
          attempt, "mysql_clear_password is used only with tls mode verify-ca or verify-full");
    }
    return attempt.credentials.clear_password(kClearPassword);
  }
  if (attempt.plugin != kNativePassword && attempt.plugin != kCachingSha2) {
    return login_failed(attempt, "authentication method " + printable(attempt.plugin, kMaxPlugin) +
                                     " is not supported; MySQL may also name a method at random "
                                     "when the user does not exist");
  }
  const Bytes data = request.value().data;
  if (data.size() < kNonceSize || data.size() > kNonceSize + 1) {
    return garbage(attempt, "a nonce that is not 20 bytes long");
  }
  attempt.nonce = as_text(data.first(kNonceSize));
  attempt.stage = Stage::answered;
  return first_answer(attempt);
}

// Encrypts the password for the key; runs in Compute.
struct KeyExchange {
  std::string pem;
  Buffer password;
  std::string nonce;
  std::optional<Buffer> cipher;

  void run() noexcept {
    try {
      cipher = rsa_encrypt(pem, mask_with_nonce(password, as_bytes(nonce)));
    } catch (const std::exception&) {
      cipher.reset();
    }
  }
};

// AuthMoreData other than the key. An empty answer: wait for what comes next.
Result<Buffer> answer_word(Attempt& attempt, Bytes data) {
  const bool known = data.size() == 1 && (data[0] == kFastOk || data[0] == kFullAuthentication);
  if (!known || attempt.stage != Stage::answered || attempt.plugin != kCachingSha2) {
    return garbage(attempt, "AuthMoreData where none may come");
  }
  if (data[0] == kFastOk) {
    attempt.stage = Stage::fast_done;
    return Buffer{};
  }
  Result<Buffer> password = attempt.credentials.clear_password(
      "full authentication by caching_sha2_password (the server has forgotten the user)");
  if (!password.ok() || attempt.secure()) {
    attempt.stage = Stage::all_sent;
    return password;
  }
  attempt.stage = Stage::key_asked;
  return Buffer{kRequestPublicKey};
}

Result<BackendLogin> finish(Attempt& attempt, Bytes payload) {
  const Result<Ok> ok = decode_ok(payload, attempt.login.capabilities);
  if (attempt.stage == Stage::key_asked || !ok.ok()) {
    return garbage(attempt, "a malformed OK packet, or one too early");
  }
  attempt.login.status = ok.value().status;
  return std::move(attempt.login);
}

// Reads one packet; its payload is a copy, so that it outlives the next yield.
Machine<Buffer> read_packet(Attempt& attempt) {
  Given given = co_yield ReadFrame{packet_frame, kMaxPacket};
  const std::optional<Bytes> payload = open_packet(given.frame, attempt.sequence);
  if (!payload || payload->empty()) {
    co_return garbage(attempt, "an empty packet, or one out of order");
  }
  co_return Buffer(payload->begin(), payload->end());
}

// From the answer to the greeting to the verdict.
Machine<BackendLogin> authenticate(Attempt& attempt) {
  while (true) {
    Machine<Buffer> reading = read_packet(attempt);
    for (Want* want = reading.resume(); want != nullptr;) {
      Given given = co_yield std::move(*want);
      want = reading.resume(std::move(given));
    }
    if (!reading.result().ok()) {
      co_return std::move(reading.result().failure());
    }
    const Buffer payload = std::move(reading.result().value());
    if (payload[0] == lead::kOk) {
      co_return finish(attempt, payload);
    }
    if (payload[0] == lead::kErr) {
      co_return refused(attempt, payload);
    }
    const Bytes rest = Bytes(payload).subspan(1);
    if (payload[0] == lead::kAuthMoreData && attempt.stage == Stage::key_asked) {
      KeyExchange exchange{std::string(as_text(rest)), {}, attempt.nonce, std::nullopt};
      exchange.password = std::move(attempt.credentials.clear_password({}).value());
      co_yield Compute{[&exchange] { exchange.run(); }};
      if (!exchange.cipher) {
        co_return garbage(attempt, "a public key that cannot be used");
      }
      attempt.stage = Stage::all_sent;
      co_yield Write{packet(attempt.sequence++, *exchange.cipher)};
      continue;
    }
    if (payload[0] != lead::kAuthMoreData && payload[0] != lead::kAuthSwitch) {
      co_return garbage(attempt, "an unknown packet during the login");
    }
    const bool switching = payload[0] == lead::kAuthSwitch;
    Result<Buffer> answer =
        switching ? answer_switch(attempt, payload) : answer_word(attempt, rest);
    if (!answer.ok()) {
      co_return std::move(answer.failure());
    }
    if (switching || !answer->empty()) {
      co_yield Write{packet(attempt.sequence++, *answer)};
    }
  }
}

}  // namespace

Machine<BackendLogin> greet_backend(BackendTarget target) {
  Attempt attempt = make_attempt(std::move(target));
  Machine<Buffer> reading = read_packet(attempt);
  for (Want* want = reading.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = reading.resume(std::move(given));
  }
  if (!reading.result().ok()) {
    co_return std::move(reading.result().failure());
  }
  Result<Greeting> greeting = read_greeting(attempt, reading.result().value());
  if (!greeting.ok()) {
    co_return std::move(greeting.failure());
  }
  co_return std::move(attempt.login);
}

Machine<BackendLogin> login_backend(BackendTarget target) {
  Attempt attempt = make_attempt(std::move(target));
  Machine<Buffer> reading = read_packet(attempt);
  for (Want* want = reading.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = reading.resume(std::move(given));
  }
  if (!reading.result().ok()) {
    co_return std::move(reading.result().failure());
  }
  const Status greeted = take_greeting(attempt, reading.result().value());
  if (!greeted.ok()) {
    co_return greeted.failure();
  }
  attempt.plugin = attempt.credentials.best_plugin(attempt.plugin);
  HandshakeResponse response = make_response(attempt);
  if (attempt.login.tls) {
    co_yield Write{packet(attempt.sequence++, encode_ssl_request(response))};
    co_yield StartTls{};
  }
  Result<Buffer> token = first_answer(attempt);
  if (!token.ok()) {
    co_return std::move(token.failure());
  }
  response.auth = std::move(token.value());
  co_yield Write{packet(attempt.sequence++, encode_handshake_response(response))};
  Machine<BackendLogin> dialogue = authenticate(attempt);
  for (Want* want = dialogue.resume(); want != nullptr;) {
    Given given = co_yield std::move(*want);
    want = dialogue.resume(std::move(given));
  }
  co_return std::move(dialogue.result());
}

}  // namespace sluice::protocol::mysql
