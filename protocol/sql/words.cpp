#include "protocol/sql/words.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace sluice::protocol::sql {
namespace {

using enum Word;
using Row = std::pair<std::string_view, Word>;

constexpr std::array kWords = std::to_array<Row>({
    {"abort", abort_},
    {"all", all},
    {"authorization", authorization},
    {"begin", begin},
    {"call", call},
    {"characteristics", characteristics},
    {"close", close},
    {"commit", commit},
    {"constraints", constraints},
    {"copy", copy},
    {"create", create},
    {"currval", currval},
    {"deallocate", deallocate},
    {"declare", declare},
    {"default", default_},
    {"discard", discard},
    {"do", do_},
    {"drop", drop},
    {"else", else_},
    {"end", end},
    {"execute", execute},
    {"global", global},
    {"hold", hold},
    {"insert", insert},
    {"interval", interval},
    {"into", into},
    {"lastval", lastval},
    {"listen", listen},
    {"load", load},
    {"local", local},
    {"loop", loop},
    {"merge", merge},
    {"names", names},
    {"nextval", nextval},
    {"on", on},
    {"pg_advisory_lock", pg_advisory_lock},
    {"pg_advisory_lock_shared", pg_advisory_lock_shared},
    {"pg_advisory_unlock_all", pg_advisory_unlock_all},
    {"pg_backend_pid", pg_backend_pid},
    {"pg_temp", pg_temp},
    {"pg_try_advisory_lock", pg_try_advisory_lock},
    {"pg_try_advisory_lock_shared", pg_try_advisory_lock_shared},
    {"prepare", prepare},
    {"replace", replace},
    {"reset", reset},
    {"role", role},
    {"rollback", rollback},
    {"schema", schema},
    {"select", select},
    {"session", session},
    {"session_authorization", session_authorization},
    {"set", set},
    {"set_config", set_config},
    {"setseed", setseed},
    {"setval", setval},
    {"seed", seed},
    {"start", start},
    {"temp", temp},
    {"temporary", temporary},
    {"then", then},
    {"time", time},
    {"to", to},
    {"transaction", transaction},
    {"true", true_},
    {"unlisten", unlisten},
    {"update", update},
    {"with", with},
    {"xml", xml},
    {"zone", zone},
    {"dblink_connect", dblink_connect},
    {"dblink_connect_u", dblink_connect_u},
    {"pg_replication_origin_session_setup", origin_session_setup},
    {"transaction_isolation", transaction_isolation},
    {"transaction_read_only", transaction_read_only},
    {"transaction_deferrable", transaction_deferrable},
});

constexpr std::size_t kLongest = 35;
constexpr std::size_t kSlots = 512;

constexpr unsigned char lower(char letter) {
  auto byte = static_cast<unsigned char>(letter);
  return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte | 0x20U) : byte;
}

constexpr std::size_t slot_of(std::string_view word) {
  std::size_t hash = word.size() * 7 + lower(word.front()) * 31U + lower(word.back()) * 131U +
                     lower(word[word.size() / 2]) * 17U;
  return (hash ^ (hash >> 9U)) % kSlots;
}

// Open addressing: a free slot ends the search.
constexpr std::array<std::uint8_t, kSlots> make_slots() {
  std::array<std::uint8_t, kSlots> slots{};
  for (std::size_t row = 0; row < kWords.size(); ++row) {
    std::size_t slot = slot_of(kWords[row].first);
    while (slots[slot] != 0) {
      slot = (slot + 1) % kSlots;
    }
    slots[slot] = static_cast<std::uint8_t>(row + 1);
  }
  return slots;
}
constexpr auto kSlotRows = make_slots();

bool same(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != static_cast<unsigned char>(word[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace

Word find_word(std::string_view text) {
  if (text.size() < 2 || text.size() > kLongest) {
    return Word::none;
  }
  for (std::size_t slot = slot_of(text); kSlotRows[slot] != 0; slot = (slot + 1) % kSlots) {
    const Row& row = kWords[kSlotRows[slot] - 1U];
    if (same(text, row.first)) {
      return row.second;
    }
  }
  return Word::none;
}

}  // namespace sluice::protocol::sql
