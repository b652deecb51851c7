#pragma once

// Cuts SQL text into tokens while it streams, for both dialects.
//
//   Scanner scanner(options);
//   Token token;
//   while (scanner.next(chunk, token)) { ... }   // for every chunk; `chunk` ends up empty
//   while (scanner.finish(token)) { ... }        // at the end of the text
//
// Memory does not depend on the text: of each token at most kMaxText bytes are kept. The tokens do
// not depend on where the chunks end. It never fails: what no server would accept still becomes
// tokens, since the server itself will answer for it.
//
// PostgreSQL: 15 manual section 4.1 (Lexical Structure). MySQL: 8.0 manual chapter 9.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/bytes.hpp"

namespace sluice::protocol::sql {

enum class TokenKind : std::uint8_t {
  word,         // unquoted identifier or keyword, as written
  quoted_word,  // "x" (PostgreSQL; MySQL with ansi_quotes), `x` (MySQL)
  string,       // 'x', E'x', $tag$x$tag$; MySQL also "x"
  number,       // digits, '.' and '_' only: 1e5 is the number 1 and the word e5
  parameter,    // $1; MySQL: ?
  symbol,       // one character: ( ) , = @ . * : and so on; a MySQL @@x is three tokens
  semicolon,
};

struct Token {
  TokenKind kind = TokenKind::symbol;
  bool truncated = false;  // text holds only the first kMaxText bytes
  bool escaped = false;    // strings and quoted words: text has doubled quotes or backslash escapes
  bool inside = false;     // found in the body of a string: see look_inside()
  // Words as written; contents of quoted things without their quotes, escapes left as they are.
  // Lives until the next call of the scanner; may point into the chunk.
  std::string_view text;
  std::uint64_t begin = 0;  // offset of the first byte (quotes included) from the start of the text
  std::uint64_t end = 0;    // offset after the last byte; equal to the next begin if adjacent
};

struct ScannerOptions {
  bool mysql = false;
  // PostgreSQL: standard_conforming_strings is off. MySQL: NO_BACKSLASH_ESCAPES is not set.
  bool backslash_escapes = false;
  bool ansi_quotes = false;  // MySQL: "x" is an identifier
  // The client's encoding is one whose characters may end in the byte of a backslash, a quote or
  // another sign (big5, cp932, gb18030, gbk, sjis, johab, uhc). Tokens do not heed it; who must be
  // sure of them looks: see Digest::unclear.
  bool double_byte = false;
};

class Scanner {
 public:
  static constexpr std::size_t kMaxText = 128;

  explicit Scanner(ScannerOptions options) : options_(options) {}

  // True: `token` was filled and `chunk` advanced past it. False: all of `chunk` was consumed.
  bool next(Bytes& chunk, Token& token);
  // The token that the end of the text completes. True at most once.
  bool finish(Token& token);

  // From now on strings (dollar-quoted ones too) are not tokens: the words, semicolons and quote
  // characters inside them are, with Token::inside set. For code in strings: DO $$ ... $$.
  void look_inside() { look_inside_ = true; }
  // PostgreSQL: a dollar-quote tag was too long to be followed: the tokens cannot be trusted.
  bool lost() const { return lost_; }
  // MySQL: what is a token for one version of the server is a comment for another: /*!50100 */ and
  // above, /*M! */, and comments within any of these.
  bool conditional() const { return conditional_; }

 private:
  enum class State : std::uint8_t {
    start,
    word,
    number,
    minus,          // one '-' seen
    dash_dash,      // MySQL: "--" seen: a comment only if a blank follows
    slash,          // one '/' seen
    line_comment,   // to the end of the line
    block_comment,  // depth_ levels of them
    block_star,     // '*' in a block comment
    block_slash,    // '/' in a block comment
    bang,           // MySQL: after "/*": '!' or 'M' may follow
    bang_m,         // MySQL: after "/*M"
    version,        // MySQL: digits after "/*!"
    exec_star,      // MySQL: '*' inside an executable comment
    quoted,         // inside quote_
    quote_end,      // quote_ seen: doubled or the end?
    backslash,      // backslash seen inside quote_
    dollar,         // '$' seen: parameter or tag
    dollar_number,
    dollar_body,
    dollar_match,  // '$' seen in the body; match_ bytes of the tag matched
  };
  static constexpr std::size_t kMaxTag = 64;
  using At = const std::uint8_t*;

  // Each handles the states of its family from `at` on; true when a token is complete.
  bool step(At& at, At end, Token& token);
  bool step_start(At& at, At end, Token& token);
  bool step_word(At& at, At end, Token& token);
  bool step_quoted(At& at, At end, Token& token);
  bool step_dollar(At& at, At end, Token& token);
  bool step_body(At& at, At end, Token& token);
  bool step_comment(At& at, At end, Token& token);
  bool look(std::uint8_t byte, At& at, Token& token);

  void open(TokenKind kind, At token, At text);
  void open_quote(std::uint8_t quote, TokenKind kind, bool escapes, At at);
  void keep(At end);
  bool close(std::uint64_t text_end, std::uint64_t token_end, Token& token);
  bool symbol(std::uint64_t begin, std::uint8_t byte, Token& token);
  bool end_string(std::uint64_t text_end, std::uint64_t token_end, Token& token);
  std::uint64_t offset(At at) const { return base_ + static_cast<std::uint64_t>(at - chunk_); }

  ScannerOptions options_;
  State state_ = State::start;
  TokenKind kind_ = TokenKind::symbol;
  std::uint8_t quote_ = 0;
  std::uint8_t byte_ = 0;     // the text of the last symbol
  bool open_ = false;         // a token is open: its text is kept at the end of a chunk
  bool escapes_ = false;      // backslash escapes in the open string
  bool escape_tail_ = false;  // an E'' string just ended: 'x' after it continues it
  bool escaped_ = false;      // the open token has an escape
  bool executable_ = false;   // MySQL: inside /*! */
  bool look_inside_ = false;
  bool silent_ = false;  // the open string is looked into, not reported
  bool lost_ = false;
  bool conditional_ = false;
  std::uint8_t kept_ = 0;  // bytes in text_
  std::uint8_t tag_size_ = 0;
  std::uint8_t match_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t version_ = 0;
  std::uint64_t base_ = 0;        // offset of chunk_ in the text
  std::uint64_t begin_ = 0;       // offset of the open token
  std::uint64_t text_begin_ = 0;  // offset of its text
  std::uint64_t mark_ = 0;        // offset of a quote or dollar that may end the open token
  At chunk_ = nullptr;
  // Uninitialised on purpose: only the first kept_ and tag_size_ bytes are ever read.
  std::array<char, kMaxText> text_;
  std::array<std::uint8_t, kMaxTag> tag_;
};

// Compares with a lower-case ASCII word, ignoring the case of `text`.
bool same_word(std::string_view text, std::string_view lower);

}  // namespace sluice::protocol::sql
