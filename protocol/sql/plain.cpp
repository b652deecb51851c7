#include "protocol/sql/plain.hpp"

#include <array>
#include <cstddef>
#include <span>

#include "protocol/sql/characters.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {
namespace {

// A list of words behind a filter: one bit for the first letter, the last one and the length tells
// nearly every word of a text from those of the list.
class Words {
 public:
  template <std::size_t N>
  explicit constexpr Words(const std::array<std::string_view, N>& list) : list_(list) {
    for (std::string_view word : list) {
      masks_[row(word)] |= bit(word);
    }
  }

  bool has(std::string_view word) const {
    return (masks_[row(word)] & bit(word)) != 0 && listed(word);
  }

 private:
  // Letters of either case share a row and a bit; so may others, which costs a comparison.
  static constexpr std::size_t row(std::string_view word) {
    return static_cast<unsigned char>(word.front()) & 31U;
  }
  static constexpr std::uint32_t bit(std::string_view word) {
    return 1U << ((static_cast<unsigned char>(word.back()) + 5 * word.size()) % 32);
  }
  bool listed(std::string_view word) const {
    for (std::string_view known : list_) {
      if (known.size() == word.size() && same_word(word, known)) {
        return true;
      }
    }
    return false;
  }

  std::array<std::uint32_t, 32> masks_{};
  std::span<const std::string_view> list_;
};

using namespace std::string_view_literals;

// Verbs after which only the words below matter.
constexpr std::array kPgVerbList{"select"sv, "insert"sv, "update"sv,
                                 "delete"sv, "with"sv,   "values"sv};
constexpr std::array kPgWriteList{"insert"sv, "update"sv,  "merge"sv, "copy"sv,
                                  "call"sv,   "execute"sv, "do"sv};
constexpr std::array kPgMatterList{"insert"sv,
                                   "update"sv,
                                   "merge"sv,
                                   "copy"sv,
                                   "call"sv,
                                   "execute"sv,
                                   "do"sv,
                                   "temp"sv,
                                   "temporary"sv,
                                   "pg_temp"sv,
                                   "set_config"sv,
                                   "pg_advisory_lock"sv,
                                   "pg_advisory_lock_shared"sv,
                                   "pg_advisory_unlock_all"sv,
                                   "pg_try_advisory_lock"sv,
                                   "pg_try_advisory_lock_shared"sv,
                                   "pg_backend_pid"sv,
                                   "setseed"sv,
                                   "dblink_connect"sv,
                                   "dblink_connect_u"sv,
                                   "pg_replication_origin_session_setup"sv,
                                   "nextval"sv,
                                   "setval"sv,
                                   "currval"sv,
                                   "lastval"sv};
constexpr std::array kMyVerbList{"select"sv,  "insert"sv, "update"sv, "delete"sv,
                                 "replace"sv, "with"sv,   "commit"sv, "rollback"sv};
constexpr std::array kMyMatterList{"connection_id"sv,
                                   "found_rows"sv,
                                   "get_lock"sv,
                                   "last_insert_id"sv,
                                   "release_all_locks"sv,
                                   "row_count"sv,
                                   "service_get_read_locks"sv,
                                   "service_get_write_locks"sv,
                                   "version_tokens_lock_exclusive"sv,
                                   "version_tokens_lock_shared"sv,
                                   "sql_calc_found_rows"sv};

constexpr Words kPgVerbs(kPgVerbList);
constexpr Words kPgWrites(kPgWriteList);
constexpr Words kPgMatter(kPgMatterList);
constexpr Words kMyVerbs(kMyVerbList);
constexpr Words kMyMatter(kMyMatterList);

// What a byte begins, where no word, number or blank goes on.
enum class Start : std::uint8_t {
  unclear,  // leaves it to the classifier
  blank,
  word,
  digit,
  symbol,  // means nothing
  string,
  name,  // quoted, or a string: what is in it may be the name of a function
  dash,
  slash,
  semicolon,
  dollar,
};

constexpr std::array<Start, 256> starts(bool mysql) {
  std::array<Start, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = kClasses[byte] == kSpace    ? Start::blank
                  : kClasses[byte] == kLetter ? Start::word
                  : kClasses[byte] == kDigit  ? Start::digit
                                              : Start::unclear;
  }
  for (char symbol : "(),.=<>!+*%&|^~?[]{}"sv) {
    table[static_cast<unsigned char>(symbol)] = Start::symbol;
  }
  table['\''] = Start::string;
  table['"'] = Start::name;
  table['-'] = Start::dash;
  table['/'] = Start::slash;
  table[';'] = Start::semicolon;
  if (mysql) {
    table['`'] = Start::name;
  } else {
    table['$'] = Start::dollar;
    table[':'] = table['@'] = table['#'] = Start::symbol;
  }
  return table;
}
constexpr auto kPgStarts = starts(false);
constexpr auto kMyStarts = starts(true);

