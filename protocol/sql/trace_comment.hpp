#pragma once

// Comments that carry a trace, as sqlcommenter writes them: keys and values are URL-encoded.
//
//   SELECT ...
//   /*route='pets',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::protocol::sql {

struct TraceComment {
  std::size_t begin = 0;                                    // of its first byte in the text
  std::size_t end = 0;                                      // after its last
  std::vector<std::pair<std::string, std::string>> values;  // decoded

  const std::string* find(std::string_view key) const;
};

// The comment that a text ends with (but for blanks and semicolons), or begins with, if it is one
// of these. Looks at bytes alone: it does not know whether a string or a line comment is open
// there.
std::optional<TraceComment> trailing_trace_comment(std::string_view text);
std::optional<TraceComment> leading_trace_comment(std::string_view text);

// What W3C Trace Context allows: version, trace id, parent id, flags.
bool valid_traceparent(std::string_view text);
// The valid one of the trailing comment, or else of the leading one.
std::optional<std::string> traceparent_of(std::string_view text);

// key='value', encoded: nothing in it can end the comment.
std::string trace_pair(std::string_view key, std::string_view value);

}  // namespace sluice::protocol::sql
