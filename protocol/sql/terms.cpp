#include "protocol/sql/terms.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::sql {
namespace {

using enum Term;

struct Row {
  std::string_view word;
  Term term;
};

// Sorted by the first letter.
constexpr auto kRows = std::to_array<Row>({
    {"abort", abort_},
    {"access", access},
    {"all", keyword},
    {"alter", alter},
    {"analyse", analyze},
    {"analyze", analyze},
    {"and", keyword},
    {"as", as},
    {"begin", begin},
    {"between", keyword},
    {"by", keyword},
    {"cache", maintain},
    {"call", call},
    {"case", keyword},
    {"char", reading},
    {"character", reading},
    {"character_set_client", reading},
    {"charset", reading},
    {"check", maintain},
    {"checkpoint", maintain},
    {"checksum", maintain},
    {"close", cursor},
    {"cluster", maintain},
    {"comment", comment},
    {"commit", commit},
    {"conflict", keyword},
    {"copy", copy},
    {"create", create},
    {"dblink", write_function},
    {"dblink_exec", write_function},
    {"dblink_send_query", write_function},
    {"deallocate", deallocate},
    {"declare", cursor},
    {"default", default_},
    {"default_transaction_read_only", read_only_setting},
    {"delete", delete_},
    {"desc", describe},
    {"describe", describe},
    {"discard", discard},
    {"distinct", keyword},
    {"do", do_},
    {"drop", drop},
    {"else", keyword},
    {"end", end},
    {"except", keyword},
    {"execute", execute},
    {"exists", keyword},
    {"explain", explain},
    {"extended", explain_option},
    {"false", false_},
    {"fetch", cursor},
    {"filter", keyword},
    {"flush", maintain},
    {"for", for_},
    {"format", format},
    {"from", from},
    {"get", get},
    {"global", global},
    {"grant", grant},
    {"group", role},
    {"handler", cursor},
    {"having", keyword},
    {"help", help},
    {"ilike", keyword},
    {"immediate", immediate},
    {"import", import},
    {"in", keyword},
    {"index", index},
    {"insert", insert},
    {"instance", instance},
    {"intersect", keyword},
    {"interval", keyword},
    {"into", into},
    {"is", keyword},
    {"join", keyword},
    {"key", key},
    {"kill", kill},
    {"lateral", keyword},
    {"like", keyword},
    {"limit", keyword},
    {"listen", listen},
    {"lo_creat", write_function},
    {"lo_create", write_function},
    {"lo_from_bytea", write_function},
    {"lo_import", write_function},
    {"lo_open", write_function},
    {"lo_put", write_function},
    {"lo_truncate", write_function},
    {"lo_truncate64", write_function},
    {"lo_unlink", write_function},
    {"load", load},
    {"local", local},
    {"lock", lock},
    {"lowrite", write_function},
    {"materialized", keyword},
    {"merge", merge},
    {"move", cursor},
    {"names", reading},
    {"next", next},
    {"nextval", write_function},
    {"no", no},
    {"no_write_to_binlog", local},
    {"not", not_},
    {"notify", listen},
    {"null", null},
    {"offset", keyword},
    {"on", on},
    {"optimize", maintain},
    {"or", or_},
    {"over", keyword},
    {"partitions", explain_option},
    {"password", password},
    {"persist", global},
    {"persist_only", global},
    {"prepare", prepare},
    {"prepared", prepared},
    {"privileges", privileges},
    {"read", read},
    {"reassign", grant},
    {"recover", recover},
    {"refresh", maintain},
    {"reindex", maintain},
    {"release", release},
    {"rename", rename},
    {"repack", maintain},
    {"repair", maintain},
    {"replace", replace},
    {"reset", reset},
    {"returning", keyword},
    {"revoke", grant},
    {"role", role},
    {"rollback", rollback},
    {"savepoint", savepoint},
    {"security", security},
    {"select", select},
    {"set", set},
    {"set_config", set_config},
    {"setval", write_function},
    {"share", share},
    {"show", show},
    {"sql_mode", reading},
    {"start", start},
    {"statement", statement},
    {"stdout", stdout_},
    {"table", table},
    {"tables", table},
    {"then", keyword},
    {"to", to},
    {"transaction", transaction},
    {"transaction_read_only", read_only_setting},
    {"true", true_},
    {"truncate", truncate},
    {"tx_read_only", read_only_setting},
    {"union", keyword},
    {"unlisten", listen},
    {"unlock", unlock},
    {"update", update},
    {"use", use},
    {"user", role},
    {"using", keyword},
    {"vacuum", maintain},
    {"value", value},
    {"values", values},
    {"verbose", explain_option},
    {"when", keyword},
    {"where", keyword},
    {"with", with},
    {"within", keyword},
    {"write", write},
    {"xa", xa},
});

// For each first letter the lengths of its words, as bits, and where its rows begin.
struct Index {
  std::array<std::uint32_t, 32> lengths{};
  std::array<std::uint8_t, 33> begins{};

  constexpr Index() {
    for (const Row& row : kRows) {
      const auto letter = static_cast<unsigned char>(row.word.front()) & 31U;
      lengths[letter] |= 1U << row.word.size();
      ++begins[letter + 1];
    }
    for (std::size_t letter = 0; letter < 32; ++letter) {
      begins[letter + 1] = static_cast<std::uint8_t>(begins[letter + 1] + begins[letter]);
    }
  }
};
constexpr Index kIndex;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

static_assert(std::is_sorted(kRows.begin(), kRows.end(), [](const Row& a, const Row& b) {
  return a.word.front() < b.word.front();
}));
static_assert(std::all_of(kRows.begin(), kRows.end(),
                          [](const Row& row) { return row.word.size() < 32; }));

}  // namespace

Term find_term(std::string_view word) {
  if (word.empty() || word.size() >= 32) {
    return none;
  }
  const std::size_t letter = static_cast<unsigned char>(word.front()) & 31U;
  if ((kIndex.lengths[letter] >> word.size() & 1U) == 0) {
    return none;
  }
  const char last = lower(word.back());
  for (std::size_t at = kIndex.begins[letter]; at < kIndex.begins[letter + 1]; ++at) {
    const std::string_view row = kRows[at].word;
    if (row.size() == word.size() && row.back() == last && same_word(word, row)) {
      return kRows[at].term;
    }
  }
  return none;
}

bool is_keyword(Term term) {
  switch (term) {
    case as:
    case default_:
    case for_:
    case from:
    case into:
    case key:
    case keyword:
    case not_:
    case on:
    case or_:
    case select:
    case set:
    case table:
    case values:
    case with:
      return true;
    default:
      return false;
  }
}

}  // namespace sluice::protocol::sql
