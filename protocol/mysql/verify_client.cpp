#include "protocol/mysql/verify_client.hpp"

#include <algorithm>
#include <utility>

#include "protocol/crypto.hpp"
#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/native_password.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/rsa.hpp"
#include "protocol/mysql/stored_password.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::size_t kMaxAnswer = kHeaderSize + kMaxAuth;

Failure access_denied(const Challenge& challenge, bool using_password) {
  std::string text = "Access denied for user '" + printable(challenge.user, kMaxUser) +
                     "'@'client' (using password: " + (using_password ? "YES" : "NO") + ")";
  Failure failure = fail(FailureKind::authentication_failed, std::move(text));
  failure.sqlstate_override = "28000";
  return failure;
}

// For a client that cannot change to a plugin that would do.
Failure client_too_old() {
  Failure failure = fail(FailureKind::unsupported_protocol,
                         "client does not support the authentication that this user needs; "
                         "use a client that speaks caching_sha2_password");
  failure.mysql_errno_override = 1251;
  failure.sqlstate_override = "08004";
  return failure;
}

// Can a native token be checked? For an unknown user the answer is drawn from its name, so that it
// does not tell who exists.
bool can_check_native(const Challenge& challenge) {
  const Secret& secret = *challenge.secret;
  if (secret.known) {
    return secret.password.has_value() || secret.mysql_native_hash.has_value();
  }
  const std::string name = "mysql:" + challenge.user;
  return (hmac_sha256(as_bytes(challenge.mock_salt_key), as_bytes(name))[0] & 1U) != 0;
}

struct Plan {
  std::string_view plugin;
  bool ask = false;  // an AuthSwitchRequest comes first
};

Plan make_plan(const Challenge& challenge) {
  const bool answered = challenge.response.has_value();
  const bool silent = !answered || challenge.response->empty();
  if (challenge.plugin == kCachingSha2) {
    return {kCachingSha2, !answered};
  }
  if (challenge.plugin == kNativePassword && can_check_native(challenge)) {
    // Libraries whose own default is not that of the greeting say nothing until they are asked.
    return {kNativePassword, silent && (challenge.can_switch || !answered)};
  }
  if (challenge.plugin == kClearPassword && challenge.secure) {
    return {kClearPassword, silent};
  }
  return {kCachingSha2, true};
}

// No password at all: nothing, or the lone NUL of caching_sha2_password and mysql_clear_password.
bool claims_empty_password(std::string_view plugin, const Buffer& response) {
  return response.empty() ||
         (plugin != kNativePassword && response.size() == 1 && response[0] == 0);
}

// A password that came in clear or under RSA, checked away from the worker.
struct PasswordCheck {
  const Challenge& challenge;
  std::optional<std::string> password;  // null: under RSA, in `cipher`, or unreadable
  Buffer cipher;
  bool matches = false;

  void take(Bytes clear) {
    if (!clear.empty() && clear.back() == 0) {
      password = as_text(clear.first(clear.size() - 1));
    }
  }

  // What cannot be decrypted costs as much as a wrong password and looks like one.
  void run() noexcept {
    try {
      if (!cipher.empty() && challenge.rsa_key) {
        if (const auto plain = challenge.rsa_key->decrypt(cipher)) {
          take(mask_with_nonce(*plain, as_bytes(challenge.nonce)));
        }
      }
      matches =
          password_matches(*challenge.secret, challenge.user, password.value_or(std::string())) &&
          password.has_value();
    } catch (const std::exception&) {
      matches = false;
    }
  }
};

std::optional<Learned> check_native(const Challenge& challenge) {
  const Secret& secret = *challenge.secret;
  std::optional<Buffer> stage2;
  if (secret.known && secret.password) {
    stage2 = native_stage2(native_stage1(*secret.password));
  } else if (secret.known && secret.mysql_native_hash) {
    stage2 = parse_native_hash(*secret.mysql_native_hash);
  }
  // An unknown user's token is checked too, against what no password gives.
  const Buffer expected = stage2 ? std::move(*stage2) : sha1(as_bytes(challenge.mock_salt_key));
  std::optional<Buffer> stage1 =
      verify_native_token(*challenge.response, as_bytes(challenge.nonce), expected);
  if (!stage1 || !stage2) {
    return std::nullopt;
  }
  Learned learned;
  if (secret.password) {
    learned = learn_password(*secret.password);
  }
  learned.mysql_native_stage1 = as_text(*stage1);
  return learned;
}

