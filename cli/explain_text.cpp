#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/explain_print.hpp"
#include "cli/explain_words.hpp"
#include "config/middleware_table.hpp"
#include "config/suggest.hpp"
#include "config/url.hpp"

namespace sluice::cli {
namespace {

using config::quoted;
using proxy::explain::EntryStory;
using proxy::explain::Explanation;
using proxy::explain::Question;
using proxy::explain::StatementStory;

constexpr std::size_t kColumn = 20;

// "word   rest": a line of a block has two blanks before it.
std::string line(std::string_view word, std::string_view rest) {
  std::string out(word);
  out.append(out.size() < kColumn ? kColumn - out.size() : 1, ' ');
  return out.append(rest).append("\n");
}

std::string inner(std::string_view word, std::string_view rest) {
  return line("  " + std::string(word), rest);
}

std::string login_words(const EntryStory& story) {
  if (story.login == nullptr) {
    return "not reached";
  }
  std::string out = said_words(*story.login);
  if (!story.stand_in.empty()) {
    out = story.login->verdict.goes_on() ? std::string(story.stand_in) : out;
  }
  return out;
}

std::string chain_text(const Explanation& told, bool global) {
  std::string out;
  for (const EntryStory& story : told.entries) {
    if (story.global == global) {
      out += inner(config::name_of(story.entry->options),
                   login_words(story) + " (line " + std::to_string(story.entry->mark.line) + ")");
    }
  }
  return out;
}

std::string settings_text(const Explanation& told) {
  const auto& d = told.defaults;
  std::string out =
      line("starts with", d.isolation_level.empty() ? "the server's isolation level"
                                                    : "isolation level " + d.isolation_level);
  if (d.read_only) {
    out += inner("read only", d.read_only_fixed ? "yes, and the client cannot change it" : "yes");
  }
  if (d.autocommit) {
    out += inner("autocommit", *d.autocommit ? "on" : "off");
  }
  for (const auto& [name, value] : d.settings) {
    const bool fixed = std::find(d.fixed.begin(), d.fixed.end(), name) != d.fixed.end();
    out += inner(name, value + (fixed ? " (the client cannot change it)" : ""));
  }
  for (const auto& [name, limit] : limit_rows(told.route->limits)) {
    if (limit.count() > 0) {
      out += inner(name, config::print_duration(limit));
    }
  }
  return out;
}

std::string pool_text(const Explanation& told, const Question& question) {
  const config::Pool& pool = told.route->pool;
  const std::string user = told.backend_user.empty() ? question.user : told.backend_user;
  std::string size = std::to_string(pool.pool_size) + " connections";
  if (pool.max_overflow != 0) {
    size += pool.max_overflow < 0 ? " and more without a bound"
                                  : " and " + std::to_string(pool.max_overflow) + " more";
  }
  return line("pool", pool.name + ": " + config::print_pool_url(pool)) +
         inner("mode", mode_word(pool.pool_mode)) + inner("size", size) +
         inner("backends",
               "log in as " + quoted(user) +
                   (told.backend_database.empty() ? std::string()
                                                  : " to " + quoted(told.backend_database)));
}

std::string statement_text(const Explanation& told, const Question& question,
                           const StatementStory& story) {
  std::string out = line("statement", statement_words(story));
  out += inner("digest", story.digest.text);
  for (const EntryStory& entry : told.entries) {
    if (entry.request != nullptr) {
      out += inner(config::name_of(entry.entry->options), said_words(*entry.request));
    }
  }
  if (story.refused) {
    return out + inner("refused", failure_words(*story.refused));
  }
  if (story.delayed) {
    out += inner("waits", "and is asked about again");
  }
  if (story.text != *question.statement) {
    out += inner("sent as", story.text);
  }
  out += inner("goes to", "pool " + (story.pool.empty() ? told.route->pool.name : story.pool));
  if (story.timeout.count() > 0) {
    out += inner("at most", config::print_duration(in_milliseconds(story.timeout)));
  }
  if (story.limits.rows > 0) {
    out += inner("rows", "at most " + std::to_string(story.limits.rows));
  }
  if (story.limits.bytes > 0) {
    out += inner("bytes", "at most " + std::to_string(story.limits.bytes));
  }
  for (const auto& [name, value] : story.carried) {
    out += inner("carried", std::string(name).append(" = ").append(value));
  }
  for (const auto& pin : story.pins) {
    out += inner("pinned", std::string(pin.label) + ": " + std::string(pin.why));
  }
  if (told.defaults.session_mode) {
    out += inner("kept", "pool_mode session: the backend stays until the client leaves");
  } else if (story.pins.empty()) {
    out += inner("pinned", "no");
  }
  return out;
}

}  // namespace

std::string explanation_text(const Explanation& told, const Question& question) {
  std::string out =
      line("session", "user " + quoted(question.user) +
                          (told.database.empty() ? std::string(", no database")
                                                 : ", database " + quoted(told.database)) +
                          ", " + protocol_word(told.protocol) + ", listener " + told.listener);
  if (const std::string global = chain_text(told, true); !global.empty()) {
    out += "global chain\n" + global;
  }
  if (told.route != nullptr || !told.passed.empty()) {
    out += "routes\n";
    for (const auto& story : told.passed) {
      out += inner(story.route->name, "no: " + story.why_not);
    }
  }
  if (told.route != nullptr) {
    out += inner(told.route->config.name, "taken");
    if (const std::string own = chain_text(told, false); !own.empty()) {
      out += "its chain\n" + own;
    }
  }
  if (told.refused) {
    return out + line("refused", failure_words(*told.refused));
  }
  out += pool_text(told, question) + settings_text(told);
  return told.statement ? out + statement_text(told, question, *told.statement) : out;
}

}  // namespace sluice::cli
