#pragma once

// From a request to its answer: pages, then the endpoints of the API with who may ask what. Thread-
// safe, as long as the pages and the operator are.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/admin/authenticator.hpp"
#include "proxy/admin/endpoints.hpp"
#include "proxy/admin/guard.hpp"
#include "proxy/admin/message.hpp"

namespace sluice::proxy::admin {

// Answers GET and HEAD of one path, on the admin thread: soon, and without a password.
struct Page {
  std::string path;
  std::function<Answer()> answer;
};

// What the admin server has to show. What it refers to must outlive the server.
struct Site {
  std::vector<Page> pages;
  // For a browser that asks for a path that is not there (404) or with a method that is not (405);
  // null, or empty: the same JSON as for everybody else.
  std::function<std::optional<Answer>(unsigned status)> error_page;
  op::Operator* house = nullptr;  // null: no API
};

class Router {
 public:
  Router(Site site, Reach reach);

  // An endpoint of the API: answer() may take a second, and must not be called on the admin thread.
  bool is_slow(const Request& request) const { return find(request) != nullptr; }
  // The body of another request is not worth reading.
  bool wants_body(const Request& request) const;
  Answer answer(const Request& request);

 private:
  const Endpoint* find(const Request& request) const;
  Answer call(const Endpoint& endpoint, const Request& request);
  Answer lost(const Request& request) const;
  Answer error_page(unsigned status, const Request& request, Answer otherwise) const;

  const Site site_;
  const Reach reach_;
  std::optional<Authenticator> authenticator_;  // where there is an API
};

}  // namespace sluice::proxy::admin
