#pragma once

// statement_rules: what is said of a statement by its kind and its normalised text (see
// sql::Digest): refused, given a timeout, sent to another pool. The first rule that applies
// decides. Where a rule may refuse, a text that cannot be seen whole is refused too.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::StatementRules& options);

}  // namespace sluice::proxy::middleware
