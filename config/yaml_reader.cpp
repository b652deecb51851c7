#include "config/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "config/suggest.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxNodes = 100000;

Mark to_mark(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

// Builds the tree from yaml-cpp's events. After the first structural error it ignores the rest;
// duplicate keys are reported and the first one is kept.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Report& report) : report_(report) {}

  bool broken() const { return broken_; }
  TreePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(leaf(TreeNode::Kind::null, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      refuse(to_mark(mark), "an alias inside the value that it names");
      return;
    }
    add(found->second, YAML::NullAnchor, to_mark(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    auto node = leaf(TreeNode::Kind::scalar, mark);
    node->text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(leaf(TreeNode::Kind::sequence, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(leaf(TreeNode::Kind::map, mark), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    std::shared_ptr<TreeNode> node;
    YAML::anchor_t anchor;
    TreePtr key;  // map: read, its value not yet
    Mark key_mark;
  };

  static std::shared_ptr<TreeNode> leaf(TreeNode::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<TreeNode>();
    node->kind = kind;
    node->mark = to_mark(mark);
    return node;
  }

  void refuse(Mark mark, const std::string& text) {
    if (!broken_) {
      report_.error_at(mark, text);
    }
    broken_ = true;
  }

  // "?" and "!" are what yaml-cpp says of plain and quoted values without a tag.
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(to_mark(mark), "tags are not supported; write the value without it");
    }
  }

  void open(std::shared_ptr<TreeNode> node, YAML::anchor_t anchor) {
    if (broken_) {
      return;
    }
    if (levels_.size() >= kMaxDepth) {
      refuse(node->mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
      return;
    }
    levels_.push_back({std::move(node), anchor, nullptr, {}});
  }

  void close() {
    if (broken_) {
      return;
    }
    Level level = std::move(levels_.back());
    levels_.pop_back();
    add(std::move(level.node), level.anchor);
  }

  void add(TreePtr node, YAML::anchor_t anchor, std::optional<Mark> used_at = std::nullopt) {
    if (broken_) {
      return;
    }
    const Mark mark = used_at.value_or(node->mark);
    nodes_ += used_at ? node->weight : 1;
    if (nodes_ > kMaxNodes) {
      refuse(mark, "more than " + std::to_string(kMaxNodes) + " values, aliases counted in full");
      return;
    }
    if (levels_.size() + node->height > kMaxDepth) {
      refuse(mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
      return;
    }
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = node;
    }
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (levels_.back().node->kind == TreeNode::Kind::sequence) {
      append(levels_.back(), {{}, mark, std::move(node)});
    } else {
      add_to_map(levels_.back(), std::move(node), mark);
    }
  }

  void add_to_map(Level& level, TreePtr node, Mark mark) {
    if (level.key == nullptr) {
      if (node->kind != TreeNode::Kind::scalar) {
        refuse(mark, "a key must be a name");
        return;
      }
      level.key = std::move(node);
      level.key_mark = mark;
      return;
    }
    const TreePtr key = std::exchange(level.key, nullptr);
    const auto [found, fresh] = level.node->index.emplace(key->text, level.node->entries.size());
    if (!fresh) {
      const Mark first = level.node->entries[found->second].key_mark;
      report_.error_at(level.key_mark, "duplicate key " + quoted(key->text) +
                                           "; it is also on line " + std::to_string(first.line));
      return;
    }
    if (node->kind == TreeNode::Kind::null) {
      // What is not there stands where its key is, not where the parser noticed.
      auto moved = std::make_shared<TreeNode>(*node);
      moved->mark = level.key_mark;
      node = std::move(moved);
    }
    append(level, {key->text, level.key_mark, std::move(node)});
  }

  static void append(Level& level, Entry entry) {
    level.node->weight += entry.value->weight;
    level.node->height = std::max(level.node->height, entry.value->height + 1);
    level.node->entries.push_back(std::move(entry));
  }

  Report& report_;
  std::vector<Level> levels_;
  std::unordered_map<YAML::anchor_t, TreePtr> anchors_;
  TreePtr root_;
  std::size_t nodes_ = 0;
  bool broken_ = false;
};

// yaml-cpp takes some control characters as the end of the text and a byte order mark as leave to
// read UTF-16: either would let it see another file than a person does.
bool refuse_bytes(const std::string& text, Report& report) {
  if (text.size() > kMaxBytes) {
    report.error_at({1, 1}, "larger than 1MiB, which is no configuration");
    return true;
  }
  Mark mark{1, 1};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F || byte >= 0xFE) {
      report.error_at(mark, "a control character or a byte that is not UTF-8");
      return true;
    }
    mark = c == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
  }
  return false;
}

// Cut at the colon: what follows quotes the text, which may be part of a secret.
std::string parser_message(const YAML::ParserException& error) {
  return "not YAML: " + error.msg.substr(0, error.msg.find(':'));
}

}  // namespace

TreePtr read_yaml(const std::string& text, Report& report) {
  if (refuse_bytes(text, report)) {
    return nullptr;
  }
  Builder builder(report);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder) && !builder.broken()) {
      report.error_at({1, 1}, "the configuration is empty");
      return nullptr;
    }
    Builder second(report);
    if (!builder.broken() && parser.HandleNextDocument(second)) {
      const Mark mark = second.root() ? second.root()->mark : Mark{1, 1};
      report.error_at(mark, "a second YAML document; one file holds one configuration");
      return nullptr;
    }
  } catch (const YAML::ParserException& error) {
    if (!builder.broken()) {
      report.error_at(to_mark(error.mark), parser_message(error));
    }
    return nullptr;
  } catch (const std::exception&) {
    report.error_at({1, 1}, "not YAML");
    return nullptr;
  }
  if (builder.broken() || builder.root() == nullptr) {
    return nullptr;
  }
  if (builder.root()->kind == TreeNode::Kind::null) {
    report.error_at({1, 1}, "the configuration is empty");
    return nullptr;
  }
  return builder.root();
}

}  // namespace sluice::config
