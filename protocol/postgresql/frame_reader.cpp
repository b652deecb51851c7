#include "protocol/postgresql/frame_reader.hpp"

#include <algorithm>

namespace sluice::protocol::postgresql {

void FrameReader::fill(Bytes& in, std::size_t want) {
  if (held_.size() >= want) {
    return;
  }
  std::size_t count = std::min(in.size(), want - held_.size());
  held_.insert(held_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
  in = in.subspan(count);
}

}  // namespace sluice::protocol::postgresql
