#include "proxy/middleware/tag.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/sql/scanner.hpp"
#include "protocol/sql/trace_comment.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::RequestKind;
namespace sql = protocol::sql;

constexpr std::string_view kTraceparent = "traceparent";

struct Label {
  std::string key;
  std::string pair;  // as it stands in the comment
};

// Where the last token of a text ends; none where no comment may be added.
std::optional<std::size_t> end_of_tokens(std::string_view text, sql::ScannerOptions syntax) {
  sql::Scanner scanner(syntax);
  sql::Token token;
  protocol::Bytes rest = protocol::as_bytes(text);
  std::size_t end = 0;
  bool first = true;
  bool stored = false;
  const auto take = [&] {
    if (token.kind == sql::TokenKind::semicolon) {
      first = true;
      return;
    }
    // The server keeps these texts, or parts of them, as they are.
    stored =
        stored || (first && token.kind == sql::TokenKind::word &&
                   (sql::same_word(token.text, "create") || sql::same_word(token.text, "alter")));
    first = false;
    end = token.end;
  };
  while (scanner.next(rest, token)) {
    take();
  }
  while (scanner.finish(token)) {
    take();
  }
  if (end == 0 || stored || scanner.lost() || scanner.conditional()) {
    return std::nullopt;
  }
  // Inside of /*! */ a comment would end the wrong one.
  const std::size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && text.substr(next, 2) == "*/" ? std::nullopt
                                                                        : std::optional(end);
}

class TagPart final : public Part {
 public:
  TagPart(const config::Tag& options, const Identity& identity)
      : options_(options), identity_(identity) {}

  void on_request(const protocol::Request& request, const Now& /*now*/, Verdict& verdict) override {
    const bool text = request.kind == RequestKind::query || request.kind == RequestKind::prepare;
    if (!text || request.truncated) {
      return;
    }
    if (!made_) {
      make_labels();
    }
    if (labels_.empty()) {
      return;
    }
    const std::string_view before =
        verdict.kind == Verdict::Kind::rewrite ? std::string_view(verdict.text) : request.text;
    // What is prepared outlives the request, and is shared by its text.
    const bool trace = request.kind == RequestKind::query;
    if (auto after = tagged(before, request.syntax(), trace)) {
      verdict.text = std::move(*after);
      verdict.kind = Verdict::Kind::rewrite;
    }
  }

 private:
  // Once; at the first request, since the route is not known when the global chain begins.
  void make_labels() {
    made_ = true;
    const auto add = [this](std::string_view key, std::string_view value) {
      labels_.push_back({std::string(key), sql::trace_pair(key, value)});
    };
    if (options_.route && !identity_.route.empty()) {
      add("route", identity_.route);
    }
    if (options_.traceparent && sql::valid_traceparent(identity_.traceparent)) {
      add(kTraceparent, identity_.traceparent);
    }
    for (const auto& [key, value] : options_.values) {
      add(key, value);
    }
    std::stable_sort(labels_.begin(), labels_.end(),
                     [](const Label& a, const Label& b) { return a.key < b.key; });
  }

  std::optional<std::string> tagged(std::string_view text, sql::ScannerOptions syntax,
                                    bool trace) const {
    const auto end = end_of_tokens(text, syntax);
    if (!end) {
      return std::nullopt;
    }
    auto own = sql::trailing_trace_comment(text);
    if (own && own->begin < *end) {
      own.reset();  // it is in a string, or in front of the statement
    }
    const auto leading = sql::leading_trace_comment(text);
    std::string list;
    for (const Label& label : labels_) {
      const bool theirs = (own && own->find(label.key) != nullptr) ||
                          (leading && leading->find(label.key) != nullptr);
      if (theirs || (!trace && label.key == kTraceparent)) {
        continue;
      }
      list += list.empty() ? "" : ",";
      list += label.pair;
    }
    if (list.empty()) {
      return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() + list.size() + 8);
    const std::size_t at = own ? own->end - 2 : *end;
    out += text.substr(0, at);
    out += own ? "," : " /*";
    out += list;
    out += own ? "" : "*/";
    out += text.substr(at);
    return out;
  }

  const config::Tag& options_;
  const Identity& identity_;
  bool made_ = false;
  std::vector<Label> labels_;
};

class Tag final : public Middleware {
 public:
  explicit Tag(config::Tag options) : options_(std::move(options)) {}

  std::string_view name() const override { return "tag"; }
  Wants wants() const override {
    Wants wants;
    wants.request = true;
    return wants;
  }
  std::unique_ptr<Part> begin(const Place& place) override {
    return std::make_unique<TagPart>(options_, place.identity);
  }

 private:
  const config::Tag options_;
};

}  // namespace

Made make(const config::Tag& options) {
  return std::unique_ptr<Middleware>(std::make_unique<Tag>(options));
}

}  // namespace sluice::proxy::middleware
