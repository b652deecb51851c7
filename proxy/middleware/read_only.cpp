#include "proxy/middleware/read_only.hpp"

#include "protocol/sql/digest.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;
using protocol::RequestKind;
namespace sql = protocol::sql;

class ReadOnlyPart final : public Part {
 public:
  explicit ReadOnlyPart(const Identity& identity) : identity_(identity) {}

  void on_login(Login& login, Verdict& /*verdict*/) override { login.read_only = true; }

  void on_request(const protocol::Request& request, const Now& /*now*/, Verdict& verdict) override {
    if (request.kind == RequestKind::other) {
      // PostgreSQL's FunctionCall: the large objects of libpq, which older servers let write in
      // read only transactions. MySQL's COM_FIELD_LIST reads.
      if (identity_.protocol == protocol::Protocol::postgresql) {
        refuse(verdict, "a call of a function by its number");
      }
      return;
    }
    if (request.truncated || request.digest().unclear) {
      verdict.refuse(RefusalReason::unseen,
                     protocol::fail(FailureKind::statement_unseen,
                                    where() + " is read only, and the statement is too long or too "
                                              "unclear to tell that it only reads; send it in "
                                              "smaller parts, without version comments "
                                              "(limits.max_pinned_buffer bounds its length)"));
      return;
    }
    const sql::Digest& digest = request.digest();
    if (digest.writes) {
      refuse(verdict, what(digest));
    }
  }

 private:
  std::string where() const {
    return identity_.route.empty() ? "this gateway" : "the route \"" + identity_.route + "\"";
  }

  static std::string what(const sql::Digest& digest) {
    if (digest.statements > 1) {
      return "a text of several statements, one of which may write,";
    }
    return "a statement that may write (" + std::string(sql::kind_name(digest.kind)) + ")";
  }

  void refuse(Verdict& verdict, const std::string& what) const {
    verdict.refuse(RefusalReason::write,
                   protocol::fail(FailureKind::read_only_route,
                                  where() + " is read only: " + what +
                                      " was refused; use a route that may write"));
  }

  const Identity& identity_;
};

class ReadOnly final : public Middleware {
 public:
  std::string_view name() const override { return "read_only"; }
  Wants wants() const override {
    Wants wants;
    wants.request = true;
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<ReadOnlyPart>(place.identity);
  }
};

}  // namespace

Made make(const config::ReadOnly& /*options*/) {
  return std::unique_ptr<Middleware>(std::make_unique<ReadOnly>());
}

}  // namespace sluice::proxy::middleware
