#include "proxy/admin/router.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>
#include <variant>

#include "metrics/log.hpp"

namespace sluice::proxy::admin {
namespace {

bool reads(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

bool answers(const Endpoint& endpoint, const Request& request) {
  return endpoint.method == "GET" ? reads(request) : endpoint.method == request.method;
}

// A script of ours asks with X-Sluice-Request, and has a form for the password: a challenge that a
// browser knows would have it ask as well.
Answer ask_for_password(const Request& request, bool wrong) {
  Answer answer =
      wrong ? error_answer(401, "login_failed", "the user or the password is wrong")
            : error_answer(401, "login_required",
                           "give a user that has `admin` and the password, by HTTP Basic");
  answer.headers.emplace_back("WWW-Authenticate",
                              request.has("X-Sluice-Request")
                                  ? "X-Basic realm=\"sluice\""
                                  : "Basic realm=\"sluice\", charset=\"UTF-8\"");
  return answer;
}

Answer refuse_unknown(Unknown why, const Request& request) {
  if (why != Unknown::too_many) {
    return ask_for_password(request, why == Unknown::wrong);
  }
  Answer answer = error_answer(429, "too_many_logins", "too many failed logins; wait a second");
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

void log_action(const Call& call, const Answer& answer) {
  metrics::log::info("admin_request", {{"user", call.actor.user},
                                       {"client", call.request.caller.address},
                                       {"path", call.request.path},
                                       {"status", answer.status}});
}

}  // namespace

Router::Router(Site site, Reach reach) : site_(std::move(site)), reach_(reach) {
  if (site_.house != nullptr) {
    authenticator_.emplace(*site_.house);
  }
}

const Endpoint* Router::find(const Request& request) const {
  if (!authenticator_) {
    return nullptr;
  }
  const auto all = endpoints();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Endpoint& one) {
    return one.path == request.path && answers(one, request);
  });
  return found == all.end() ? nullptr : &*found;
}

bool Router::wants_body(const Request& request) const {
  return !reads(request) && find(request) != nullptr;
}

Answer Router::answer(const Request& request) {
  try {
    if (const Endpoint* endpoint = find(request)) {
      return call(*endpoint, request);
    }
    const auto page = std::find_if(site_.pages.begin(), site_.pages.end(),
                                   [&](const Page& one) { return one.path == request.path; });
    if (page != site_.pages.end() && reads(request)) {
      return unless_known(page->answer(), request);
    }
    return lost(request);
  } catch (const std::exception& caught) {
    metrics::log::error("admin_http_exception",
                        {{"path", request.path.substr(0, 128)}, {"error", caught.what()}});
    return error_answer(500, "internal", "internal error");
  }
}

Answer Router::call(const Endpoint& endpoint, const Request& request) {
  const bool acts = endpoint.method != "GET";
  if (auto refused = refuse_foreign(request, acts, reach_)) {
    return *refused;
  }
  Call call{request, *site_.house, {}, op::Right::none};
  if (endpoint.need != op::Right::none) {
    auto who = authenticator_->identify(request, std::chrono::steady_clock::now());
    if (const auto* unknown = std::get_if<Unknown>(&who)) {
      return refuse_unknown(*unknown, request);
    }
    auto& identity = std::get<Identity>(who);
    call.actor = std::move(identity.actor);
    call.right = identity.right;
  }
  if (call.right < endpoint.need) {
    return error_answer(403, "forbidden",
                        acts ? "this needs a user with admin: true"
                             : "this needs a user with admin: read_only or true");
  }
  Answer answer = endpoint.answer(call);
  if (acts) {
    log_action(call, answer);
  }
  return answer;
}

// No such path, or not with this method.
Answer Router::lost(const Request& request) const {
  std::string allow;
  if (authenticator_) {
    for (const Endpoint& one : endpoints()) {
      if (one.path == request.path) {
        allow = one.method == "GET" ? "GET, HEAD" : std::string(one.method);
      }
    }
  }
  if (std::any_of(site_.pages.begin(), site_.pages.end(),
                  [&](const Page& page) { return page.path == request.path; })) {
    allow = "GET, HEAD";
  }
  if (allow.empty()) {
    return error_page(404, request,
                      error_answer(404, "not_found", "there is nothing at this path"));
  }
  Answer answer = error_page(
      405, request, error_answer(405, "method_not_allowed", "this path takes " + allow + " only"));
  answer.headers.emplace_back("Allow", allow);
  return answer;
}

Answer Router::error_page(unsigned status, const Request& request, Answer otherwise) const {
  if (!site_.error_page || !wants_html(request) || request.path.starts_with(kApiPrefix)) {
    return otherwise;
  }
  auto page = site_.error_page(status);
  if (!page) {
    return otherwise;
  }
  page->status = status;
  return *std::move(page);
}

}  // namespace sluice::proxy::admin
