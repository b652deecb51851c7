#include "cli/check_tls.hpp"

#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "proxy/tls_context.hpp"
#include "proxy/tls_files.hpp"

namespace sluice::cli {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

std::string date_of(TimePoint when) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%F %TZ", &parts);
  return {text.data(), size};
}

class Checker {
 public:
  explicit Checker(TimePoint now) : now_(now) {}

  void look_at(const std::string& whose, const protocol::Result<proxy::TlsContextPtr>& made,
               const std::string& certificate) {
    if (!made) {
      problems_.push_back({whose + ": " + made.failure().text, false});
      return;
    }
    const auto end = certificate.empty() ? std::nullopt : proxy::not_after(certificate);
    if (end && *end < now_ + kEndsSoon) {
      problems_.push_back({whose + ": the certificate in " + certificate +
                               (*end < now_ ? " has ended on " : " ends on ") + date_of(*end),
                           true});
    }
  }
  std::vector<TlsProblem> take() { return std::move(problems_); }

 private:
  const TimePoint now_;
  std::vector<TlsProblem> problems_;
};

}  // namespace

std::vector<TlsProblem> check_tls(const config::Config& config, TimePoint now) {
  Checker checker(now);
  for (const config::Listener& listener : config.listeners) {
    if (listener.tls.mode != config::TlsMode::disable) {
      checker.look_at("listener " + listener.name,
                      proxy::make_server_tls(listener.tls, listener.protocol),
                      listener.tls.cert_file);
    }
  }
  for (const config::Pool& pool : config.pools) {
    if (pool.tls.mode != config::TlsMode::disable) {
      checker.look_at("pool " + pool.name, proxy::make_client_tls(pool.tls), pool.tls.cert_file);
    }
  }
  if (config.admin.tls.mode != config::TlsMode::disable) {
    checker.look_at("admin", proxy::make_server_tls(config.admin.tls, config::Protocol::mysql),
                    config.admin.tls.cert_file);
  }
  return checker.take();
}

}  // namespace sluice::cli
