// Any text, in any dialect: its digest is bounded, the digest of the digest is the digest itself,
// and trace comments lie within the text. The first byte chooses the options.

#include <cstdlib>

#include "protocol/sql/digest.hpp"
#include "protocol/sql/trace_comment.hpp"

using namespace sluice::protocol;
using namespace sluice::protocol::sql;

namespace {

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const ScannerOptions options{(data[0] & 1U) != 0, (data[0] & 2U) != 0, (data[0] & 4U) != 0,
                               (data[0] & 8U) != 0};
  const std::string_view text = as_text({data + 1, size - 1});
  const Digest made = digest(text, options);
  check(made.text.size() <= kMaxDigest && made.fingerprint != 0);
  check((made.statements == 0) == (made.kind == StatementKind::empty));
  check(made.statements == 0 || made.has(made.kind));
  check(!made.unclear || made.writes);
  if (!made.cut) {
    check(normal_text(text, options) == made.text);
    const Digest again = digest(made.text, options);
    check(again.cut || again.unclear || again.text == made.text);
  }
  for (const auto& comment : {trailing_trace_comment(text), leading_trace_comment(text)}) {
    if (comment) {
      check(comment->begin < comment->end && comment->end <= text.size());
      check(text.substr(comment->begin, 2) == "/*" && text.substr(comment->end - 2, 2) == "*/");
    }
  }
  const auto parent = traceparent_of(text);
  check(!parent || valid_traceparent(*parent));
  return 0;
}
