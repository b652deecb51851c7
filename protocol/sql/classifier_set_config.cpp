// Calls of set_config(name, value, is_local): a statement that is nothing else is as good as a SET.

#include <algorithm>
#include <utility>

#include "protocol/sql/classifier.hpp"

namespace sluice::protocol::sql {
namespace {

using enum TokenKind;

bool is(const Token& token, char text) {
  return token.kind == symbol && token.text[0] == text;
}

// A name whose SET would be carried too. Others are left to what is known of every call.
bool carried_name(std::string_view name) {
  auto plain = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || letter == '_' || letter == '.' ||
           (letter >= '0' && letter <= '9');
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain) && name != "role" &&
         name != "session_authorization" && name != "seed" && !name.starts_with("transaction_");
}

}  // namespace

// set_config(name, value, is_local): only a literal true keeps it within the transaction.
void Classifier::follow_set_config(const Token& token, Word word) {
  if (config_local_ == 1 && is(token, ')') && config_depth_ == 1) {
    config_depth_ = 0;
    return;
  }
  config_local_ = 0;
  if (is(token, '(')) {
    ++config_depth_;
  } else if (is(token, ')')) {
    if (--config_depth_ == 0) {
      effects_.pins.add(Pin::settings);
    }
  } else if (is(token, ',') && config_depth_ == 1) {
    ++config_commas_;
    return;
  } else if (config_commas_ == 2 && config_depth_ == 1 && previous_ == Word::none) {
    bool yes = word == Word::true_ && token.kind == TokenKind::word;
    bool text = token.kind == string && (token.text == "t" || token.text == "true");
    config_local_ = yes || text ? 1 : 0;
    ++config_commas_;  // what follows is not the whole argument
  }
}

// SELECT [pg_catalog.]set_config('name', 'value' or $1, false), which Django and others send.
void Classifier::follow_whole_call(const Token& token) {
  const Call at = std::exchange(call_, Call::other);
  auto goes_on = [this](bool fits, Call next) {
    if (fits) {
      call_ = next;
    }
  };
  auto named = [&token](std::string_view name) {
    return token.kind == word && same_word(token.text, name);
  };
  switch (at) {
    case Call::verb:
      goes_on(named("pg_catalog"), Call::schema);
      goes_on(named("set_config"), Call::function);
      return;
    case Call::schema:
      return goes_on(is(token, '.'), Call::dot);
    case Call::dot:
      return goes_on(named("set_config"), Call::function);
    case Call::function:
      return goes_on(is(token, '('), Call::open);
    case Call::open:
      if (token.kind == string && plain_text(token, effects_.name)) {
        fold(effects_.name);
        goes_on(carried_name(effects_.name), Call::name);
      }
      return;
    case Call::name:
      return goes_on(is(token, ','), Call::name_comma);
    case Call::name_comma:
      from_parameter_ = token.kind == parameter;
      return goes_on(from_parameter_ || (token.kind == string && plain_text(token, effects_.value)),
                     Call::value);
    case Call::value:
      return goes_on(is(token, ','), Call::value_comma);
    case Call::value_comma:
      return goes_on(named("false"), Call::local);
    case Call::local:
      return goes_on(is(token, ')'), Call::whole);
    default:
      return;
  }
}

}  // namespace sluice::protocol::sql
