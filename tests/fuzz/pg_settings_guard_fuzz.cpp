// Any text: whether it is refused does not depend on where its chunks end, and the quick look lets
// nothing pass that the whole one refuses.

#include <cstdlib>

#include "protocol/postgresql/settings_guard.hpp"

using namespace sluice::protocol;
using sluice::protocol::postgresql::SettingsGuard;

namespace {

const SessionDefaults& defaults() {
  static const SessionDefaults kDefaults = [] {
    SessionDefaults made;
    made.fixed = {"app.user", "role", "search_path"};
    made.read_only_fixed = true;
    return made;
  }();
  return kDefaults;
}

bool refused(Bytes text, std::size_t step, sql::ScannerOptions options) {
  SettingsGuard guard(defaults(), options);
  while (!text.empty()) {
    const std::size_t size = step < text.size() ? step : text.size();
    const Buffer chunk(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    guard.feed(chunk);
    text = text.subspan(size);
  }
  return guard.finish().has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const sql::ScannerOptions options{false, (data[0] & 1U) != 0, false};
  const Bytes text = Bytes(data, size).subspan(1);
  const bool whole = refused(text, text.size(), options);
  const bool quick = postgresql::fixed_refusal(defaults(), as_text(text), options).has_value();
  if (whole != refused(text, 1 + (data[0] >> 4U), options) || whole != quick) {
    std::abort();
  }
  return 0;
}
