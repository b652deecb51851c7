#include "config/convert/draft.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "config/units.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config::convert {
namespace {

constexpr std::size_t kWidth = 100;

// What came from a file goes into a comment: it must end with its line.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  return out;
}

void print_notes(const std::vector<std::string>& notes, const std::string& indent,
                 std::string& out) {
  for (const std::string& note : notes) {
    const std::string text = one_line(note);
    out.append(indent).append(text.empty() ? "#" : "# ").append(text).append("\n");
  }
}

// `tls.mode` and `tls.ca_file` as `tls: {mode: ..., ca_file: ...}`.
std::vector<std::string> lines_of(const Options& options) {
  std::vector<std::string> out;
  std::set<std::string> done;
  for (const auto& [path, value] : options.all()) {
    const auto dot = path.find('.');
    const std::string head = path.substr(0, dot);
    if (dot == std::string::npos) {
      out.push_back(head + ": " + yaml_text(unexpanded(value)));
      continue;
    }
    if (!done.insert(head).second) {
      continue;
    }
    std::string inner;
    for (const auto& [other, text] : options.all()) {
      if (other.starts_with(head + ".")) {
        inner.append(inner.empty() ? "" : ", ").append(other, dot + 1);
        inner.append(": ").append(yaml_text(unexpanded(text)));
      }
    }
    out.push_back(head + ": {" + inner + "}");
  }
  return out;
}

std::string in_braces(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    out += (out.empty() ? "" : ", ") + line;
  }
  return "{" + out + "}";
}

void print_list(std::string_view key, const std::vector<Part>& parts, std::string& out) {
  if (parts.empty()) {
    return;
  }
  out += "\n" + std::string(key) + ":\n";
  for (const Part& part : parts) {
    print_notes(part.notes, "  ", out);
    Options all;
    all.set("name", part.name);
    for (const auto& [path, value] : part.options.all()) {
      all.set(path, value);
    }
    const auto lines = lines_of(all);
    const std::string flow = in_braces(lines);
    if (part.chain.empty() && flow.size() + 4 <= kWidth) {
      out += "  - " + flow + "\n";
      continue;
    }
    const char* lead = "  - ";
    for (const std::string& line : lines) {
      out += lead + line + "\n";
      lead = "    ";
    }
    out += part.chain.empty() ? "" : "    middleware:\n";
    for (const std::string& entry : part.chain) {
      out += "      " + entry + "\n";
    }
  }
}

void print_group(std::string_view key, const Options& options, std::string& out) {
  if (!options.empty()) {
    out += "\n" + std::string(key) + ":\n";
    for (const std::string& line : lines_of(options)) {
      out += "  " + line + "\n";
    }
  }
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

void Options::set(std::string path, std::string value) {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&path](const auto& one) { return one.first == path; });
  if (found != all_.end()) {
    found->second = std::move(value);
  } else {
    all_.emplace_back(std::move(path), std::move(value));
  }
}

bool Options::has(std::string_view path) const {
  return std::any_of(all_.begin(), all_.end(),
                     [path](const auto& one) { return one.first == path; });
}

void Draft::lost(std::vector<std::string>& notes, std::string_view what, std::string_view why) {
  std::string note = "not carried over: " + std::string(what);
  if (!why.empty()) {
    note.append(": ").append(why);
  }
  notes.push_back(std::move(note));
}

std::string print(const Draft& draft) {
  std::string out;
  print_notes(draft.introduction, "", out);
  out += "version: 1\n";
  for (const std::string& line : lines_of(draft.top)) {
    out += line + "\n";
  }
  print_list("listeners", draft.listeners, out);
  out += "\npools:\n";
  for (const Part& pool : draft.pools) {
    print_notes(pool.notes, "  ", out);
    out += "  " + yaml_text(pool.name) + ":\n";
    for (const std::string& line : lines_of(pool.options)) {
      out += "    " + line + "\n";
    }
  }
  print_list("users", draft.users, out);
  print_list("routes", draft.routes, out);
  print_group("limits", draft.limits, out);
  out += draft.notes.empty() ? "" : "\n";
  print_notes(draft.notes, "", out);
  return out;
}

std::string make_name(std::string_view text, const std::vector<Part>& taken) {
  constexpr std::size_t kLongest = 55;
  std::string base;
  for (const char c : text.substr(0, kLongest)) {
    base += is_name_byte(c) ? c : '_';
  }
  base = base.empty() ? "unnamed" : base;
  std::string name = base;
  const auto is_taken = [&name](const Part& one) { return one.name == name; };
  for (int i = 2; std::any_of(taken.begin(), taken.end(), is_taken); ++i) {
    name = base + "_" + std::to_string(i);
  }
  return name;
}

std::string as_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += std::string_view("*?[\\").find(c) == std::string_view::npos
               ? std::string(1, c)
               : "[" + std::string(1, c) + "]";
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_name_byte(c) || c == '~') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return out;
}

std::string host_in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string duration_text(long long milliseconds) {
  return print_duration(std::chrono::milliseconds(milliseconds));
}

}  // namespace sluice::config::convert
