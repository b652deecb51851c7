#pragma once

// What `sluice top` shows, out of the API's answers.

#include <boost/json/value.hpp>
#include <string>

#include "cli/table.hpp"

namespace sluice::cli {

struct TopData {
  std::string headline;  // version, uptime, clients
  Table pools;
  Table sessions;
};

// The answers of /api/v1/status, pools and sessions, whole. What is missing in them stays empty.
TopData make_top_data(const boost::json::value& status, const boost::json::value& pools,
                      const boost::json::value& sessions);

// What /api/v1/totals has counted, over all pools.
struct TopTotals {
  double queries = 0;
  double transactions = 0;
};
TopTotals totals_of(const boost::json::value& totals);
// "  120 queries/s, 30 transactions/s"; nothing when no time has passed.
std::string rate_text(const TopTotals& before, const TopTotals& now, double seconds);

// Seconds as people say them: 4s, 2m 5s, 3h 2m, 5d 7h.
std::string uptime_text(double seconds);

}  // namespace sluice::cli
