#include "proxy/middleware/settings.hpp"

#include <utility>

#include "proxy/middleware/session_setting.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;

class SettingsPart final : public Part {
 public:
  explicit SettingsPart(const config::SessionSettings& options) : options_(options) {}

  void on_login(Login& login, Verdict& /*verdict*/) override {
    for (const auto& [setting, value] : options_.values) {
      if (auto name = setting_name(setting, login.identity.protocol)) {
        put_setting(login, std::move(*name), value);
      }
    }
  }

 private:
  const config::SessionSettings& options_;
};

class Settings final : public Middleware {
 public:
  explicit Settings(config::SessionSettings options) : options_(std::move(options)) {}

  std::string_view name() const override { return "settings"; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& /*place*/) override {
    return std::make_unique<SettingsPart>(options_);
  }

 private:
  const config::SessionSettings options_;
};

}  // namespace

Made make(const config::SessionSettings& options) {
  for (const auto& [setting, value] : options.values) {
    if (const auto problem = setting_problem(setting); !problem.empty()) {
      return protocol::fail(
          FailureKind::internal,
          std::string("settings: '").append(setting).append("' ").append(problem));
    }
    if (value.find('\0') != std::string::npos) {
      return protocol::fail(FailureKind::internal,
                            "settings: the value of '" + setting + "' has a NUL byte in it");
    }
  }
  return std::unique_ptr<Middleware>(std::make_unique<Settings>(options));
}

}  // namespace sluice::proxy::middleware
