#include "protocol/postgresql/inspection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace sluice::protocol::postgresql {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMaxPortals = 10000;  // named ones; the text behind others is not known

constexpr std::array kReads{
    "SELECT"sv,         "FETCH"sv,       "MOVE"sv,      "SHOW"sv,    "EXPLAIN"sv,
    "BEGIN"sv,          "ROLLBACK"sv,    "SAVEPOINT"sv, "RELEASE"sv, "START TRANSACTION"sv,
    "DECLARE CURSOR"sv, "CLOSE CURSOR"sv};
// CALL and DO may commit; the others are not undone by ROLLBACK.
constexpr std::array kKept{"COMMIT"sv,
                           "PREPARE TRANSACTION"sv,
                           "COMMIT PREPARED"sv,
                           "ROLLBACK PREPARED"sv,
                           "CALL"sv,
                           "DO"sv,
                           "PREPARE"sv,
                           "DEALLOCATE"sv,
                           "DEALLOCATE ALL"sv,
                           "DISCARD ALL"sv};

template <typename Tags>
bool has(const Tags& tags, std::string_view tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

}  // namespace

std::uint64_t rows_of(std::string_view tag) {
  const std::size_t blank = tag.rfind(' ');
  std::uint64_t rows = 0;
  if (blank != std::string_view::npos) {
    std::from_chars(tag.data() + blank + 1, tag.data() + tag.size(), rows);
  }
  return rows;
}

Deed deed_of(std::string_view tag, bool copied_out) {
  while (!tag.empty() && ((tag.back() >= '0' && tag.back() <= '9') || tag.back() == ' ')) {
    tag.remove_suffix(1);
  }
  if (has(kReads, tag) || (copied_out && tag == "COPY")) {
    return Deed::nothing;
  }
  return has(kKept, tag) ? Deed::kept : Deed::wrote;
}

void Inspection::bind(std::string_view portal, StatementPtr statement) {
  if (portal.empty()) {
    unnamed_ = std::move(statement);
  } else if (named_.size() < kMaxPortals || named_.contains(std::string(portal))) {
    named_.insert_or_assign(std::string(portal), std::move(statement));
  }
}

void Inspection::close(std::string_view portal) {
  if (portal.empty()) {
    unnamed_.reset();
  } else if (!named_.empty()) {
    named_.erase(std::string(portal));
  }
}

const StatementPtr* Inspection::statement_of(std::string_view portal) const {
  if (portal.empty()) {
    return unnamed_ ? &unnamed_ : nullptr;
  }
  const auto place = named_.find(std::string(portal));
  return place == named_.end() || !place->second ? nullptr : &place->second;
}

}  // namespace sluice::protocol::postgresql
