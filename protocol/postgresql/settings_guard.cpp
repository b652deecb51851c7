#include "protocol/postgresql/settings_guard.hpp"

#include <algorithm>
#include <array>

#include "protocol/postgresql/session_state.hpp"
#include "protocol/sql/plain.hpp"

namespace sluice::protocol::postgresql {
namespace {

using enum sql::TokenKind;
using sql::same_word;
using sql::Token;
using namespace std::string_view_literals;

constexpr std::array kReadOnlyNames{"default_transaction_read_only"sv, "transaction_read_only"sv};

// What is said in words of its own, and the setting that it changes.
struct Alias {
  std::string_view word;
  std::string_view name;
};
constexpr std::array kAliases{
    Alias{"time", "timezone"}, Alias{"names", "client_encoding"}, Alias{"schema", "search_path"},
    Alias{"authorization", "session_authorization"}, Alias{"xml", "xmloption"}};

bool is_read_only_name(std::string_view name) {
  return std::any_of(kReadOnlyNames.begin(), kReadOnlyNames.end(),
                     [name](std::string_view known) { return same_setting_name(name, known); });
}

// Other spellings of true are the server's to understand, and refused here.
bool means_on(std::string_view value) {
  constexpr std::array kOn{"on"sv, "true"sv, "yes"sv, "1"sv, "t"sv, "y"sv};
  return std::any_of(kOn.begin(), kOn.end(),
                     [value](std::string_view on) { return same_word(value, on); });
}

bool is(const Token& token, char letter) {
  return token.kind == symbol && token.text.front() == letter;
}

// A string whose text is its value: no prefix, no escapes.
bool is_plain_string(const Token& token) {
  return token.kind == string && !token.truncated && !token.escaped &&
         token.end - token.begin == token.text.size() + 2;
}

std::string_view part(std::string_view name, std::size_t index) {
  for (; index != 0 && !name.empty(); --index) {
    const std::size_t dot = name.find('.');
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return name.substr(0, name.find('.'));
}

std::size_t parts(std::string_view name) {
  return 1 + static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
}

Failure read_only_failure() {
  return fail(FailureKind::read_only_route,
              "this session is read only, and transactions cannot be made read write in it; "
              "connect to a route that may write");
}

Failure fixed_failure(std::string_view name) {
  return fail(FailureKind::statement_refused, "the setting \"" + std::string(name) +
                                                  "\" is fixed for this session and cannot be "
                                                  "changed by it");
}

}  // namespace

SettingsGuard::SettingsGuard(const SessionDefaults& defaults, sql::ScannerOptions options)
    : defaults_(defaults),
      scanner_(options),
      double_byte_(options.double_byte),
      progress_(defaults.fixed.size()) {}

void SettingsGuard::feed(Bytes text) {
  if (double_byte_) {
    look_for_hidden(text);
  }
  Token token;
  while (scanner_.next(text, token)) {
    take(token);
  }
}

std::optional<Failure> SettingsGuard::finish() {
  Token token;
  while (scanner_.finish(token)) {
    take(token);
  }
  end_statement();
  switch (scanner_.lost() && found_ == Found::nothing ? Found::unclear : found_) {
    case Found::nothing:
      return std::nullopt;
    case Found::fixed:
      return fixed_failure(hit_);
    case Found::read_only:
      return read_only_failure();
    case Found::unclear:
      break;
  }
  return fail(FailureKind::statement_refused,
              "some settings of this session are fixed, and this statement may change them in a "
              "way that cannot be seen: name the setting in plain text, as in "
              "set_config('name', ...)");
}

// A character of two bytes whose second looks like a backslash: where strings end is not sure.
void SettingsGuard::look_for_hidden(Bytes text) {
  for (const std::uint8_t byte : text) {
    if (lead_ && byte == '\\') {
      found(Found::unclear);
    }
    lead_ = byte >= 0x80;
  }
}

void SettingsGuard::take(const Token& token) {
  if (token.inside) {
    if (token.kind == word) {
      in_code(token.text);
    }
    return;
  }
  if (token.kind == semicolon) {
    end_statement();
    return;
  }
  ++tokens_;
  if (phase_ == Phase::start) {
    begin_statement(token);
  } else if (phase_ != Phase::plain) {
    take_target(token);
  }
  anywhere(token);
  end_ = token.end;
}

void SettingsGuard::begin_statement(const Token& token) {
  phase_ = Phase::plain;
  if (token.kind != word) {
    return;
  }
  if (same_word(token.text, "set") || same_word(token.text, "reset")) {
    phase_ = Phase::target;
  } else if (same_word(token.text, "begin") || same_word(token.text, "start")) {
    modes_ = true;
  } else if (same_word(token.text, "create") || same_word(token.text, "alter")) {
    defines_ = true;
    creates_ = same_word(token.text, "create");
  } else if (same_word(token.text, "do")) {
    scanner_.look_inside();
  }
}

void SettingsGuard::end_statement() {
  if (phase_ == Phase::named) {
    complete_name();
  }
  if (phase_ == Phase::equals || phase_ == Phase::value) {
    found(Found::read_only);  // RESET, or a SET without a value
  }
  phase_ = Phase::start;
  tokens_ = 0;
  call_ = unicode_ = 0;
  defines_ = creates_ = updates_ = modes_ = characteristics_ = read_ = false;
}

void SettingsGuard::take_target(const Token& token) {
  const bool names = (token.kind == word || token.kind == quoted_word) && !token.truncated;
  switch (phase_) {
    case Phase::target:
      if (token.kind == word && !defines_) {
        for (const Alias& alias : kAliases) {
          if (same_word(token.text, alias.word)) {
            check(alias.name);
            phase_ = Phase::plain;
            return;
          }
        }
      }
      if (token.kind == word &&
          (same_word(token.text, "session") || same_word(token.text, "local"))) {
        return;
      }
      if (token.kind == word &&
          (same_word(token.text, "transaction") || same_word(token.text, "characteristics"))) {
        modes_ = true;
        characteristics_ = same_word(token.text, "characteristics");
        phase_ = Phase::plain;
        return;
      }
      phase_ = Phase::plain;
      if (names) {
        begin_name(token.text);
      }
      return;
    case Phase::part:
      phase_ = Phase::plain;
      if (names) {
        name_ += '.';
        name_ += token.text;
        phase_ = Phase::named;
      }
      return;
    case Phase::named:
      if (is(token, '.')) {
        phase_ = Phase::part;
        return;
      }
      complete_name();
      if (phase_ == Phase::equals) {
        take_value(token);
      }
      return;
    default:
      take_value(token);
  }
}

void SettingsGuard::begin_name(std::string_view name) {
  name_ = name;
  phase_ = Phase::named;
}

void SettingsGuard::complete_name() {
  phase_ = defaults_.read_only_fixed && is_read_only_name(name_) ? Phase::equals : Phase::plain;
  if (phase_ == Phase::plain) {
    check(name_);
  }
}

// SET transaction_read_only = on changes nothing; all else does.
void SettingsGuard::take_value(const Token& token) {
  if (phase_ == Phase::equals) {
    const bool equals = is(token, '=') || (token.kind == word && same_word(token.text, "to"));
    phase_ = equals ? Phase::value : Phase::plain;
    if (!equals) {
      found(Found::read_only);
    }
    return;
  }
  const bool plain = token.kind == word || token.kind == number || is_plain_string(token);
  if (phase_ == Phase::rest || !plain || !means_on(token.text)) {
    found(Found::read_only);
  }
  phase_ = Phase::rest;
}

void SettingsGuard::anywhere(const Token& token) {
  if (call_ != 0) {
    take_call(token);
  }
  const bool adjacent = end_ == token.begin;
  if (unicode_ == 2 && token.kind == quoted_word && adjacent) {
    found(Found::unclear);  // an identifier in escapes
  }
  unicode_ = unicode_ == 1 && is(token, '&') && adjacent        ? 2
             : token.kind == word && same_word(token.text, "u") ? 1
                                                                : 0;
  if (token.kind != word && token.kind != quoted_word) {
    return;
  }
  if (same_word(token.text, "set_config")) {
    call_ = 1;
  } else if (updates_ && same_word(token.text, "pg_settings")) {
    found(Found::unclear);  // an UPDATE of this view is a set_config()
  }
  if (token.kind != word) {
    return;
  }
  updates_ = updates_ || same_word(token.text, "update");
  take_modes(token.text);
  if (defines_ && tokens_ > 1) {
    if (same_word(token.text, "set") || same_word(token.text, "reset")) {
      phase_ = Phase::target;
    } else if (creates_ && tokens_ < 6 &&
               (same_word(token.text, "function") || same_word(token.text, "procedure"))) {
      scanner_.look_inside();
    }
  }
}

// set_config('name', ...
void SettingsGuard::take_call(const Token& token) {
  switch (call_) {
    case 1:
      call_ = is(token, '(') ? 2 : 0;
      return;
    case 2:
      call_ = 3;
      if (!is_plain_string(token)) {
        found(Found::unclear);
        call_ = 0;
        return;
      }
      name_ = token.text;
      return;
    default:
      call_ = 0;
      if (!is(token, ',')) {
        found(Found::unclear);
      } else if (defaults_.read_only_fixed && is_read_only_name(name_)) {
        found(Found::read_only);
      } else {
        check(name_);
      }
  }
}

void SettingsGuard::take_modes(std::string_view text) {
  if (!modes_) {
    return;
  }
  if (read_ && defaults_.read_only_fixed && same_word(text, "write")) {
    found(Found::read_only);
  }
  read_ = same_word(text, "read");
  if (characteristics_ && same_word(text, "isolation")) {
    check("default_transaction_isolation");
  } else if (characteristics_ && same_word(text, "deferrable")) {
    check("default_transaction_deferrable");
  } else if (characteristics_ && read_) {
    check("default_transaction_read_only");
  }
}

// Code has no grammar to lean on: the words are enough.
void SettingsGuard::in_code(std::string_view text) {
  if (same_word(text, "set_config")) {
    found(Found::unclear);
  }
  if (defaults_.read_only_fixed &&
      (is_read_only_name(text) || (read_ && same_word(text, "write")))) {
    found(Found::read_only);
  }
  read_ = same_word(text, "read");
  for (std::size_t i = 0; i < progress_.size(); ++i) {
    const std::string_view name = defaults_.fixed[i];
    if (!same_setting_name(text, part(name, progress_[i]))) {
      progress_[i] = 0;
    }
    if (same_setting_name(text, part(name, progress_[i])) && ++progress_[i] == parts(name)) {
      found(Found::fixed, name);
      progress_[i] = 0;
    }
  }
}

void SettingsGuard::check(std::string_view name) {
  for (const std::string& fixed : defaults_.fixed) {
    if (same_setting_name(name, fixed)) {
      found(Found::fixed, fixed);
    }
  }
}

void SettingsGuard::found(Found what, std::string_view name) {
  if (found_ == Found::nothing) {
    found_ = what;
    hit_ = name;
  }
}

std::optional<Failure> fixed_refusal(const SessionDefaults& defaults, std::string_view text,
                                     sql::ScannerOptions options) {
  if (sql::plain_postgresql(text) == sql::Plain::nothing &&
      text.find("&\"") == std::string_view::npos) {
    return std::nullopt;
  }
  SettingsGuard guard(defaults, options);
  guard.feed(as_bytes(text));
  return guard.finish();
}

std::optional<Failure> fixed_refusal(const SessionDefaults& defaults, const Parameters& startup) {
  for (const auto& [name, value] : startup) {
    for (const std::string& fixed : defaults.fixed) {
      if (same_setting_name(name, fixed)) {
        return fixed_failure(fixed);
      }
    }
    if (defaults.read_only_fixed && is_read_only_name(name) && !means_on(value)) {
      return read_only_failure();
    }
  }
  return std::nullopt;
}

}  // namespace sluice::protocol::postgresql
