#include "config/diff.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/fields.hpp"
#include "config/middleware_table.hpp"
#include "config/url.hpp"

namespace sluice::config {
namespace {

// Between the parts of a path: names may hold dots and brackets.
constexpr char kPart = '\x1f';

// A configuration as a table of paths. Holds secrets: it lives for one comparison.
struct Flat {
  std::map<std::string, std::optional<std::string>> values;
  std::set<std::string> elements;                          // of lists
  std::map<std::string, std::vector<std::string>> orders;  // of lists whose elements have names
};

// The visitor of fields.hpp that fills it.
class Flattener {
 public:
  Flattener(Flat& flat, std::string path) : flat_(flat), path_(std::move(path)) {}

  template <typename T, typename K>
  void option(std::string_view name, const T& member, const K& kind, std::string_view /*help*/) {
    put(name, kind.print(member));
  }
  template <typename T, typename K>
  void option(std::string_view name, const std::optional<T>& member, const K& kind,
              std::string_view help) {
    if (member) {
      option(name, *member, kind, help);
    } else {
      put(name, std::nullopt);
    }
  }
  template <typename T, typename K>
  void required(std::string_view name, const T& member, const K& kind, std::string_view help) {
    option(name, member, kind, help);
  }

  void secret(std::string_view name, const std::optional<std::string>& member, SecretForm /*form*/,
              std::string_view /*help*/) {
    put(name, member);
  }
  void url(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    put(name, print_pool_url(pool));
  }
  void connect_args(std::string_view name, const Pool& pool, std::string_view /*help*/) {
    Flattener inner(flat_, at(name));
    for (const auto& [key, value] : pool.connect_args) {
      inner.put(key, value);
    }
    inner.put("connect_timeout", print_duration(pool.connect_timeout));
  }

  template <typename T>
  void group(std::string_view name, T& member, std::string_view /*help*/) {
    Flattener inner(flat_, at(name));
    fields(inner, member);
  }

  template <typename T>
  void list(std::string_view name, std::vector<T>& members, std::string_view help) {
    if constexpr (requires(T one) { one.name; }) {
      named(name, members, help);
      for (const T& member : members) {
        flat_.orders[at(name)].push_back(member.name);
      }
    } else {
      Flattener(flat_, at(name)).items(members, help);
    }
  }
  template <typename T>
  void named(std::string_view name, std::vector<T>& members, std::string_view /*help*/) {
    for (T& member : members) {
      element(at(name) + kPart + member.name, member);
    }
  }
  template <typename T>
  void items(std::vector<T>& members, std::string_view /*help*/) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      element(path_ + kPart + index(i), members[i]);
    }
  }

  template <typename K>
  void texts(std::string_view name, const std::vector<std::string>& members, const K& kind,
             std::string_view /*help*/) {
    std::string all;
    for (const std::string& member : members) {
      all += kind.print(member);
      all += '\0';
    }
    put(name, std::move(all));
  }

  template <typename K, typename W>
  void entries(const TextPairs& members, const K& /*key*/, const W& value,
               std::string_view /*help*/) {
    for (const auto& [name, text] : members) {
      put(name, value.print(text));
    }
  }
  template <typename K, typename W>
  void pairs(std::string_view name, const TextPairs& members, const K& key, const W& value,
             std::string_view help) {
    Flattener inner(flat_, at(name));
    inner.entries(members, key, value, help);
  }

  void middleware(std::string_view name, std::vector<Middleware>& members,
                  std::string_view /*help*/) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::string path =
          at(name) + kPart + index(i) + kPart + std::string(name_of(members[i].options));
      std::visit([&](auto& options) { element(path, options); }, members[i].options);
    }
  }

  void later(std::string_view /*name*/, std::initializer_list<std::string_view> /*off*/ = {}) {}

 private:
  std::string at(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + kPart + std::string(name);
  }
  static std::string index(std::size_t i) { return "[" + std::to_string(i) + "]"; }
  void put(std::string_view name, std::optional<std::string> value) {
    flat_.values.insert_or_assign(at(name), std::move(value));
  }
  template <typename T>
  void element(std::string path, T& member) {
    flat_.elements.insert(path);
    Flattener inner(flat_, std::move(path));
    fields(inner, member);
  }

  Flat& flat_;
  std::string path_;
};

template <typename T>
Flat flatten(T options) {
  Flat flat;
  Flattener visitor(flat, "");
  fields(visitor, options);
  return flat;
}

