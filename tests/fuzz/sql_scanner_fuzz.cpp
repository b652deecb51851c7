// Any text, in any dialect: the tokens must not depend on where the chunks end. The first byte
// chooses the options, the second the size of the chunks.

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "protocol/sql/classifier.hpp"
#include "protocol/sql/plain.hpp"

using namespace sluice::protocol;
using namespace sluice::protocol::sql;

namespace {

struct Seen {
  Token token;
  std::string text;
};

std::vector<Seen> scan(Bytes text, ScannerOptions options, std::size_t step, bool inside) {
  Scanner scanner(options);
  std::vector<Seen> seen;
  Token token;
  auto add = [&] { seen.push_back({token, std::string(token.text)}); };
  if (inside) {
    scanner.look_inside();
  }
  while (!text.empty()) {
    Buffer part(text.begin(),
                text.begin() + static_cast<std::ptrdiff_t>(std::min(step, text.size())));
    text = text.subspan(part.size());
    Bytes chunk = part;
    while (scanner.next(chunk, token)) {
      add();
    }
  }
  while (scanner.finish(token)) {
    add();
  }
  return seen;
}

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  ScannerOptions options{(data[0] & 1U) != 0, (data[0] & 2U) != 0, (data[0] & 4U) != 0};
  bool inside = (data[0] & 8U) != 0;
  Bytes text(data + 2, size - 2);
  auto whole = scan(text, options, size, inside);
  auto parts = scan(text, options, data[1] % 16U + 1, inside);
  check(whole.size() == parts.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    check(whole[i].text == parts[i].text && whole[i].token.kind == parts[i].token.kind &&
          whole[i].token.begin == parts[i].token.begin &&
          whole[i].token.end == parts[i].token.end &&
          whole[i].token.escaped == parts[i].token.escaped &&
          whole[i].token.inside == parts[i].token.inside && whole[i].token.end <= size);
  }
  if (!options.mysql) {
    Classifier at_once(options);
    at_once.feed(text);
    Classifier by_byte(options);
    for (std::uint8_t byte : text) {
      by_byte.feed({&byte, 1});
    }
    const Effects& a = at_once.finish();
    const Effects& b = by_byte.finish();
    check(a.pins == b.pins && a.change == b.change && a.value == b.value && a.name == b.name);
    Effects rest = a;
    rest.writes = false;
    Plain plain = plain_postgresql(as_text(text));
    check(plain == Plain::unknown || (!rest.any() && a.writes == (plain == Plain::writes)));
  }
  return 0;
}
