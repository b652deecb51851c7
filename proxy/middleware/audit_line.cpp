#include "proxy/middleware/audit_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "metrics/quoted.hpp"

namespace sluice::proxy::middleware {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_padded(std::string& out, std::uint64_t value, std::size_t width) {
  const std::size_t begin = out.size();
  append_number(out, value);
  const std::size_t size = out.size() - begin;
  out.insert(begin, width - std::min(width, size), '0');
}

// RFC 3339 in UTC, microseconds.
void append_time(std::string& out, WallTime time) {
  using namespace std::chrono;  // NOLINT: the words of a calendar
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<microseconds>(time - day));
  append_padded(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, static_cast<std::uint64_t>(clock.hours().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.minutes().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.seconds().count()), 2);
  out += '.';
  append_padded(out, static_cast<std::uint64_t>(clock.subseconds().count()), 6);
  out += 'Z';
}

}  // namespace

AuditLine::AuditLine(std::string& out, WallTime time, std::string_view event, const Identity& who)
    : out_(out) {
  out_.assign(R"({"time":")");
  append_time(out_, time);
  out_ += '"';
  text("event", event);
  number("session", who.session);
  text("protocol", who.protocol == protocol::Protocol::postgresql ? "postgresql" : "mysql");
  text("listener", who.listener);
  text("route", who.route);
  text("user", who.user);
  text("database", who.database);
  text("client", who.address);
  if (!who.application_name.empty()) {
    text("application_name", who.application_name);
  }
}

void AuditLine::key(std::string_view name) {
  out_ += ",\"";
  out_ += name;
  out_ += "\":";
}

void AuditLine::text(std::string_view name, std::string_view value) {
  key(name);
  metrics::append_quoted(out_, value);
}

void AuditLine::number(std::string_view name, std::uint64_t value) {
  key(name);
  append_number(out_, value);
}

void AuditLine::flag(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
}

void AuditLine::fingerprint(std::string_view name, std::uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  key(name);
  out_ += '"';
  for (unsigned shift = 64; shift > 0; shift -= 4) {
    out_ += kHex[value >> (shift - 4U) & 0xfU];
  }
  out_ += '"';
}

void AuditLine::thousandths(std::string_view name, std::int64_t value) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
  key(name);
  append_number(out_, count / 1000);
  out_ += '.';
  append_padded(out_, count % 1000, 3);
}

void AuditLine::names(std::string_view name, const protocol::Parameters& of) {
  key(name);
  out_ += '[';
  for (const auto& [one, value] : of) {
    if (out_.back() != '[') {
      out_ += ',';
    }
    metrics::append_quoted(out_, one);
  }
  out_ += ']';
}

std::string_view AuditLine::done() {
  out_ += "}\n";
  return out_;
}

bool may_carry_secret(std::string_view statement) {
  constexpr std::array<std::string_view, 9> kWords{
      "passw", "pwd", "identified", "secret", "token", "credential", "crypt", "api_key", "apikey"};
  // A first letter is compared before a word: texts are long and hits are rare.
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t at = 0; at < statement.size(); ++at) {
    const char first = lower(statement[at]);
    for (const std::string_view word : kWords) {
      if (word[0] == first && statement.size() - at >= word.size() &&
          std::equal(word.begin(), word.end(), statement.begin() + static_cast<std::ptrdiff_t>(at),
                     [&](char a, char b) { return a == lower(b); })) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace sluice::proxy::middleware
