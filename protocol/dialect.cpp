#include "protocol/dialect.hpp"

#include "protocol/mysql/dialect.hpp"
#include "protocol/postgresql/dialect.hpp"

namespace sluice::protocol {

const Dialect& dialect(Protocol protocol) {
  return protocol == Protocol::mysql ? mysql::mysql_dialect() : postgresql::postgresql_dialect();
}

}  // namespace sluice::protocol
