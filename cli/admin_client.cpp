#include "cli/admin_client.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
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

#include "proxy/tls_context.hpp"

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

// Why who answers there is not taken for the sluice that is meant, and what to do about it.
std::string refused_certificate(const AdminAddress& address, long why) {
  std::string out = "the certificate of " + to_string(address) +
                    " is not trusted: " + X509_verify_cert_error_string(why);
  switch (why) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      out += "; give --admin with a name or an address that is in it";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // another one of the same name
      out += "; give --ca-file with the authority that has signed it";
      break;
    default:
      break;
  }
  return out;
}

// With TLS at the other end alone, what comes is no HTTP, or nothing.
std::string no_answer(const AdminAddress& address, const error_code& failed) {
  const bool no_http =
      failed.category() == http::make_error_code(http::error::bad_version).category();
  return "no answer from " + to_string(address) + ": " + failed.message() +
         (no_http && address.unix_path.empty() && !address.tls
              ? "; if it has admin.tls, the address begins with https://"
              : "");
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

  // After open() has failed: somebody may answer, but is not trusted; why. Else empty.
  const std::string& refused() const { return refused_; }

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
    config::PoolTls verify;
    verify.mode = proof == Proof::wanted ? config::TlsMode::verify_full : config::TlsMode::require;
    verify.ca_file = ca_file;
    const auto trusted = proxy::make_client_tls(verify);
    if (!trusted) {
      return refuse(trusted.failure().text);
    }
    SSL_CTX_up_ref(trusted.value()->get());  // asio's context gives one back
    context_.emplace(trusted.value()->get());
    tls_.emplace(io_, *context_);
    if (const auto named = proxy::expect_server(tls_->native_handle(), address_.host); !named) {
      return refuse(named.failure().text);
    }
    auto& below = beast::get_lowest_layer(*tls_);
    below.expires_after(kAdminTimeout);
    error_code failed = step([&](auto handler) { below.async_connect(found, handler); });
    if (failed) {
      return failed;
    }
    failed =
        step([&](auto handler) { tls_->async_handshake(asio::ssl::stream_base::client, handler); });
    const long verified = SSL_get_verify_result(tls_->native_handle());
    return failed && verified != X509_V_OK ? refuse(refused_certificate(address_, verified))
                                           : failed;
  }

  error_code refuse(std::string why) {
    refused_ = std::move(why);
    return asio::error::access_denied;
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
  std::string refused_;
  std::optional<asio::ssl::context> context_;
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
  const std::string refused = line_->refused();
  unreachable_ = failed && refused.empty();
  if (failed || !response.keep_alive()) {
    line_.reset();
  }
  if (failed) {
    return protocol::fail(FailureKind::internal,
                          refused.empty() ? no_answer(address_, failed) : refused);
  }
  return AdminAnswer{response.result_int(), std::move(response.body())};
}

}  // namespace sluice::cli
