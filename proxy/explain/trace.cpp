#include "proxy/explain/trace.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "config/middleware_table.hpp"
#include "config/pattern.hpp"
#include "proxy/middleware/catalogue.hpp"
#include "proxy/middleware/session_setting.hpp"

namespace sluice::proxy::explain {
namespace {

using middleware::Login;
using middleware::Made;
using middleware::Middleware;
using middleware::Now;
using middleware::Part;
using middleware::Place;
using middleware::RefusalReason;
using middleware::Verdict;
using middleware::Wants;
using protocol::FailureKind;

// In the place of what is not to work now.
class Bystander final : public Middleware {
 public:
  explicit Bystander(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& /*place*/) override { return std::make_unique<Part>(); }

 private:
  std::string_view name_;
};

// In the place of require_token: the token is good, and these are its claims. Claims that nobody
// has named are whatever they must be.
class GoodToken final : public Middleware {
 public:
  GoodToken(const config::RequireToken& options, const protocol::Parameters& claims)
      : options_(options), claims_(claims) {}
  std::string_view name() const override { return "require_token"; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& place) override;

  void let_in(Login& login, Verdict& verdict) const {
    for (const auto& [name, pattern] : options_.claims) {
      if (given(name) && !matches(name, pattern)) {
        verdict.refuse(
            RefusalReason::token_claim,
            protocol::fail(
                FailureKind::token_invalid,
                "token missing or not valid: send a good one as the startup "
                "parameter or connection attribute " +
                    options_.parameter,
                std::string("its claim ").append(name).append(" does not match ").append(pattern)));
        return;
      }
    }
    for (const auto& [claim, setting] : options_.expose) {
      if (auto name = middleware::setting_name(setting, login.identity.protocol)) {
        middleware::fix_setting(login, std::move(*name), value_of(claim));
      }
    }
    login.claims = claims_;
  }

 private:
  bool given(const std::string& name) const {
    return std::any_of(claims_.begin(), claims_.end(),
                       [&](const auto& claim) { return claim.first == name; });
  }
  bool matches(const std::string& name, const std::string& pattern) const {
    return std::any_of(claims_.begin(), claims_.end(), [&](const auto& claim) {
      return claim.first == name && config::matches(pattern, claim.second);
    });
  }
  std::string value_of(const std::string& claim) const {
    std::string out;
    for (const auto& [name, value] : claims_) {
      if (name == claim) {
        out += (out.empty() ? "" : ",") + value;
      }
    }
    return given(claim) ? out : "(the token's claim " + claim + ")";
  }

  const config::RequireToken& options_;
  const protocol::Parameters& claims_;
};

class GoodTokenPart final : public Part {
 public:
  explicit GoodTokenPart(const GoodToken& token) : token_(token) {}
  void on_login(Login& login, Verdict& verdict) override { token_.let_in(login, verdict); }

 private:
  const GoodToken& token_;
};

std::unique_ptr<Part> GoodToken::begin(const Place& /*place*/) {
  return std::make_unique<GoodTokenPart>(*this);
}

// Does what `inner` does, and tells the trace.
class TracedPart final : public Part {
 public:
  TracedPart(Trace& trace, const config::MiddlewareOptions& options, std::unique_ptr<Part> inner)
      : trace_(trace), options_(options), inner_(std::move(inner)) {}

  void on_login(Login& login, Verdict& verdict) override {
    tell(Said::Phase::login, verdict, [&](Verdict& own) { inner_->on_login(login, own); });
  }
  void on_login_end(const Login& login, const Verdict& verdict) override {
    inner_->on_login_end(login, verdict);
  }
  void on_request(const protocol::Request& request, const Now& now, Verdict& verdict) override {
    tell(Said::Phase::request, verdict,
         [&](Verdict& own) { inner_->on_request(request, now, own); });
  }
  void on_decided(const protocol::Request& request, const Now& now,
                  const Verdict& verdict) override {
    inner_->on_decided(request, now, verdict);
  }
  void on_close(const Now& now) noexcept override { inner_->on_close(now); }

 private:
  // The entry is shown no bounds of others, so that what it says is its own.
  template <typename Call>
  void tell(Said::Phase phase, Verdict& verdict, Call call) {
    const Verdict before = verdict;
    verdict.timeout = Verdict{}.timeout;
    verdict.limits = {};
    verdict.pool.clear();
    Said said{phase, &options_, {}, true};
    try {
      call(verdict);
    } catch (...) {
      trace_.add(std::move(said));
      throw;
    }
    said.verdict = verdict;
    said.failed = false;
    if (verdict.kind == Verdict::Kind::rewrite && before.kind == Verdict::Kind::rewrite &&
        verdict.text == before.text) {
      said.verdict.kind = Verdict::Kind::allow;
    }
    trace_.add(std::move(said));
    if (verdict.pool.empty()) {
      verdict.pool = before.pool;
    }
  }

  Trace& trace_;
  const config::MiddlewareOptions& options_;
  std::unique_ptr<Part> inner_;
};

class Traced final : public Middleware {
 public:
  Traced(Trace& trace, const config::MiddlewareOptions& options, std::unique_ptr<Middleware> inner)
      : trace_(trace), options_(options), inner_(std::move(inner)) {}

  std::string_view name() const override { return inner_->name(); }
  Wants wants() const override { return inner_->wants(); }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<TracedPart>(trace_, options_, inner_->begin(place));
  }

 private:
  Trace& trace_;
  const config::MiddlewareOptions& options_;
  const std::unique_ptr<Middleware> inner_;
};

}  // namespace

Made Trace::make(const config::MiddlewareOptions& options) {
  std::unique_ptr<Middleware> inner;
  const auto* token = std::get_if<config::RequireToken>(&options);
  if (token != nullptr && !assumed_.token) {
    inner = std::make_unique<GoodToken>(*token, assumed_.claims);
  } else if (std::holds_alternative<config::Audit>(options)) {
    inner = std::make_unique<Bystander>(config::name_of(options));
  } else {
    auto made = middleware::make(options);
    if (!made) {
      return std::move(made.failure());
    }
    inner = std::move(*made);
  }
  return std::unique_ptr<Middleware>(std::make_unique<Traced>(*this, options, std::move(inner)));
}

const Said* Trace::find(const config::MiddlewareOptions& options, Said::Phase phase) const {
  const auto found = std::find_if(said_.rbegin(), said_.rend(), [&](const Said& said) {
    return said.options == &options && said.phase == phase;
  });
  return found == said_.rend() ? nullptr : &*found;
}

std::string_view stand_in(const config::MiddlewareOptions& options, bool token_given) {
  if (std::holds_alternative<config::RequireToken>(options) && !token_given) {
    return "the token is taken for good";
  }
  return std::holds_alternative<config::Audit>(options) ? "looks on; nothing was written" : "";
}

}  // namespace sluice::proxy::explain
