#include "protocol/postgresql/accept_client.hpp"

#include <optional>
#include <utility>

#include "protocol/postgresql/authenticate_client.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/startup.hpp"

namespace sluice::protocol::postgresql {
namespace {

// Which encryption requests came before the startup packet; each may come once, none inside TLS.
struct Opening {
  bool asked_tls = false;
  bool asked_gss = false;
  bool tls = false;
  std::optional<PeerCertificate> certificate;

  Status note(std::uint32_t code, std::size_t size) {
    bool& asked = code == kSslCode ? asked_tls : asked_gss;
    if (size != 8 || asked || tls) {
      return fail(FailureKind::protocol_violation,
                  "unexpected encryption request before the startup packet");
    }
    asked = true;
    return Done{};
  }
};

bool offers_tls(const AcceptOptions& options) {
  return options.tls != TlsMode::disable && !options.local;
}

bool requires_tls(const AcceptOptions& options) {
  return offers_tls(options) && options.tls != TlsMode::prefer;
}

Buffer answer(char letter) {
  return Buffer{static_cast<std::uint8_t>(letter)};
}

Result<ClientLogin> open_cancel(Bytes frame, bool tls) {
  ClientLogin login;
  login.tls = tls;
  login.cancel = parse_cancel_request(frame);
  if (!login.cancel) {
    return fail(FailureKind::protocol_violation, "invalid cancel request");
  }
  return login;
}

ClientLogin begin_login(const Startup& startup, bool tls) {
  ClientLogin login;
  login.user = startup.user;
  login.database = startup.database;
  login.parameters = startup.parameters;
  login.replication = startup.replication;
  login.protocol_version = startup.version;
  login.tls = tls;
  return login;
}

Buffer negotiation(const Startup& startup) {
  Buffer out;
  put_negotiate_protocol_version(out, startup.version, startup.unrecognised);
  return out;
}

Claim make_claim(const AcceptOptions& options, const ClientLogin& login,
                 std::shared_ptr<const Secret> secret) {
  if (!secret) {
    secret = std::make_shared<const Secret>();
  }
  return Claim{login.user, std::move(secret), options.mock_salt_key, login.tls || options.local};
}

// The whole login; what fails here has not been told to the client.
Machine<ClientLogin> converse(const AcceptOptions& options) {
  Opening opening;
  Given given = co_yield ReadFrame{&startup_frame, kStartupLimit};
  std::optional<std::uint32_t> code = startup_code(given.frame);
  while (code && (*code == kSslCode || *code == kGssCode)) {
    if (Status noted = opening.note(*code, given.frame.size()); !noted) {
      co_return noted.failure();
    }
    if (code == kSslCode && offers_tls(options)) {
      co_yield Write{answer('S')};
      given = co_yield StartTls{};
      opening.certificate = std::move(given.certificate);
      opening.tls = true;
    } else {
      co_yield Write{answer('N')};
    }
    given = co_yield ReadFrame{&startup_frame, kStartupLimit};
    code = startup_code(given.frame);
  }
  if (code == kCancelCode) {
    co_return open_cancel(given.frame, opening.tls);
  }
  if (requires_tls(options) && !opening.tls) {
    co_return fail(FailureKind::tls_required,
                   "this listener takes TLS connections only: use sslmode=require or stronger");
  }

  Result<Startup> startup = parse_startup(given.frame);
  if (!startup) {
    co_return startup.failure();
  }
  ClientLogin login = begin_login(*startup, opening.tls);
  login.certificate = std::move(opening.certificate);
  if (opening.tls) {
    if (Status shown = check_certificate(options.tls, login.certificate, login.user); !shown) {
      co_return shown.failure();
    }
  }
  if (startup->negotiate) {
    co_yield Write{negotiation(*startup)};
  }
  given = co_yield FindSecret{login.user, login.database};
  Machine<Proof> method = authenticate_client(make_claim(options, login, std::move(given.secret)));
  Given inner;
  while (Want* want = method.resume(std::move(inner))) {
    inner = co_yield std::move(*want);
  }
  Result<Proof>& proof = method.result();
  if (!proof) {
    co_return proof.failure();
  }
  login.method = std::move(proof->method);
  login.learned = std::move(proof->learned);
  Buffer ok;
  put_authentication(ok, authentication::kOk);
  co_yield Write{std::move(ok)};
  co_return login;
}

}  // namespace

Machine<ClientLogin> accept_client(AcceptOptions options) {
  Machine<ClientLogin> dialogue = converse(options);
  Given given;
  while (Want* want = dialogue.resume(std::move(given))) {
    given = co_yield std::move(*want);
  }
  Result<ClientLogin>& result = dialogue.result();
  if (!result && result.failure().kind != FailureKind::client_gone) {
    Buffer error;
    put_error_response(error, result.failure(), ErrorLevel::fatal);
    co_yield Write{std::move(error)};
  }
  co_return std::move(result);
}

}  // namespace sluice::protocol::postgresql
