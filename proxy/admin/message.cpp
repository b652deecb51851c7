#include "proxy/admin/message.hpp"

#include <algorithm>
#include <array>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "metrics/quoted.hpp"

namespace sluice::proxy::admin {
namespace {

namespace beast = boost::beast;

// For pages of ours and for anything else: nothing from elsewhere, nothing inline, in no frame.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kEverywhere{{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
     "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

beast::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

void add(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool has_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (beast::iequals(view(key), view(name))) {
      return value;
    }
  }
  return {};
}

std::size_t Request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [&](const auto& one) { return beast::iequals(view(one.first), view(name)); }));
}

bool Request::has(std::string_view name) const {
  return count(name) > 0;
}

Answer json_answer(unsigned status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.content_type = "application/json";
  answer.body = metrics::valid_utf8(std::move(body));
  answer.body += '\n';
  return answer;
}

Answer error_answer(unsigned status, std::string_view code, std::string_view message) {
  boost::json::object error{{"code", boost::json::string(code.data(), code.size())},
                            {"message", boost::json::string(message.data(), message.size())}};
  return json_answer(status,
                     boost::json::serialize(boost::json::object{{"error", std::move(error)}}));
}

Answer unless_known(Answer answer, const Request& request) {
  const std::string_view known = request.header("If-None-Match");
  if (answer.etag.empty() || known.find(answer.etag) == std::string_view::npos) {
    return answer;
  }
  answer.status = 304;
  answer.body.clear();
  return answer;
}

bool wants_html(const Request& request) {
  return request.header("Accept").find("text/html") != std::string_view::npos;
}

std::string to_bytes(const Answer& answer, Framing framing) {
  const auto reason = beast::http::obsolete_reason(beast::http::int_to_status(answer.status));
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  out.append(reason.data(), reason.size()).append("\r\n");
  if (has_body(answer.status)) {
    add(out, "Content-Type", answer.content_type);
    add(out, "Content-Length", std::to_string(answer.body.size()));
  }
  add(out, "Cache-Control", answer.cache_control);
  if (!answer.etag.empty()) {
    add(out, "ETag", answer.etag);
  }
  for (const auto& [name, value] : kEverywhere) {
    add(out, name, value);
  }
  for (const auto& [name, value] : answer.headers) {
    add(out, name, value);
  }
  if (!framing.keep_alive) {
    add(out, "Connection", "close");
  }
  out += "\r\n";
  if (has_body(answer.status) && !framing.head) {
    out += answer.body;
  }
  return out;
}

}  // namespace sluice::proxy::admin