// Whether `path` is a part of one of `elements`, or is one.
bool within(const std::set<std::string>& elements, const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find(kPart, end + 1);
    if (elements.contains(path.substr(0, end))) {
      return true;
    }
  }
  return false;
}

// Those that only `these` has, without what is within another one of them.
std::set<std::string> only_in(const std::set<std::string>& these,
                              const std::set<std::string>& others) {
  std::set<std::string> result;
  for (const std::string& element : these) {
    if (!others.contains(element) && !within(result, element)) {
      result.insert(element);
    }
  }
  return result;
}

std::vector<std::string> known_to(const std::vector<std::string>& names,
                                  const std::vector<std::string>& others) {
  std::vector<std::string> result;
  std::copy_if(names.begin(), names.end(), std::back_inserter(result), [&](const auto& name) {
    return std::find(others.begin(), others.end(), name) != others.end();
  });
  return result;
}

// Lists whose elements that both have stand in another order.
void add_orders(const Flat& before, const Flat& after, std::vector<Change>& changes) {
  for (const auto& [path, names] : after.orders) {
    const auto old = before.orders.find(path);
    if (old != before.orders.end() &&
        known_to(names, old->second) != known_to(old->second, names)) {
      changes.push_back({path, Change::Kind::changed});
    }
  }
}

// Of `these` values, those that `others` has otherwise, or not at all.
void add_values(const Flat& these, const Flat& others, const std::set<std::string>& left_out,
                std::set<std::string>& paths) {
  for (const auto& [path, value] : these.values) {
    const auto other = others.values.find(path);
    const bool same = other == others.values.end() ? !value : other->second == value;
    if (!same && !within(left_out, path)) {
      paths.insert(path);
    }
  }
}

std::string shown(const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != kPart) {
      out += path[i];
    } else if (i + 1 < path.size() && path[i + 1] != '[') {
      out += '.';
    }
  }
  return out;
}

std::vector<Change> compare(const Flat& before, const Flat& after) {
  const auto added = only_in(after.elements, before.elements);
  const auto removed = only_in(before.elements, after.elements);
  std::set<std::string> changed;
  add_values(before, after, removed, changed);
  add_values(after, before, added, changed);
  std::vector<Change> changes;
  changes.reserve(changed.size() + added.size() + removed.size());
  for (const std::string& path : changed) {
    changes.push_back({path, Change::Kind::changed});
  }
  for (const std::string& path : added) {
    changes.push_back({path, Change::Kind::added});
  }
  for (const std::string& path : removed) {
    changes.push_back({path, Change::Kind::removed});
  }
  add_orders(before, after, changes);
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.path < b.path; });
  for (Change& change : changes) {
    change.path = shown(change.path);
  }
  return changes;
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  return compare(flatten(before), flatten(after));
}

std::string to_string(const Change& change) {
  switch (change.kind) {
    case Change::Kind::added:
      return change.path + " (added)";
    case Change::Kind::removed:
      return change.path + " (removed)";
    case Change::Kind::changed:
      break;
  }
  return change.path;
}

std::vector<std::string> diff(const Pool& before, const Pool& after) {
  std::vector<std::string> paths;
  for (const Change& change : compare(flatten(before), flatten(after))) {
    paths.push_back(change.path);
  }
  return paths;
}

std::vector<std::string> keep_until_restart(const Config& in_force, Config& wanted) {
  Config kept = wanted;
  kept.workers = in_force.workers;
  kept.io = in_force.io;
  kept.admin.http = in_force.admin.http;
  kept.admin.socket = in_force.admin.socket;
  // Its files are read as those of a listener are; with TLS or without is a matter of the socket.
  if (kept.admin.tls.mode != in_force.admin.tls.mode) {
    kept.admin.tls = in_force.admin.tls;
  }
  kept.admin.dashboard = in_force.admin.dashboard;
  std::vector<std::string> keys;
  for (const Change& change : diff(kept, wanted)) {
    keys.push_back(change.path);
  }
  wanted = std::move(kept);
  return keys;
}

bool same_options(const Middleware& a, const Middleware& b) {
  const auto flat = [](const auto& options) { return flatten(options).values; };
  return a.options.index() == b.options.index() &&
         std::visit(flat, a.options) == std::visit(flat, b.options);
}

}  // namespace sluice::config
