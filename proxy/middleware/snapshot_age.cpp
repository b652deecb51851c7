#include "proxy/middleware/snapshot_age.hpp"

#include <array>
#include <string>

#include "metrics/log.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::sql::Digest;
using protocol::sql::StatementKind;

constexpr std::uint32_t bits(std::initializer_list<StatementKind> kinds) {
  std::uint32_t all = 0;
  for (const StatementKind kind : kinds) {
    all |= std::uint32_t{1} << static_cast<unsigned>(kind);
  }
  return all;
}

// What neither reads nor writes a table.
constexpr std::uint32_t kControl = bits(
    {StatementKind::empty, StatementKind::begin, StatementKind::commit, StatementKind::rollback,
     StatementKind::savepoint, StatementKind::set, StatementKind::show, StatementKind::listen});

// The level that stands behind the first `before`; "" where there is none.
std::string_view level_behind(std::string_view text, std::string_view before) {
  struct Level {
    std::string_view word;
    std::string_view name;
  };
  constexpr std::array<Level, 4> kLevels{{{"read uncommitted", "READ UNCOMMITTED"},
                                          {"read committed", "READ COMMITTED"},
                                          {"repeatable read", "REPEATABLE READ"},
                                          {"serializable", "SERIALIZABLE"}}};
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) {
    return {};
  }
  text.remove_prefix(at + before.size());
  for (const Level& level : kLevels) {
    if (text.starts_with(level.word)) {
      return level.name;
    }
  }
  return {};
}

bool keeps_its_snapshot(std::string_view isolation) {
  return isolation == "REPEATABLE READ" || isolation == "SERIALIZABLE";
}

// The transaction that is open, as the texts of its statements tell.
class Reading {
 public:
  void asked(const protocol::Request& request, TimePoint now) {
    const Digest& digest = request.digest();
    // Of a pipeline, what comes before the answer to BEGIN does not yet know of it.
    if (ended_ || (!request.in_transaction && !beginning_)) {
      const bool only_sets = (digest.kinds & ~bits({StatementKind::set})) == 0;
      *this = Reading(request.syntax().mysql ? next_isolation_ : std::string_view{}, only_sets);
    }
    note_isolation(request, digest);
    const bool touches = (digest.kinds & ~kControl) != 0;
    if (snapshot_at_ == TimePoint{} &&
        (touches || digest.text.find("consistent snapshot") != std::string::npos)) {
      snapshot_at_ = now;
    }
    wrote_ = wrote_ || (touches && digest.writes);
    beginning_ = beginning_ || digest.has(StatementKind::begin);
    ended_ = digest.has(StatementKind::commit) || digest.has(StatementKind::rollback);
  }
  void begin_answered() { beginning_ = false; }

  bool only_read() const { return snapshot_at_ != TimePoint{} && !wrote_ && !ended_; }
  TimePoint snapshot_at() const { return snapshot_at_; }
  std::string_view isolation() const { return isolation_; }  // "": the session's
  bool reported = false;

  Reading() = default;

 private:
  // MySQL: SET TRANSACTION speaks of the transaction that comes next.
  Reading(std::string_view next, bool still_next)
      : isolation_(still_next ? std::string_view{} : next),
        next_isolation_(still_next ? next : std::string_view{}) {}

  void note_isolation(const protocol::Request& request, const Digest& digest) {
    if (digest.has(StatementKind::begin)) {
      const std::string_view level = level_behind(digest.text, "isolation level ");
      isolation_ = level.empty() ? isolation_ : level;
    } else if (digest.has(StatementKind::set)) {
      const std::string_view level = level_behind(digest.text, "set transaction isolation level ");
      if (!level.empty()) {
        (request.syntax().mysql ? next_isolation_ : isolation_) = level;
      }
    }
  }

  TimePoint snapshot_at_{};
  std::string_view isolation_;
  std::string_view next_isolation_;
  bool wrote_ = false;
  bool beginning_ = false;  // BEGIN is asked, its answer is not there
  bool ended_ = false;
};

class SnapshotPart final : public Part {
 public:
  SnapshotPart(const config::SnapshotAge& options, const Place& place)
      : options_(options), place_(place) {}

  void on_decided(const protocol::Request& request, const Now& now,
                  const Verdict& verdict) override {
    const bool has_text = request.kind == protocol::RequestKind::query ||
                          request.kind == protocol::RequestKind::execute;
    if (verdict.goes_on() && has_text) {
      reading_.asked(request, now.steady);
    }
  }

  void on_answer(const Asked& asked, const protocol::Answer& /*answer*/,
                 const Now& /*now*/) override {
    if (asked.digest != nullptr && asked.digest->has(StatementKind::begin)) {
      reading_.begin_answered();
    }
  }

  Ending on_tick(const Moment& moment) override {
    if (!moment.in_transaction || reading_.reported || !reading_.only_read()) {
      return std::nullopt;
    }
    const std::string_view isolation =
        reading_.isolation().empty() ? moment.isolation : reading_.isolation();
    const Duration age = moment.now.steady - reading_.snapshot_at();
    if (age < options_.limit || !keeps_its_snapshot(isolation)) {
      return std::nullopt;
    }
    reading_.reported = true;
    return report(isolation, age);
  }

 private:
  Ending report(std::string_view isolation, Duration age) {
    metrics::log::write(
        metrics::log::Level::warning, "snapshot_age", about(place_.identity),
        {{"isolation", isolation},
         {"age_seconds", age},
         {"text",
          "its reads do not see what others have committed since; end the transaction "
          "after reading, or read with autocommit or READ COMMITTED"}});
    place_.instruments.reports.add();
    if (options_.action == config::OnReport::report) {
      return std::nullopt;
    }
    return protocol::fail(
        protocol::FailureKind::snapshot_too_old,
        "disconnected: this transaction has read from one snapshot for longer than the limit of "
        "snapshot_age (" +
            std::to_string(options_.limit.count()) +
            " ms); it is rolled back; end transactions after reading, or read with autocommit or "
            "READ COMMITTED");
  }

  const config::SnapshotAge& options_;
  const Place place_;
  Reading reading_;
};

class SnapshotAge final : public Middleware {
 public:
  explicit SnapshotAge(const config::SnapshotAge& options) : options_(options) {}

  std::string_view name() const override { return "snapshot_age"; }
  Wants wants() const override {
    return {.decided = true, .answer = true, .digest = true, .tick = true};
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<SnapshotPart>(options_, place);
  }

 private:
  const config::SnapshotAge options_;
};

}  // namespace

Made make(const config::SnapshotAge& options) {
  if (options.limit.count() <= 0) {
    return protocol::fail(protocol::FailureKind::internal,
                          "snapshot_age: limit must be longer than 0");
  }
  return Made(std::make_unique<SnapshotAge>(options));
}

}  // namespace sluice::proxy::middleware