// The fast path; null where the token is wrong or nothing is stored that could tell.
std::optional<Learned> check_fast(const Challenge& challenge) {
  const Secret& secret = *challenge.secret;
  if (!secret.known || (!secret.password && !secret.caching_sha2_digest)) {
    return std::nullopt;
  }
  Learned learned;
  if (secret.password) {
    learned = learn_password(*secret.password);
  } else {
    learned.caching_sha2_digest = secret.caching_sha2_digest;
  }
  std::optional<Buffer> stage1 = verify_caching_sha2_token(
      *challenge.response, as_bytes(challenge.nonce), as_bytes(*learned.caching_sha2_digest));
  if (!stage1) {
    return std::nullopt;
  }
  learned.caching_sha2_stage1 = as_text(*stage1);
  return learned;
}

Buffer more_data(Challenge& challenge, std::uint8_t word) {
  return packet(challenge.sequence++, encode_auth_more_data(Bytes(&word, 1)));
}

// 01 04, and then the password or its ciphertext into `check`.
Machine<Done> ask_password(Challenge& challenge, PasswordCheck& check) {
  co_yield Write{more_data(challenge, kFullAuthentication)};
  bool key_sent = false;
  while (true) {
    Given given = co_yield ReadFrame{packet_frame, kMaxAnswer};
    const std::optional<Bytes> answer = open_packet(given.frame, challenge.sequence);
    if (!answer) {
      co_return out_of_order();
    }
    if (challenge.secure) {
      check.take(*answer);
      co_return Done{};
    }
    const bool wants_key = answer->size() == 1 && answer->front() == kRequestPublicKey;
    if (!wants_key || key_sent || !challenge.rsa_key) {
      check.cipher.assign(answer->begin(), answer->end());
      co_return Done{};
    }
    key_sent = true;
    const Buffer pem = encode_auth_more_data(as_bytes(challenge.rsa_key->public_pem()));
    co_yield Write{packet(challenge.sequence++, pem)};
  }
}

}  // namespace

Machine<Proof> verify_client(Challenge& challenge) {
  const Plan plan = make_plan(challenge);
  if (plan.ask) {
    if (!challenge.can_switch) {
      co_return client_too_old();
    }
    challenge.nonce = make_nonce();
    co_yield Write{packet(challenge.sequence++, encode_auth_switch(plan.plugin, challenge.nonce))};
    Given given = co_yield ReadFrame{packet_frame, kMaxAnswer};
    const std::optional<Bytes> answer = open_packet(given.frame, challenge.sequence);
    if (!answer) {
      co_return out_of_order();
    }
    challenge.response.emplace(answer->begin(), answer->end());
  }
  Proof proof{std::string(plan.plugin), {}};
  if (claims_empty_password(plan.plugin, *challenge.response)) {
    if (!has_empty_password(*challenge.secret)) {
      co_return access_denied(challenge, false);
    }
    proof.learned = learn_password("");
    co_return proof;
  }
  if (plan.plugin == kNativePassword) {
    std::optional<Learned> learned = check_native(challenge);
    if (!learned) {
      co_return access_denied(challenge, true);
    }
    proof.learned = std::move(*learned);
    co_return proof;
  }
  PasswordCheck check{challenge, std::nullopt, {}, false};
  if (plan.plugin == kClearPassword) {
    check.take(*challenge.response);
  } else if (std::optional<Learned> learned = check_fast(challenge)) {
    co_yield Write{more_data(challenge, kFastOk)};
    proof.learned = std::move(*learned);
    co_return proof;
  } else {
    Machine<Done> dialogue = ask_password(challenge, check);
    for (Want* want = dialogue.resume(); want != nullptr;) {
      Given given = co_yield std::move(*want);
      want = dialogue.resume(std::move(given));
    }
    if (!dialogue.result().ok()) {
      co_return std::move(dialogue.result().failure());
    }
  }
  co_yield Compute{[&check] { check.run(); }};
  if (!check.matches) {
    co_return access_denied(challenge, true);
  }
  proof.learned = learn_password(*check.password);
  co_return proof;
}

std::optional<Bytes> open_packet(Bytes frame, std::uint8_t& sequence) {
  const std::optional<PacketHeader> header = read_header(frame);
  if (!header || header->length != frame.size() - kHeaderSize || header->sequence != sequence) {
    return std::nullopt;
  }
  ++sequence;
  return frame.subspan(kHeaderSize);
}

Failure out_of_order() {
  Failure failure = fail(FailureKind::protocol_violation, "Got packets out of order");
  failure.mysql_errno_override = 1156;
  failure.sqlstate_override = "08S01";
  return failure;
}

}  // namespace sluice::protocol::mysql
