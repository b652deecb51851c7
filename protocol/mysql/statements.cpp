#include "protocol/mysql/statements.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace sluice::protocol::mysql {

std::shared_ptr<Statement> make_statement(std::string_view text, std::uint16_t params,
                                          sql::MysqlStatement effects) {
  auto statement = std::make_shared<Statement>();
  statement->text = text;
  statement->hash = std::hash<std::string_view>{}(text);
  statement->params = params;
  statement->effects = std::move(effects);
  return statement;
}

ClientStatement& ClientStatements::add(StatementPtr statement) {
  ClientStatement& entry = entries_.emplace_back();
  entry.id = next_id_++;
  entry.statement = std::move(statement);
  return entry;
}

ClientStatement* ClientStatements::find(std::uint32_t id) {
  auto at = std::lower_bound(
      entries_.begin(), entries_.end(), id,
      [](const ClientStatement& entry, std::uint32_t wanted) { return entry.id < wanted; });
  return at != entries_.end() && at->id == id ? &*at : nullptr;
}

void ClientStatements::erase(std::uint32_t id) {
  std::erase_if(entries_, [id](const ClientStatement& entry) { return entry.id == id; });
}

bool ClientStatements::any_cursor() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const ClientStatement& entry) { return entry.cursor; });
}

bool ClientStatements::any_long_data() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const ClientStatement& entry) { return entry.long_data; });
}

LinkStatements::Entry* LinkStatements::find(const StatementPtr& statement, std::uint64_t context) {
  for (Entry& entry : entries_) {
    const bool same = entry.statement == statement || (entry.statement->hash == statement->hash &&
                                                       entry.statement->text == statement->text);
    if (same && entry.context == context) {
      entry.used = ++clock_;
      return &entry;
    }
  }
  return nullptr;
}

LinkStatements::Entry& LinkStatements::add(StatementPtr statement, std::uint64_t context,
                                           std::uint32_t id) {
  Entry& entry = entries_.emplace_back();
  entry.statement = std::move(statement);
  entry.context = context;
  entry.used = ++clock_;
  entry.id = id;
  return entry;
}

std::vector<std::uint32_t> LinkStatements::trim(std::size_t max, std::uint32_t newest) {
  std::vector<std::uint32_t> closed;
  auto latest = std::find_if(entries_.begin(), entries_.end(),
                             [newest](const Entry& entry) { return entry.id == newest; });
  if (latest != entries_.end()) {
    const StatementPtr statement = latest->statement;
    const std::uint64_t context = latest->context;
    std::erase_if(entries_, [&](const Entry& entry) {
      const bool older = entry.id != newest && entry.holds == 0 && entry.context == context &&
                         entry.statement->text == statement->text;
      if (older) {
        closed.push_back(entry.id);
      }
      return older;
    });
  }
  while (entries_.size() > std::max<std::size_t>(max, 1)) {
    auto oldest = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->holds == 0 && at->id != newest &&
          (oldest == entries_.end() || at->used < oldest->used)) {
        oldest = at;
      }
    }
    if (oldest == entries_.end()) {
      break;
    }
    closed.push_back(oldest->id);
    entries_.erase(oldest);
  }
  return closed;
}

void LinkStatements::erase(std::uint32_t id) {
  std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
}

}  // namespace sluice::protocol::mysql
