// SQL text of a MySQL client: what it is taken for must not depend on the pieces in which it comes.

#include <cstdint>
#include <cstdlib>

#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/mysql_locks.hpp"

using namespace sluice::protocol;

namespace {

void check_locks(Bytes text, sql::MysqlSyntax syntax) {
  static const sql::MysqlLocks kLocks{{"@a", "time_zone"}, {"@a"}, true};
  sql::MysqlLockReader whole(kLocks, syntax);
  whole.feed(text);
  whole.finish();
  sql::MysqlLockReader pieces(kLocks, syntax);
  for (std::size_t at = 0; at < text.size(); ++at) {
    pieces.feed(text.subspan(at, 1));
  }
  pieces.finish();
  if (whole.breach() != pieces.breach() || whole.name() != pieces.name() ||
      whole.only_carried() != pieces.only_carried()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const sql::MysqlSyntax syntax{(data[0] & 1U) != 0, (data[0] & 2U) != 0};
  const Bytes text(data + 1, size - 1);
  const sql::MysqlStatement whole = sql::classify_mysql(as_text(text), syntax);
  sql::MysqlClassifier pieces(syntax);
  for (std::size_t at = 0; at < text.size(); ++at) {
    pieces.feed(text.subspan(at, 1));
  }
  pieces.finish();
  const sql::MysqlStatement& cut = pieces.statement();
  if (whole.traits != cut.traits || whole.kill != cut.kill || whole.collation != cut.collation ||
      whole.kill_query != cut.kill_query) {
    std::abort();
  }
  check_locks(text, syntax);
  return 0;
}
