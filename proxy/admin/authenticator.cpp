#include "proxy/admin/authenticator.hpp"

#include <algorithm>
#include <utility>

#include <boost/beast/core/string.hpp>

#include "metrics/log.hpp"
#include "protocol/crypto.hpp"

namespace sluice::proxy::admin {
namespace {

constexpr std::size_t kKeySize = 32;

struct Credentials {
  std::string user;
  std::string password;
};

// RFC 7617: "Basic" and the base64 of user:password, the user without a colon.
std::optional<Credentials> credentials_of(const Request& request) {
  std::string_view value = request.header("Authorization");
  constexpr std::string_view kBasic = "basic ";
  if (value.size() < kBasic.size() ||
      !boost::beast::iequals({value.data(), kBasic.size()}, {kBasic.data(), kBasic.size()})) {
    return std::nullopt;
  }
  value.remove_prefix(kBasic.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  const auto decoded = protocol::base64_decode(value);
  if (!decoded) {
    return std::nullopt;
  }
  const std::string text(decoded->begin(), decoded->end());
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

// Without the port, which is another one at each connection.
std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

protocol::Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

double Authenticator::Bucket::at(double capacity, double rate, TimePoint now) const {
  const double seconds = std::chrono::duration<double>(now - filled).count();
  return filled == TimePoint{} ? capacity
                               : std::min(capacity, level + std::max(0.0, seconds) * rate);
}

bool Authenticator::Bucket::take(double capacity, double rate, TimePoint now) {
  level = at(capacity, rate, now);
  filled = now;
  if (level < 1) {
    return false;
  }
  level -= 1;
  return true;
}

Authenticator::Authenticator(op::Operator& house)
    : house_(house), key_(protocol::random_bytes(kKeySize)) {}

std::string Authenticator::keyed(std::string_view user, std::string_view password) const {
  std::string both(user);
  both.push_back('\0');
  both.append(password);
  return protocol::hex_encode(protocol::hmac_sha256(key_, bytes_of(both)));
}

std::variant<Identity, Unknown> Authenticator::identify(const Request& request, TimePoint now) {
  if (request.caller.unix_socket) {
    return Identity{{request.caller.address, "socket"}, op::Right::act};
  }
  const auto given = credentials_of(request);
  if (!given) {
    return Unknown::no_credentials;
  }
  const std::string key = keyed(given->user, given->password);
  const auto config = house_.config();
  if (remembered(key, config, now)) {
    return Identity{{given->user, "http"}, house_.right_of(given->user)};
  }
  const std::string who = host_of(request.caller.address) + " " + given->user;
  if (!may_try(who, now)) {
    return Unknown::too_many;
  }
  const auto right = house_.authenticate(given->user, given->password);
  if (!right) {
    metrics::log::warning("admin_login_failed",
                          {{"user", given->user}, {"client", request.caller.address}});
    return Unknown::wrong;
  }
  remember(key, config, now);
  forgive(who);
  return Identity{{given->user, "http"}, *right};
}

// A new configuration may have another password for the user: what was learned under the old one
// is forgotten.
bool Authenticator::remembered(const std::string& key, const ConfigPtr& config, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (config != config_) {
    known_.clear();
    config_ = config;
    return false;
  }
  const auto found = known_.find(key);
  return found != known_.end() && now < found->second;
}

void Authenticator::remember(const std::string& key, const ConfigPtr& config, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (config != config_) {
    return;  // a reload came while it was verified
  }
  if (known_.size() >= kMaxEntries) {
    known_.clear();
  }
  known_[key] = now + kRemembered;
}

// Each try counts as a failure until it has succeeded. Only who is looked at has a bucket, and it
// is kept until it is full again: names made up by the thousand let nobody's failures be forgotten.
bool Authenticator::may_try(const std::string& who, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto known = failures_.find(who);
  if (known != failures_.end() && known->second.at(kFailures, 1, now) < 1) {
    return false;
  }
  if (!verifications_.take(kVerifications, kVerifications, now)) {
    return false;
  }
  if (failures_.size() >= kMaxEntries) {
    std::erase_if(failures_,
                  [now](const auto& one) { return one.second.at(kFailures, 1, now) >= kFailures; });
  }
  return failures_[who].take(kFailures, 1, now);
}

void Authenticator::forgive(const std::string& who) {
  const std::lock_guard lock(mutex_);
  failures_.erase(who);
}

}  // namespace sluice::proxy::admin
