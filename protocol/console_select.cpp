#include "protocol/console_select.hpp"

#include <charconv>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"

namespace sluice::protocol {
namespace {

using sql::Token;
using sql::TokenKind;

constexpr std::size_t kMaxTokens = 512;

struct Piece {
  TokenKind kind{};
  std::string text;  // words in lower case
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::vector<Piece> pieces(std::string_view statement, sql::ScannerOptions options,
                          std::size_t most) {
  std::vector<Piece> all;
  sql::Scanner scanner(options);
  Token token;
  Bytes rest = as_bytes(statement);
  const auto take = [&] {
    if (token.kind != TokenKind::semicolon && all.size() < most) {
      const bool word = token.kind == TokenKind::word;
      all.push_back({token.kind, word ? lower(token.text) : std::string(token.text)});
    }
  };
  while (all.size() < most && scanner.next(rest, token)) {
    take();
  }
  while (all.size() < most && scanner.finish(token)) {
    take();
  }
  return all;
}

class Select {
 public:
  Select(std::vector<Piece> all, const ConsoleLookup& lookup)
      : pieces_(std::move(all)), lookup_(lookup) {}

  std::optional<Table> run() {
    if (!take("select")) {
      return std::nullopt;
    }
    Table table;
    table.tag = "SELECT 1";
    table.rows.emplace_back();
    do {
      if (!item(table)) {
        return std::nullopt;
      }
    } while (take(","));
    if (take("limit")) {
      ++at_;
    }
    return at_ == pieces_.size() ? std::optional(std::move(table)) : std::nullopt;
  }

 private:
  bool is(std::string_view text) const { return at_ < pieces_.size() && pieces_[at_].text == text; }
  bool take(std::string_view text) {
    const bool found = is(text);
    at_ += found ? 1 : 0;
    return found;
  }

  bool item(Table& table) {
    std::string name;
    std::optional<Value> value = at_ < pieces_.size() ? operand(name) : std::nullopt;
    if (!value) {
      return false;
    }
    const bool named = take("as");
    if (at_ < pieces_.size() && (named || pieces_[at_].kind != TokenKind::symbol) && !is("limit")) {
      name = pieces_[at_++].text;
    }
    ColumnType type = ColumnType::text;
    if (std::holds_alternative<std::int64_t>(*value)) {
      type = ColumnType::bigint;
    } else if (std::holds_alternative<bool>(*value)) {
      type = ColumnType::boolean;
    }
    table.columns.push_back({std::move(name), type});
    table.rows.front().push_back(std::move(*value));
    return true;
  }

  std::optional<Value> operand(std::string& name) {
    const Piece& first = pieces_[at_++];
    name = first.text;
    if (first.kind == TokenKind::string) {
      return Value(first.text);
    }
    if (first.kind == TokenKind::number) {
      std::int64_t number = 0;
      const char* end = name.data() + name.size();
      const auto read = std::from_chars(name.data(), end, number);
      return read.ptr == end ? std::optional<Value>(number) : std::nullopt;
    }
    if (name == "null") {
      return Value();
    }
    if (name == "@") {
      return variable(name);
    }
    if (first.kind != TokenKind::word) {
      return std::nullopt;
    }
    if (take("(")) {
      if (!take(")")) {
        return std::nullopt;
      }
      name += "()";
    }
    return lookup_(name);
  }

  // "@@" and a name, of any scope.
  std::optional<Value> variable(std::string& name) {
    if (!take("@") || at_ >= pieces_.size()) {
      return std::nullopt;
    }
    name = "@@" + pieces_[at_++].text;
    std::string bare = name;
    if (take(".")) {
      if (at_ >= pieces_.size()) {
        return std::nullopt;
      }
      bare = "@@" + pieces_[at_].text;
      name += "." + pieces_[at_++].text;
    }
    return lookup_(bare);
  }

  std::vector<Piece> pieces_;
  const ConsoleLookup& lookup_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Table> answer_select(std::string_view statement, sql::ScannerOptions options,
                                   const ConsoleLookup& lookup) {
  return Select(pieces(statement, options, kMaxTokens), lookup).run();
}

std::vector<std::string> lower_words(std::string_view statement, sql::ScannerOptions options,
                                     std::size_t most) {
  std::vector<std::string> words;
  for (Piece& piece : pieces(statement, options, most)) {
    words.push_back(lower(piece.text));
  }
  return words;
}

}  // namespace sluice::protocol
