#pragma once

// A configuration that is being made out of another program's: what goes into the file, and
// comments that tell what could not be carried over.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::config::convert {

// Options in their order, by path: `tls.mode` stands in a map `tls`. Values are plain texts.
class Options {
 public:
  void set(std::string path, std::string value);
  bool has(std::string_view path) const;
  bool empty() const { return all_.empty(); }
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

// An entry of a list, or of `pools` by its name.
struct Part {
  std::string name;
  Options options;
  std::vector<std::string> chain;  // of a route: entries of middleware, as YAML
  std::vector<std::string> notes;  // comments in front of it
};

struct Draft {
  std::vector<std::string> introduction;  // comments at the top
  std::vector<Part> listeners;
  std::vector<Part> pools;
  std::vector<Part> users;
  std::vector<Part> routes;
  Options top;
  Options limits;
  std::vector<std::string> notes;  // of the whole; comments at the end

  // "not carried over: WHAT: WHY" among the notes of `part`, or of the whole.
  void lost(std::string_view what, std::string_view why) { lost(notes, what, why); }
  static void lost(std::vector<std::string>& notes, std::string_view what, std::string_view why);
};

// The YAML.
std::string print(const Draft& draft);

// Letters, digits, "_", "-" and "." of a text, as a name may be; different from those of `taken`.
std::string make_name(std::string_view text, const std::vector<Part>& taken);
// A shell pattern that matches just this text.
std::string as_pattern(std::string_view text);
// For a url.
std::string percent_encoded(std::string_view text);
// An address or a name in front of its port: IPv6 in brackets.
std::string host_in_url(const std::string& host);
// Milliseconds as a duration of the configuration.
std::string duration_text(long long milliseconds);

}  // namespace sluice::config::convert
