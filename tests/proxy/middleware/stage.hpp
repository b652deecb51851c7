#pragma once

// What a Part needs around it in a test: who its session is, where it counts, requests whose digest
// the test decides, and the lines that it logs.

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/log.hpp"
#include "proxy/middleware/background.hpp"
#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

using protocol::sql::StatementKind;

inline Now at(std::chrono::milliseconds since_start) {
  using std::chrono::sys_days;
  const WallTime begin = sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(9);
  return {TimePoint{} + std::chrono::hours(1) + since_start, begin + since_start};
}

struct Stage {
  Stage() {
    identity.session = 7;
    identity.listener = "pg";
    identity.route = "pets";
    identity.user = "app";
    identity.database = "petsdb";
    identity.address = "192.0.2.7";
  }
  Place place() { return {identity, instruments, background}; }

  Identity identity;
  metrics::MiddlewareInstruments instruments;
  Background background{16};
};

// A request with the digest that the test gives it.
class Statement {
 public:
  Statement(std::string text, std::string normalised, std::initializer_list<StatementKind> kinds)
      : text_(std::move(text)) {
    auto made = std::make_shared<protocol::sql::Digest>();
    made->fingerprint = 0x0123456789abcdefU;
    made->text = std::move(normalised);
    made->kind = kinds.size() == 0 ? StatementKind::empty : *kinds.begin();
    made->statements = static_cast<std::uint32_t>(kinds.size());
    for (const StatementKind kind : kinds) {
      made->kinds |= std::uint32_t{1} << static_cast<unsigned>(kind);
      made->writes = made->writes || kind == StatementKind::insert;
    }
    digest_ = std::move(made);
  }
  Statement(std::string text, StatementKind kind) : Statement(text, text, {kind}) {}

  protocol::Request request(bool in_transaction) {
    protocol::Request made;
    made.text = text_;
    made.in_transaction = in_transaction;
    made.kept = &digest_;
    return made;
  }
  Asked asked(const Now& when, bool in_transaction) const {
    Asked made;
    made.at = when.steady;
    made.digest = digest_;
    made.text = text_;
    made.in_transaction = in_transaction;
    return made;
  }

 private:
  std::string text_;
  std::shared_ptr<const protocol::sql::Digest> digest_;
};

// The log of the process, for as long as it lives.
class LogCapture {
 public:
  LogCapture() {
    metrics::log::Options options;
    options.level = metrics::log::Level::info;
    options.write = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += line;
    };
    metrics::log::start(std::move(options));
  }
  ~LogCapture() { metrics::log::stop(); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // All that was logged; nothing is logged after it.
  std::string text() {
    metrics::log::stop();
    const std::lock_guard lock(mutex_);
    return text_;
  }
  static std::size_t count(std::string_view text, std::string_view word) {
    std::size_t found = 0;
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + word.size())) {
      ++found;
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

}  // namespace sluice::proxy::middleware
