#include "protocol/sql/plain_sets.hpp"

#include <algorithm>
#include <cctype>

#include "protocol/bytes.hpp"
#include "protocol/sql/classifier.hpp"
#include "protocol/sql/split.hpp"

namespace sluice::protocol::sql {
namespace {

// Of a token, with the text that it stands for.
struct Piece {
  TokenKind kind;
  std::string text;  // of strings: their value
  bool plain;        // false: an escape in it is not looked into
  bool touches;      // nothing between it and the piece before
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Piece piece_of(const Token& token, std::string_view written) {
  Piece piece{token.kind, std::string(written), true, false};
  if (token.kind == TokenKind::string) {
    const char quote = written.size() < 2 ? '\0' : written.front();
    piece.plain = (quote == '\'' || quote == '"') && written.back() == quote &&
                  written.find('\\') == std::string_view::npos;
    piece.text.clear();
    for (std::size_t i = 1; piece.plain && i + 1 < written.size(); ++i) {
      i += written[i] == quote ? 1 : 0;  // doubled
      piece.text += written[i];
    }
  }
  return piece;
}

std::vector<Piece> pieces_of(std::string_view text, ScannerOptions options) {
  std::vector<Piece> out;
  Scanner scanner(options);
  Token token;
  Bytes rest = as_bytes(text);
  std::uint64_t end = 0;
  const auto add = [&] {
    out.push_back(piece_of(token, text.substr(token.begin, token.end - token.begin)));
    out.back().touches = token.begin == end;
    end = token.end;
  };
  while (scanner.next(rest, token)) {
    add();
  }
  if (scanner.finish(token)) {
    add();
  }
  return out;
}

// One SET statement of MySQL.
class MysqlSet {
 public:
  explicit MysqlSet(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  bool read(NamedValues& out) {
    if (!word("set")) {
      return false;
    }
    do {
      auto& [name, value] = out.emplace_back();
      if (!read_name(name) || name == "password" || !(symbol(":") ? touching("=") : symbol("=")) ||
          !read_value(value)) {
        return false;
      }
    } while (symbol(","));
    return at_ == pieces_.size();
  }

 private:
  const Piece* here() const { return at_ < pieces_.size() ? &pieces_[at_] : nullptr; }
  bool symbol(std::string_view text) {
    const bool is = here() != nullptr && here()->kind == TokenKind::symbol && here()->text == text;
    at_ += is ? 1 : 0;
    return is;
  }
  bool touching(std::string_view text) {
    return here() != nullptr && here()->touches && symbol(text);
  }
  bool word(std::string_view text) {
    const bool is =
        here() != nullptr && here()->kind == TokenKind::word && lower(here()->text) == text;
    at_ += is ? 1 : 0;
    return is;
  }
  bool take_word(std::string& out) {
    if (here() == nullptr || here()->kind != TokenKind::word) {
      return false;
    }
    out += lower(pieces_[at_++].text);
    return true;
  }

  bool read_name(std::string& name) {
    if (!symbol("@")) {
      if (word("password")) {
        return false;  // SET PASSWORD = '...'
      }
      const bool scoped = next_is_word() && (word("session") || word("local"));
      return (scoped || !next_is_word()) && take_word(name);
    }
    if (!touching("@")) {
      name = "@";
      return read_dotted(name);
    }
    const bool scope = word("session") || word("local");
    return (!scope || touching(".")) && take_word(name) && !touching(".");
  }
  bool read_dotted(std::string& name) {
    if (here() == nullptr || !here()->touches || !take_word(name)) {
      return false;
    }
    while (touching(".")) {
      name += '.';
      if (here() == nullptr || !here()->touches || !take_word(name)) {
        return false;
      }
    }
    return true;
  }
  bool next_is_word() const {
    return at_ + 1 < pieces_.size() && pieces_[at_ + 1].kind == TokenKind::word;
  }

  bool read_value(std::string& value) {
    const bool minus = symbol("-");
    const Piece* piece = here();
    if (piece == nullptr || !piece->plain) {
      return false;
    }
    ++at_;
    const std::string folded = lower(piece->text);
    value = (minus ? "-" : "") + piece->text;
    if (piece->kind == TokenKind::word) {
      return !minus && folded != "default" && folded != "null" && ends();
    }
    return (piece->kind == TokenKind::number || (piece->kind == TokenKind::string && !minus)) &&
           ends();
  }
  bool ends() const {
    return at_ == pieces_.size() ||
           (pieces_[at_].kind == TokenKind::symbol && pieces_[at_].text == ",");
  }

  std::vector<Piece> pieces_;
  std::size_t at_ = 0;
};

// set_config() has the same effect, and a result besides.
bool begins_with_set(const std::string& statement, ScannerOptions options) {
  Scanner scanner(options);
  Token token;
  Bytes rest = as_bytes(statement);
  return (scanner.next(rest, token) || scanner.finish(token)) && token.kind == TokenKind::word &&
         same_word(token.text, "set");
}

bool read_postgresql(const std::string& statement, ScannerOptions options, NamedValues& out) {
  Effects effects = classify(statement, options);
  if (effects.change != Change::set || effects.pins.any() || !begins_with_set(statement, options)) {
    return false;
  }
  out.emplace_back(std::move(effects.name), std::move(effects.value));
  return true;
}

}  // namespace

std::optional<NamedValues> plain_sets(std::string_view text, ScannerOptions options) {
  NamedValues out;
  for (const std::string& statement : split_statements(text, options)) {
    const bool plain = options.mysql ? MysqlSet(pieces_of(statement, options)).read(out)
                                     : read_postgresql(statement, options, out);
    if (!plain) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace sluice::protocol::sql
