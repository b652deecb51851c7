#include "proxy/middleware/token/jws.hpp"

#include <boost/json/object.hpp>
#include <utility>

#include "protocol/crypto.hpp"
#include "proxy/middleware/token/strict_json.hpp"

namespace sluice::proxy::middleware::token {
namespace {

using metrics::RefusalReason;

Refused malformed(std::string why) {
  return {RefusalReason::token_malformed, std::move(why)};
}

}  // namespace

std::variant<Jws, Refused> parse_jws(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return malformed("a token has three parts with a dot between them");
  }
  const auto header_text = protocol::base64url_decode(token.substr(0, first));
  auto signature = protocol::base64url_decode(token.substr(second + 1));
  if (!header_text || !signature) {
    return malformed("header or signature is not in base64url");
  }
  const auto header = parse_object(protocol::as_text(*header_text));
  if (!header) {
    return malformed("the header is no JSON object, or has a member twice");
  }
  // What the token says must be understood (RFC 7515, 4.1.11), and we know no extension.
  if (header->contains("crit")) {
    return malformed("the header has critical extensions");
  }
  const auto algorithm_name = text_member(*header, "alg");
  const auto algorithm = algorithm_name ? parse_algorithm(*algorithm_name) : std::nullopt;
  if (!algorithm) {
    return Refused{RefusalReason::token_algorithm, "the algorithm is not HS256, RS256 or ES256"};
  }
  Jws jws{*algorithm, text_member(*header, "kid"), token.substr(0, second),
          token.substr(first + 1, second - first - 1), std::move(*signature)};
  if (header->contains("kid") && !jws.key_id) {
    return malformed("the id of the key is no text");
  }
  return jws;
}

}  // namespace sluice::proxy::middleware::token
