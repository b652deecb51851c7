#include "protocol/mysql/backend_credentials.hpp"

#include <utility>

#include "protocol/mysql/caching_sha2.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/native_password.hpp"
#include "protocol/mysql/stored_password.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::mysql {
namespace {

Failure password_missing(const std::string& name, std::string_view why) {
  return fail(FailureKind::backend_login_failed,
              "cannot log in as " + name + ": " + std::string(why) +
                  " needs the password, and only a hash of it is known; store the password, or "
                  "let the client send it (TLS or RSA)");
}

}  // namespace

BackendCredentials::BackendCredentials(const BackendTarget& target, std::string name)
    : name_(std::move(name)) {
  password_ = target.password ? target.password : target.learned.password;
  if (password_ && !password_->empty()) {
    const Learned all = learn_password(*password_);
    native_stage1_ = all.mysql_native_stage1;
    sha2_stage1_ = all.caching_sha2_stage1;
  } else if (!password_) {
    native_stage1_ = target.learned.mysql_native_stage1;
    sha2_stage1_ = target.learned.caching_sha2_stage1;
  }
}

std::string_view BackendCredentials::best_plugin(std::string_view offered) const {
  if (offered == kNativePassword || offered == kCachingSha2) {
    const bool native = offered == kNativePassword;
    if (empty() || (native ? native_stage1_ : sha2_stage1_)) {
      return native ? kNativePassword : kCachingSha2;
    }
  }
  return native_stage1_ && !sha2_stage1_ ? kNativePassword : kCachingSha2;
}

Result<Buffer> BackendCredentials::token(std::string_view plugin, Bytes nonce) const {
  if (empty()) {
    return Buffer{};
  }
  if (plugin == kNativePassword) {
    if (!native_stage1_) {
      return password_missing(name_, plugin);
    }
    return native_token(as_bytes(*native_stage1_), nonce);
  }
  if (!sha2_stage1_) {
    return password_missing(name_, plugin);
  }
  return caching_sha2_token(as_bytes(*sha2_stage1_), nonce);
}

Result<Buffer> BackendCredentials::clear_password(std::string_view why) const {
  if (!password_ && !empty()) {
    return password_missing(name_, why);
  }
  Buffer out;
  Writer(out).cstring(password_.value_or(std::string()));
  return out;
}

}  // namespace sluice::protocol::mysql
