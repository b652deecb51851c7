#pragma once

// Answers a backend's authentication requests, without I/O:
//
//   trust      'R' 0
//   password   'R' 3                          'p' password               'R' 0
//   md5        'R' 5 salt                     'p' md5 answer             'R' 0
//   SCRAM      'R' 10 mechanisms              'p' client-first
//              'R' 11 server-first            'p' client-final
//              'R' 12 server-final            (nothing)                  'R' 0

#include <optional>
#include <string>

#include "protocol/login.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/scram.hpp"
#include "protocol/result.hpp"

namespace sluice::protocol::postgresql {

class BackendAuthentication {
 public:
  // `target` outlives this. `tls`: the connection is encrypted.
  BackendAuthentication(const BackendTarget& target, bool tls);

  enum class Next : std::uint8_t {
    write,   // send answer(), then read
    derive,  // run derive() off the worker, then finish_scram(), then as for write
    read,    // nothing to send: read the next request
    done,    // logged in
  };
  Result<Next> on_request(const AuthenticationRequest& request);

  void derive() noexcept;
  Status finish_scram();
  const Buffer& answer() const { return answer_; }

 private:
  enum class State : std::uint8_t { start, answered, scram_first, scram_final };

  Result<Next> on_first(const AuthenticationRequest& request);
  Result<Next> send_password();
  Result<Next> send_md5(Bytes salt);
  Result<Next> send_scram_first(Bytes mechanisms);
  Result<Next> on_challenge(Bytes server_first);
  std::optional<ScramKeys> learned_keys() const;
  const std::string* password() const;
  Failure failure(FailureKind kind, std::string_view what) const;
  Failure no_password(std::string_view method) const;

  const BackendTarget& target_;
  bool clear_allowed_;
  State state_ = State::start;
  Buffer answer_;
  std::optional<ScramClient> scram_;
  ScramClient::Challenge challenge_;
  std::optional<ScramKeys> keys_;
};

}  // namespace sluice::protocol::postgresql
