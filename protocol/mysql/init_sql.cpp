#include "protocol/mysql/init_sql.hpp"

#include <string>

#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/split.hpp"

namespace sluice::protocol::mysql {

std::unique_ptr<Baseline> make_baseline(std::string_view init_sql) {
  auto baseline = std::make_unique<Baseline>();
  baseline->statements = sql::split_statements(init_sql, {true, true, false});
  for (const std::string& statement : baseline->statements) {
    const std::uint32_t traits = sql::classify_mysql(statement, {}).traits;
    baseline->more = baseline->more || traits != sql::MysqlStatement::bit(sql::MysqlTrait::set);
    baseline->refused =
        baseline->refused || (traits & sql::MysqlStatement::bit(sql::MysqlTrait::load_local)) != 0;
  }
  return baseline;
}

}  // namespace sluice::protocol::mysql
