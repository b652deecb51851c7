#include "protocol/postgresql/login_backend.hpp"

#include <optional>
#include <string>
#include <utility>

#include "protocol/postgresql/authenticate_backend.hpp"
#include "protocol/postgresql/backend_reports.hpp"
#include "protocol/postgresql/frame.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/startup.hpp"

namespace sluice::protocol::postgresql {
namespace {

using Next = BackendAuthentication::Next;

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

// A NUL would end a text early and make the rest of it another parameter.
bool sendable(const BackendTarget& target) {
  for (const auto& [name, value] : target.parameters) {
    if (name.empty() || has_nul(name) || has_nul(value)) {
      return false;
    }
  }
  return !target.user.empty() && !has_nul(target.user) && !has_nul(target.database) &&
         !(target.password && has_nul(*target.password));
}

Buffer ssl_request() {
  Buffer out;
  put_ssl_request(out);
  return out;
}

Buffer startup_message(const BackendTarget& target) {
  Buffer out;
  put_startup_message(out, target.user, target.database, target.parameters);
  return out;
}

// True: start TLS. What an error says is not shown: nothing vouches for it yet.
Result<bool> read_tls_answer(const BackendTarget& target, Bytes answer) {
  switch (answer.empty() ? '\0' : static_cast<char>(answer[0])) {
    case 'S':
      return true;
    case 'N':
      if (target.tls == TlsMode::prefer) {
        return false;
      }
      return backend_failure(FailureKind::backend_tls_failed, target,
                             "it does not offer TLS, which this pool requires");
    case 'E':
      return backend_failure(FailureKind::backend_tls_failed, target,
                             "it answered the request for TLS with an error");
    default:
      return backend_failure(FailureKind::backend_protocol, target,
                             "it answered the request for TLS with something else");
  }
}

// What an authentication message asks for; nullopt: a message that changes nothing.
Result<std::optional<AuthenticationRequest>> read_request(const BackendTarget& target,
                                                          Reports& reports, Bytes frame) {
  Result<std::optional<Message>> message = reports.take(target, frame);
  if (!message) {
    return message.failure();
  }
  if (!*message) {
    return std::optional<AuthenticationRequest>();
  }
  if ((*message)->type == backend::kNegotiateProtocolVersion) {
    std::optional<NegotiatedVersion> negotiated =
        parse_negotiate_protocol_version((*message)->body);
    if (negotiated && negotiated->version == kProtocol30) {
      return std::optional<AuthenticationRequest>();
    }
  }
  std::optional<AuthenticationRequest> request = parse_authentication((*message)->body);
  if ((*message)->type != backend::kAuthentication || !request) {
    return backend_failure(FailureKind::backend_protocol, target,
                           "unexpected message before the end of the authentication");
  }
  return request;
}

Machine<Done> authenticate(const BackendTarget& target, Reports& reports, bool tls) {
  BackendAuthentication authentication(target, tls);
  while (true) {
    Given given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
    Result<std::optional<AuthenticationRequest>> request =
        read_request(target, reports, given.frame);
    if (!request) {
      co_return request.failure();
    }
    if (!*request) {
      continue;
    }
    Result<Next> next = authentication.on_request(**request);
    if (!next) {
      co_return next.failure();
    }
    if (*next == Next::done) {
      co_return Done{};
    }
    if (*next == Next::derive) {
      co_yield Compute{[&authentication] { authentication.derive(); }};
      if (Status finished = authentication.finish_scram(); !finished) {
        co_return finished.failure();
      }
    }
    if (*next != Next::read) {
      co_yield Write{authentication.answer()};
    }
  }
}

// Between AuthenticationOk and ReadyForQuery. True: ready.
Result<bool> read_session(const BackendTarget& target, const Message& message,
                          BackendLogin& login) {
  if (message.type == backend::kBackendKeyData && login.cancel_key.empty()) {
    if (std::optional<KeyData> data = parse_backend_key_data(message.body)) {
      login.process_id = data->process_id;
      login.cancel_key.assign(data->key.begin(), data->key.end());
      return false;
    }
  }
  if (message.type == backend::kReadyForQuery && parse_ready_for_query(message.body) == 'I') {
    return true;
  }
  return backend_failure(FailureKind::backend_protocol, target,
                         "unexpected message before it was ready");
}

}  // namespace

Machine<BackendLogin> login_backend(BackendTarget target) {
  BackendLogin login;
  if (!sendable(target)) {
    co_return backend_failure(FailureKind::backend_login_failed, target,
                              "a login parameter is empty or holds a NUL byte");
  }
  if (target.tls != TlsMode::disable && !target.local) {
    co_yield Write{ssl_request()};
    Given given = co_yield ReadFrame{&answer_frame, 1, 1};
    Result<bool> encrypt = read_tls_answer(target, given.frame);
    if (!encrypt) {
      co_return encrypt.failure();
    }
    if (*encrypt) {
      co_yield StartTls{};
      login.tls = true;
    }
  }
  co_yield Write{startup_message(target)};

  Reports reports;
  Machine<Done> authentication = authenticate(target, reports, login.tls);
  Given inner;
  while (Want* want = authentication.resume(std::move(inner))) {
    inner = co_yield std::move(*want);
  }
  if (!authentication.result()) {
    co_return authentication.result().failure();
  }

  for (bool ready = false; !ready;) {
    Given given = co_yield ReadFrame{&message_frame, kLoginLimit, kHeaderSize};
    Result<std::optional<Message>> message = reports.take(target, given.frame);
    if (!message) {
      co_return message.failure();
    }
    if (!*message) {
      continue;
    }
    Result<bool> end = read_session(target, **message, login);
    if (!end) {
      co_return end.failure();
    }
    ready = *end;
  }
  login.server_version = reports.find("server_version");
  login.parameters = reports.parameters();
  co_return login;
}

}  // namespace sluice::protocol::postgresql
