#pragma once

// A request to the admin server and its answer, as pages and endpoints see them: no socket, no
// parser. Plain values.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::proxy::admin {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Who asks. `address` is for the log: "192.0.2.1:5000", or "uid 1000, pid 4711" on the unix socket,
// where whoever could open it is an admin.
struct Caller {
  std::string address;
  bool unix_socket = false;
  bool tls = false;
};

struct Request {
  std::string method;  // in upper case
  std::string path;    // the target up to the "?", as it was sent
  std::string query;   // what follows the "?"
  Headers headers;
  std::string body;
  Caller caller;

  // The first of that name, in any case of letters; empty where there is none.
  std::string_view header(std::string_view name) const;
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

struct Answer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string cache_control = "no-store";
  std::string etag;  // with its quotes; "" = none. One that the caller has becomes a 304.
  Headers headers;   // beside those that every answer has
};

// {"error": {"code": "...", "message": "..."}}
Answer error_answer(unsigned status, std::string_view code, std::string_view message);
// What is no UTF-8 in the texts of `body`, which come from clients and servers, is replaced.
Answer json_answer(unsigned status, std::string body);

// What the caller is sent: 304 without a body when it has the same page already.
Answer unless_known(Answer answer, const Request& request);

// A browser asks, for a page to show.
bool wants_html(const Request& request);

struct Framing {
  bool keep_alive = true;
  bool head = false;  // the length of the body, but not the body
};

// The bytes of the answer in HTTP/1.1, with the headers that keep a browser from guessing, framing
// and caching.
std::string to_bytes(const Answer& answer, Framing framing);

}  // namespace sluice::proxy::admin
