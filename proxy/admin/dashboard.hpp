#pragma once

// The dashboard: hand-written pages that are built into the program (proxy/admin/dashboard/) and
// ask the API for all that they show. They hold nothing secret, so no password is asked for them.

#include <optional>
#include <vector>

#include "proxy/admin/router.hpp"

namespace sluice::proxy::admin {

// "/" and what it loads, under /dashboard/.
std::vector<Page> dashboard_pages();

// For Site::error_page: a page for 404 and 405.
std::optional<Answer> dashboard_error_page(unsigned status);

}  // namespace sluice::proxy::admin