constexpr std::array<bool, 256> word_parts() {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = in_word(static_cast<std::uint8_t>(byte));
  }
  return table;
}
constexpr auto kWordParts = word_parts();

template <bool kMysql>
class Look {
 public:
  explicit Look(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  Plain judge() {
    while (at_ != end_) {
      if (!step()) {
        return Plain::unknown;
      }
    }
    return !begun_ ? Plain::unknown : writes_ ? Plain::writes : Plain::nothing;
  }

 private:
  bool step() {
    const char begin = *at_;
    switch ((kMysql ? kMyStarts : kPgStarts)[static_cast<unsigned char>(begin)]) {
      case Start::blank:
        ++at_;
        return true;
      case Start::word:
        return word();
      case Start::digit:
        skip_number();
        return begun_;
      case Start::symbol:
        ++at_;
        return begun_;
      case Start::string:
      case Start::name:
        return quoted(begin);
      case Start::dash:
        return begun_ && ++at_ != end_ && *at_ != '-';
      case Start::slash:
        return slash();
      case Start::semicolon:
        return last_semicolon();
      case Start::dollar:  // a parameter, not a dollar-quoted string
        return begun_ && ++at_ != end_ && is_digit(*at_);
      case Start::unclear:
        break;
    }
    return false;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  bool word() {
    const char* begin = at_;
    do {
      ++at_;
    } while (at_ != end_ && kWordParts[static_cast<unsigned char>(*at_)]);
    const std::string_view word(begin, static_cast<std::size_t>(at_ - begin));
    if (!begun_) {
      begun_ = true;
      if (!(kMysql ? kMyVerbs : kPgVerbs).has(word)) {
        return false;
      }
    }
    return harmless(word);
  }

  bool harmless(std::string_view word) {
    if constexpr (kMysql) {
      return !kMyMatter.has(word);
    }
    if (!kPgMatter.has(word)) {
      return true;
    }
    const bool writes = kPgWrites.has(word);
    writes_ = writes_ || writes;
    return writes;
  }

  void skip_number() {
    while (at_ != end_ && (is_digit(*at_) || *at_ == '.' || *at_ == '_')) {
      ++at_;
    }
  }

  // A doubled quote is two strings side by side here, which comes to the same.
  bool quoted(char quote) {
    const char* begin = ++at_;
    while (at_ != end_ && *at_ != quote) {
      if (*at_ == '\\') {
        return false;  // an escape or not: the mode of the session decides
      }
      ++at_;
    }
    if (!begun_ || at_ == end_) {
      return false;
    }
    const std::string_view inside(begin, static_cast<std::size_t>(at_ - begin));
    ++at_;
    return quote == '\'' || inside.empty() || harmless(inside);
  }

  // A division, or a comment that no server looks into.
  bool slash() {
    if (++at_ == end_ || *at_ != '*') {
      return begun_ && at_ != end_;
    }
    ++at_;
    if (kMysql && at_ != end_ && (*at_ == '!' || *at_ == 'M')) {
      return false;
    }
    for (; end_ - at_ >= 2; ++at_) {
      if (at_[0] == '*' && at_[1] == '/') {
        at_ += 2;
        return true;
      }
      if (!kMysql && at_[0] == '/' && at_[1] == '*') {
        return false;  // nested
      }
    }
    return false;
  }

  bool last_semicolon() {
    while (++at_ != end_) {
      if (kClasses[static_cast<unsigned char>(*at_)] != kSpace) {
        return false;
      }
    }
    return begun_;
  }

  const char* at_;
  const char* end_;
  bool begun_ = false;  // the verb was seen
  bool writes_ = false;
};

}  // namespace

Plain plain_postgresql(std::string_view text) {
  return Look<false>(text).judge();
}

Plain plain_mysql(std::string_view text) {
  return Look<true>(text).judge();
}

}  // namespace sluice::protocol::sql
