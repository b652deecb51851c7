#include "proxy/middleware/n_plus_one.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "metrics/log.hpp"
#include "protocol/sql/digest.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::RequestKind;
namespace sql = protocol::sql;
namespace log = metrics::log;

constexpr std::size_t kMaxSeen = 64;  // fingerprints of a session; the one longest unused goes

// One fingerprint, since `since`.
struct Seen {
  std::uint64_t fingerprint = 0;
  std::uint64_t transaction = 0;  // 0: outside of one
  TimePoint since;
  TimePoint last;
  std::size_t text = 0;     // hash of the first text
  bool parameters = false;  // that text has some
  bool differs = false;     // with other literals, or perhaps other parameters
  bool reported = false;
  std::size_t answered = 0;
  Duration took{0};
};

bool counts(const protocol::Request& request) {
  if (request.kind != RequestKind::query && request.kind != RequestKind::execute) {
    return false;
  }
  const sql::Digest& digest = request.digest();
  return !request.truncated && digest.kind == sql::StatementKind::select &&
         digest.statements == 1 && !digest.writes;
}

// $1, or MySQL's ?. A string may look like one, which does no harm.
bool has_parameters(std::string_view text, bool mysql) {
  if (mysql) {
    return text.find('?') != std::string_view::npos;
  }
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] >= '1' && text[at + 1] <= '9') {
      return true;
    }
  }
  return false;
}

class NPlusOnePart final : public Part {
 public:
  NPlusOnePart(const config::NPlusOne& options, const Place& place)
      : options_(options), identity_(place.identity), instruments_(place.instruments) {}

  void on_decided(const protocol::Request& request, const Now& now,
                  const Verdict& verdict) override {
    if (!verdict.goes_on() || !counts(request)) {
      return;
    }
    const std::size_t text = std::hash<std::string_view>{}(request.text);
    Seen& seen = place_for(request.digest().fingerprint);
    const bool first = seen.fingerprint == 0;
    if (first || ended(seen, request.in_transaction, now.steady)) {
      seen = {};
      seen.fingerprint = request.digest().fingerprint;
      seen.since = now.steady;
      seen.text = text;
      seen.parameters = has_parameters(request.text, request.syntax().mysql);
    } else {
      const bool again = request.kind == RequestKind::execute && seen.parameters;
      seen.differs = seen.differs || again || text != seen.text;
    }
    if (request.in_transaction) {
      seen.transaction = transaction_;
    }
    seen.last = now.steady;
  }

  void on_answer(const Asked& asked, const protocol::Answer& /*answer*/, const Now& now) override {
    const auto found = asked.digest == nullptr ? seen_.end() : find(asked.digest->fingerprint);
    if (found == seen_.end()) {
      return;
    }
    ++found->answered;
    found->took += now.steady - asked.at;
    if (found->differs && !found->reported && found->answered >= options_.threshold) {
      found->reported = true;
      report(*found, asked.digest->text);
    }
  }

  void on_transaction_end(const TransactionEnd& /*end*/) override { ++transaction_; }

 private:
  using At = std::vector<Seen>::iterator;

  At find(std::uint64_t fingerprint) {
    return std::find_if(seen_.begin(), seen_.end(), [fingerprint](const Seen& seen) {
      return seen.fingerprint == fingerprint;
    });
  }

  // The entry of a fingerprint; a new one, empty, where there was none.
  Seen& place_for(std::uint64_t fingerprint) {
    const auto found = find(fingerprint);
    if (found != seen_.end()) {
      return *found;
    }
    if (seen_.size() < kMaxSeen) {
      return seen_.emplace_back();
    }
    Seen& oldest = *std::min_element(seen_.begin(), seen_.end(),
                                     [](const Seen& a, const Seen& b) { return a.last < b.last; });
    oldest = {};
    return oldest;
  }

  // A transaction is one run, however long it takes; outside of one the window bounds it.
  bool ended(const Seen& seen, bool in_transaction, TimePoint now) const {
    if (in_transaction && seen.transaction != 0) {
      return seen.transaction != transaction_;
    }
    return seen.transaction != 0 || now - seen.since > options_.window;
  }

  void report(const Seen& seen, std::string_view statement) {
    instruments_.reports.add();
    log::write(log::Level::warning, "n_plus_one", about(identity_),
               {{"application", identity_.application_name},
                {"count", seen.answered},
                {"within", seen.transaction != 0 ? "transaction" : "window"},
                {"seconds", seen.took},
                {"statement", statement},
                {"advice",
                 "the same read in a loop: load the rows with one statement (a join, "
                 "IN, or the eager loading of the ORM)"}});
  }

  const config::NPlusOne& options_;
  const Identity& identity_;
  metrics::MiddlewareInstruments& instruments_;
  std::uint64_t transaction_ = 1;
  std::vector<Seen> seen_;
};

class NPlusOne final : public Middleware {
 public:
  explicit NPlusOne(const config::NPlusOne& options) : options_(options) {}

  std::string_view name() const override { return "n_plus_one"; }
  Wants wants() const override {
    Wants wants;
    wants.decided = true;
    wants.answer = true;
    wants.digest = true;
    wants.transaction_end = true;
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<NPlusOnePart>(options_, place);
  }

 private:
  const config::NPlusOne options_;
};

}  // namespace

Made make(const config::NPlusOne& options) {
  return std::unique_ptr<Middleware>(std::make_unique<NPlusOne>(options));
}

}  // namespace sluice::proxy::middleware
