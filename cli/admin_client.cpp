#include "cli/admin_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using boost::system::error_code;
using protocol::FailureKind;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::size_t kMaxAnswer = std::size_t{64} << 20U;

std::string basic(const Login& login) {
  const std::string plain = login.user + ":" + login.password;
  std::string out(beast::detail::base64::encoded_size(plain.size()), '\0');
  out.resize(beast::detail::base64::encode(out.data(), plain.data(), plain.size()));
  return "Basic " + out;
}

std::string authority_of(const AdminAddress& address) {
  if (!address.unix_path.empty()) {
    return "localhost";
  }
  const std::string url = to_string(address);
  return url.substr(url.find("//") + 2);
}

// The server's own words, from {"error": {"message": ...}}.
std::string words_of(const AdminAnswer& answer) {
  std::string out = "HTTP " + std::to_string(answer.status);
  error_code broken;
  const json::value body = json::parse(answer.body, broken);
  const json::value* message = broken ? nullptr : body.find_pointer("/error/message", broken);
  if (message != nullptr && message->is_string()) {
    out = json::value_to<std::string>(*message);
  } else if (answer.status == 401) {
    out = "wrong user or password";
  } else if (answer.status == 404) {
    out = "there is no API at this address";
  }
  return out;
}

}  // namespace

// A connection of any of the three kinds. Every step waits for its end, bounded by the stream's own
// timer.
class AdminClient::Line {
 public:
  explicit Line(const AdminAddress& address) : address_(address) {}

  error_code open(const std::string& ca_file, Proof proof) {
    if (!address_.unix_path.empty()) {
      local_.emplace(io_);
      local_->expires_after(kAdminTimeout);
      if (address_.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
        return asio::error::name_too_long;
      }
      return step([&](auto handler) {
        local_->async_connect(asio::local::stream_protocol::endpoint(address_.unix_path), handler);
      });
    }
    error_code failed;
    asio::ip::tcp::resolver resolver(io_);
    const auto found = resolver.resolve(address_.host, address_.port, failed);
    if (failed) {
      return failed;
    }
    return address_.tls ? open_tls(found, ca_file, proof) : open_plain(found);
  }

  error_code exchange(Request& request, Response& response) {
    if (local_) {
      return exchange(*local_, *local_, request, response);
    }
    return tls_ ? exchange(*tls_, beast::get_lowest_layer(*tls_), request, response)
                : exchange(*plain_, *plain_, request, response);
  }

 private:
  using Local = beast::basic_stream<asio::local::stream_protocol>;
  using Found = asio::ip::tcp::resolver::results_type;

  template <typename F>
  error_code step(const F& begin) {
    error_code result = asio::error::timed_out;
    begin([&result](const error_code& failed, const auto&...) { result = failed; });
    io_.restart();
    io_.run();
    return result;
  }

  error_code open_plain(const Found& found) {
    plain_.emplace(io_);
    plain_->expires_after(kAdminTimeout);
    return step([&](auto handler) { plain_->async_connect(found, handler); });
  }

  error_code open_tls(const Found& found, const std::string& ca_file, Proof proof) {
    error_code failed;
    context_.set_verify_mode(proof == Proof::none ? asio::ssl::verify_none
                                                  : asio::ssl::verify_peer);
    if (ca_file.empty()) {
      context_.set_default_verify_paths(failed);
    } else {
      context_.load_verify_file(ca_file, failed);
    }
    if (failed) {
      return failed;
    }
    tls_.emplace(io_, context_);
    if (proof == Proof::wanted) {
      tls_->set_verify_callback(asio::ssl::host_name_verification(address_.host));
    }
    SSL_set_tlsext_host_name(tls_->native_handle(), address_.host.c_str());
    auto& below = beast::get_lowest_layer(*tls_);
    below.expires_after(kAdminTimeout);
    failed = step([&](auto handler) { below.async_connect(found, handler); });
    return failed ? failed : step([&](auto handler) {
      tls_->async_handshake(asio::ssl::stream_base::client, handler);
    });
  }

  template <typename Stream, typename Below>
  error_code exchange(Stream& stream, Below& below, Request& request, Response& response) {
    below.expires_after(kAdminTimeout);
    error_code failed = step([&](auto handler) { http::async_write(stream, request, handler); });
    if (failed) {
      return failed;
    }
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswer);
    failed = step([&](auto handler) { http::async_read(stream, buffer_, parser, handler); });
    response = parser.release();
    return failed;
  }

  const AdminAddress address_;
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  std::optional<Local> local_;
  std::optional<beast::tcp_stream> plain_;
  std::optional<beast::ssl_stream<beast::tcp_stream>> tls_;
  beast::flat_buffer buffer_;
};

AdminClient::AdminClient(AdminAddress address, Login login, std::string ca_file, Proof proof)
    : address_(std::move(address)),
      login_(std::move(login)),
      ca_file_(std::move(ca_file)),
      proof_(proof) {}
AdminClient::~AdminClient() = default;
AdminClient::AdminClient(AdminClient&&) noexcept = default;
AdminClient& AdminClient::operator=(AdminClient&&) noexcept = default;

protocol::Result<json::value> AdminClient::get(const std::string& path) {
  return ask("GET", path, {});
}

protocol::Result<json::value> AdminClient::post(const std::string& path, const json::value& body) {
  return ask("POST", path, json::serialize(body));
}

protocol::Result<AdminAnswer> AdminClient::page(const std::string& path) {
  return send("GET", path, {});
}

protocol::Result<json::value> AdminClient::ask(const std::string& method, const std::string& path,
                                               const std::string& body) {
  auto answer = send(method, path, body);
  if (!answer) {
    return std::move(answer.failure());
  }
  if (answer->status >= 300) {
    return protocol::fail(FailureKind::internal, words_of(*answer));
  }
  error_code broken;
  json::value value = json::parse(answer->body, broken);
  if (broken || !value.is_object()) {
    return protocol::fail(FailureKind::internal,
                          "the answer of " + to_string(address_) + " is not what an API says");
  }
  return value;
}

// A connection that was kept may have been closed meanwhile: the request is sent once more on a new
// one, unless its first copy may have been acted on.
protocol::Result<AdminAnswer> AdminClient::send(const std::string& method, const std::string& path,
                                                const std::string& body) {
  Request request(http::string_to_verb(method), path, 11);
  request.set(http::field::host, authority_of(address_));
  request.set(http::field::user_agent, "sluice/" SLUICE_VERSION);
  if (!login_.user.empty()) {
    request.set(http::field::authorization, basic(login_));
  }
  if (method == "POST") {
    request.set(http::field::content_type, "application/json");
    request.set("X-Sluice-Request", "1");
    line_.reset();
  }
  request.body() = body;
  request.prepare_payload();
  Response response;
  error_code failed = line_ ? line_->exchange(request, response) : asio::error::not_connected;
  if (failed) {
    line_ = std::make_unique<Line>(address_);
    failed = line_->open(ca_file_, proof_);
    failed = failed ? failed : line_->exchange(request, response);
  }
  unreachable_ = static_cast<bool>(failed);
  if (failed || !response.keep_alive()) {
    line_.reset();
  }
  if (failed) {
    return protocol::fail(FailureKind::internal,
                          "no answer from " + to_string(address_) + ": " + failed.message());
  }
  return AdminAnswer{response.result_int(), std::move(response.body())};
}

}  // namespace sluice::cli
