#pragma once

// What a request carries: the JSON object of its body, or what follows the "?". Like the cursor of
// the protocols, the first thing that is wrong sticks; the caller asks for all and then for it.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "proxy/admin/message.hpp"

namespace sluice::proxy::admin {

class Arguments {
 public:
  // The body: an object with members of known names and types, or nothing at all.
  static Arguments of_body(const Request& request);
  // The query: every value a text. No name twice.
  static Arguments of_query(const Request& request);

  std::optional<std::string> text(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t max);
  std::optional<bool> flag(std::string_view name);

  void refuse(unsigned status, std::string message);
  // After the last question: what was wrong, also a name that nobody asked for.
  std::optional<Answer> problem();

 private:
  boost::json::object given_;
  bool query_ = false;
  std::set<std::string, std::less<>> asked_;
  std::optional<Answer> problem_;
};

}  // namespace sluice::proxy::admin
