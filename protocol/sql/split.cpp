#include "protocol/sql/split.hpp"

#include "protocol/bytes.hpp"

namespace sluice::protocol::sql {

std::vector<std::string> split_statements(std::string_view text, ScannerOptions options) {
  std::vector<std::string> statements;
  std::size_t begin = 0;
  bool empty = true;
  const auto cut = [&](std::size_t end) {
    if (!empty) {
      statements.emplace_back(text.substr(begin, end - begin));
    }
    empty = true;
  };
  Scanner scanner(options);
  Token token;
  const auto take = [&] {
    if (token.kind != TokenKind::semicolon) {
      empty = false;
      return;
    }
    cut(token.begin);
    begin = token.end;
  };
  Bytes rest = as_bytes(text);
  while (scanner.next(rest, token)) {
    take();
  }
  while (scanner.finish(token)) {
    take();
  }
  cut(text.size());
  return statements;
}

}  // namespace sluice::protocol::sql
