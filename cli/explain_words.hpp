#pragma once

// The words that both forms of an explanation share.

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "config/units.hpp"
#include "proxy/explain/explain.hpp"

namespace sluice::cli {

using LimitRow = std::pair<std::string_view, std::chrono::milliseconds>;
std::array<LimitRow, 5> limit_rows(const config::Limits& limits);

std::string protocol_word(config::Protocol protocol);
std::string mode_word(config::PoolMode mode);
std::chrono::milliseconds in_milliseconds(proxy::Duration duration);
std::string fingerprint_text(std::uint64_t fingerprint);

// What an entry said, for people.
std::string said_words(const proxy::explain::Said& said);
// allowed | refused | delayed | rewritten | failed
std::string_view verdict_word(const proxy::explain::Said& said);
std::string failure_words(const protocol::Failure& failure);
// Its kind, whether it writes, its fingerprint.
std::string statement_words(const proxy::explain::StatementStory& story);

}  // namespace sluice::cli
