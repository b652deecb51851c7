#include "proxy/middleware/catalogue.hpp"

#include <variant>

#include "proxy/middleware/address_rules.hpp"
#include "proxy/middleware/audit.hpp"
#include "proxy/middleware/connection_limit.hpp"
#include "proxy/middleware/idle_in_transaction.hpp"
#include "proxy/middleware/n_plus_one.hpp"
#include "proxy/middleware/rate_limit.hpp"
#include "proxy/middleware/read_only.hpp"
#include "proxy/middleware/require_token.hpp"
#include "proxy/middleware/result_limit.hpp"
#include "proxy/middleware/row_limit.hpp"
#include "proxy/middleware/settings.hpp"
#include "proxy/middleware/snapshot_age.hpp"
#include "proxy/middleware/statement_rules.hpp"
#include "proxy/middleware/statement_statistics.hpp"
#include "proxy/middleware/statement_timeout.hpp"
#include "proxy/middleware/tag.hpp"

namespace sluice::proxy::middleware {

Made make(const config::MiddlewareOptions& options) {
  return std::visit([](const auto& one) { return make(one); }, options);
}

}  // namespace sluice::proxy::middleware
