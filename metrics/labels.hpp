#pragma once

// The word for each value of each label. Snake case, except where the thing has a name of its own
// on the wire.

#include <cstddef>
#include <string_view>

#include "metrics/instruments.hpp"

namespace sluice::metrics {

std::string_view label_of(Acquire value);
std::string_view label_of(ConnectPhase value);
std::string_view label_of(Outcome value);
std::string_view label_of(QueryResult value);
std::string_view label_of(CacheResult value);
std::string_view label_of(Tending value);
std::string_view label_of(ClientState value);
std::string_view label_of(Side value);
std::string_view label_of(Direction value);
std::string_view label_of(CancelResult value);
std::string_view label_of(LoginMethod value);
std::string_view label_of(MiddlewareVerdict value);
std::string_view label_of(RefusalReason value);
std::string_view label_of(pool::CloseReason value);
inline std::string_view label_of(Pin value) {
  return protocol::pin_label(value);
}
inline std::string_view label_of(FailureKind value) {
  return protocol::failure_row(value).label;
}

}  // namespace sluice::metrics
