#include "proxy/operator/past.hpp"

#include <algorithm>

namespace sluice::proxy::op {

void Past::add(Moment from, Moment until) {
  Stretch whole{from, until};
  std::erase_if(stretches_, [&whole](const Stretch& one) {
    const bool touch = one.from <= whole.until && whole.from <= one.until;
    if (touch) {
      whole = {std::min(one.from, whole.from), std::max(one.until, whole.until)};
    }
    return touch;
  });
  stretches_.push_back(whole);
  if (stretches_.size() > kMost) {
    stretches_.erase(stretches_.begin());
  }
}

Moment Past::end_of(Moment at) const {
  const Stretch* one = find(at);
  return one == nullptr ? at : one->until;
}

const Past::Stretch* Past::find(Moment at) const {
  const auto found = std::find_if(stretches_.begin(), stretches_.end(), [at](const Stretch& one) {
    return one.from <= at && at <= one.until;
  });
  return found == stretches_.end() ? nullptr : &*found;
}

}  // namespace sluice::proxy::op
