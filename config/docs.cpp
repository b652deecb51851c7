#include "config/docs.hpp"

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/connect_args.hpp"
#include "config/fields.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

Generated from config/fields.hpp by `config_reference`; do not edit.

One YAML file holds the whole configuration. `sluice check -c FILE` reports every error in it at
once, as `file:line:column`; with `--offline` it opens none of the files that the file names.
An unknown key, a duplicate key or a value of the wrong type is an error.

## Values

* A **duration** is a whole number and a unit: `500ms`, `30s`, `10m`, `2h`, `1d`. Where -1 is
  allowed it means never.
* A **size** is a whole number and a unit: `512B`, `64KiB`, `16MiB`, `1GiB`.
* A **name** is 1 to 63 letters, digits, `_`, `-` and `.`.
* A **pattern** is a shell pattern: `*` any text, `?` one byte, `[a-z]` one of a set.
* An **address** is `host:port`, `[v6]:port`, `:port` for all addresses, or `unix:/path`.
* Any value may hold `${VAR}` (an error when it is not set), `${VAR:-default}` (when it is not set
  or empty) or `${file:/path}` (the file without its last newline). They are replaced after the
  YAML was read, so what they stand for stays one value; it is not looked at again. `$${` stands
  for a plain `${`.
* Every **secret** `X` has a twin `X_file`, the path of a file that holds it; one trailing newline
  is not part of it. Secrets never appear in messages.
* In a url, percent-encode what is special in a user or password (`@` is `%40`, `/` is `%2F`), in
  variables too; or leave the password out and give `password_file`.
* A url may name up to 16 hosts, which are tried in their order: `postgresql://app@a:5432,b:5433/pets`,
  `mysql://app@a,b:3307/pets`, and for PostgreSQL also `postgresql://app@/pets?host=a,b&port=5432,5433`
  and `postgresql://app@/pets?host=a:5432&host=b:5433`. An IPv6 address stands in brackets. A unix
  socket is `?host=/run/postgresql`, or `?unix_socket=/run/mysqld/mysqld.sock`.
* Anchors and aliases may be used; merge keys (`<<`) and tags may not.
)";

std::string code(const std::string& text) {
  return "`" + text + "`";
}

// Collects one section per struct, in the order of the table.
class Reference {
 public:
  Reference() { sections_.push_back({"Top level", "", {}}); }

  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view help) {
    const auto value = kind.print(member);
    row(name, kind.type(), value.empty() ? "" : code(value), help);
    if constexpr (requires { kind.later; }) {
      for (const std::string_view word : kind.later) {
        later_ += "* " + code(prefix_ + std::string(name) + ": " + std::string(word)) + "\n";
      }
    }
  }
  template <typename T, typename K>
  void option(std::string_view name, const std::optional<T>& /*member*/, const K& kind,
              std::string_view help) {
    row(name, kind.type(), "", help);
  }
  template <typename T, typename K>
  void required(std::string_view name, const T& /*member*/, const K& kind, std::string_view help) {
    row(name, kind.type(), "required", help);
  }
  void secret(std::string_view name, const std::optional<std::string>& /*member*/,
              SecretForm /*form*/, std::string_view help) {
    row(name, "secret", "", help);
    row(std::string(name) + "_file", "path", "", "file that holds the `" + std::string(name) + "`");
  }
  void url(std::string_view name, const Pool& /*pool*/, std::string_view help) {
    row(name, "url", "required", help);
  }
  void connect_args(std::string_view name, const Pool& pool, std::string_view help) {
    row(name, "map of texts", "", std::string(help) + "; also in the url, behind its `?`");
    for (const auto protocol : {Protocol::postgresql, Protocol::mysql}) {
      std::string all;
      for (const std::string& known : known_arguments(protocol)) {
        all += (all.empty() ? "" : ", ") + code(known);
      }
      row(std::string(name) + " of " + protocols().print(protocol), "", "", all);
    }
    row(std::string(name) + ".connect_timeout", "duration, or whole seconds",
        code(print_duration(pool.connect_timeout)), "for one connection, with its login");
  }
  template <typename K>
  void texts(std::string_view name, const std::vector<std::string>& /*members*/, const K& kind,
             std::string_view help) {
    row(name, "list of " + kind.type() + "s", "", help);
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view help) {
    nest(std::string(name), "map", member, help);
  }
  template <typename T>
  void list(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    T member;
    nest(std::string(name) + "[]", "list", member, help);
  }
  template <typename T>
  void named(std::string_view name, std::vector<T>& /*members*/, std::string_view help) {
    T member;
    nest(std::string(name) + ".NAME", "map by name", member, help);
  }

  void later(std::string_view name, std::initializer_list<std::string_view> off = {}) {
    std::string line = "* " + code(prefix_ + std::string(name));
    if (off.size() > 0) {
      line += ", accepted as " + code(std::string(*off.begin()));
    }
    later_ += line + "\n";
  }

  std::string markdown() const {
    std::string out(kIntroduction);
    for (const Section& section : sections_) {
      if (section.rows.empty()) {
        continue;
      }
      out += "\n## " + section.title + "\n\n" + section.help + (section.help.empty() ? "" : "\n\n");
      out += "| key | type | default | meaning |\n|---|---|---|---|\n" + section.rows;
    }
    return out +
           "\n## Not supported yet\n\nThese are known and refused, so that none of them is "
           "ignored in silence; `null` is accepted for each.\n\n" +
           later_;
  }

 private:
  struct Section {
    std::string title;
    std::string help;
    std::string rows;
  };

  void row(std::string_view name, const std::string& type, std::string_view value,
           std::string_view help) {
    sections_[current_].rows += "| " + code(std::string(name)) + " | " + type + " | " +
                                std::string(value) + " | " + std::string(help) + " |\n";
  }

  template <typename T>
  void nest(const std::string& name, const std::string& type, T& member, std::string_view help) {
    const std::size_t parent = current_;
    const std::string parent_prefix = prefix_;
    sections_.push_back({code(parent_prefix + name), std::string(help), {}});
    current_ = sections_.size() - 1;
    prefix_ += name + ".";
    fields(*this, member);
    const bool built = !sections_[current_].rows.empty();
    current_ = parent;
    prefix_ = parent_prefix;
    if (built) {
      row(name.substr(0, name.find_first_of("[.")), type, "", std::string(help));
    }
  }

  std::vector<Section> sections_;
  std::size_t current_ = 0;
  std::string prefix_;
  std::string later_;
};

}  // namespace

std::string render_reference() {
  Config defaults;
  Reference reference;
  fields(reference, defaults);
  return reference.markdown();
}

}  // namespace sluice::config
