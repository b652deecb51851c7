#include <algorithm>

#include "protocol/console.hpp"
#include "proxy/console/command.hpp"

namespace sluice::proxy::console {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

bool is_sign(char c) {
  return c == '=' || c == ';' || c == '#';
}

protocol::Failure unended(std::string_view what) {
  return protocol::bad_command(std::string(what) + " does not end");
}

// Skips blanks and comments: "-- ..." and "# ..." to the end of the line, "/* ... */". False: a
// comment does not end.
bool skip_blanks(std::string_view& rest) {
  while (!rest.empty()) {
    std::size_t skipped = 0;
    if (is_blank(rest.front())) {
      skipped = 1;
    } else if (rest.starts_with("--") || rest.front() == '#') {
      skipped = std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = rest.find("*/", 2);
      if (end == std::string_view::npos) {
        return false;
      }
      skipped = end + 2;
    } else {
      return true;
    }
    rest.remove_prefix(skipped);
  }
  return true;
}

// A doubled quote stands for one. False: it does not end.
bool take_quoted(std::string_view& rest, std::string& text) {
  const char quote = rest.front();
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != quote) {
      text += c;
    } else if (!rest.empty() && rest.front() == quote) {
      text += c;
      rest.remove_prefix(1);
    } else {
      return true;
    }
  }
  return false;
}

void take_plain(std::string_view& rest, std::string& text) {
  while (!rest.empty() && !is_blank(rest.front()) && !is_quote(rest.front()) &&
         !is_sign(rest.front()) && !rest.starts_with("/*")) {
    text += rest.front();
    rest.remove_prefix(1);
  }
}

}  // namespace

protocol::Result<std::vector<Word>> words_of(std::string_view text) {
  std::vector<Word> words;
  for (;;) {
    if (!skip_blanks(text)) {
      return unended("a comment");
    }
    if (text.empty()) {
      return words;
    }
    Word word;
    if (is_quote(text.front())) {
      word.quoted = true;
      if (!take_quoted(text, word.text)) {
        return unended("a quoted name");
      }
    } else if (is_sign(text.front())) {
      word.text = text.front();
      text.remove_prefix(1);
    } else {
      take_plain(text, word.text);
    }
    words.push_back(std::move(word));
  }
}

}  // namespace sluice::proxy::console
