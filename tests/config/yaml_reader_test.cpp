#include "config/yaml_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::config {
namespace {

std::vector<std::string> refusals(const std::string& text) {
  Report report("f");
  const bool read = read_yaml(text, report) != nullptr;
  EXPECT_TRUE(read || report.failed());
  std::vector<std::string> out;
  for (const Problem& problem : report.take()) {
    out.push_back(to_string(problem));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(YamlReader, remembers_where_things_stood) {
  Report report("f");
  const auto root = read_yaml("a: 1\nb:\n  - {c: null}\n", report);
  ASSERT_NE(root, nullptr);
  const TreeNode* list = root->find("b");
  ASSERT_NE(list, nullptr);
  const TreeNode& map = *list->entries.at(0).value;
  EXPECT_EQ(map.mark.line, 3);
  EXPECT_EQ(map.mark.column, 5);
  EXPECT_EQ(map.entries.at(0).key_mark.column, 6);
  EXPECT_EQ(map.find("c")->kind, TreeNode::Kind::null);
  EXPECT_EQ(root->find("x"), nullptr);
}

TEST(YamlReader, refuses_what_is_empty) {
  for (const auto* text : {"", "\n\n", "# comment\n", "---\n", "null\n"}) {
    EXPECT_EQ(refusals(text), Lines{"f:1:1: error: the configuration is empty"}) << text;
  }
}

TEST(YamlReader, says_where_it_is_not_yaml) {
  EXPECT_EQ(refusals("a: 1\nb: [1, 2\n").size(), 1U);
  EXPECT_EQ(refusals("a: 1\n b: 2\n"), Lines{"f:2:3: error: not YAML: illegal map value"});
  EXPECT_EQ(refusals("a: \"\\q\"\n"), Lines{"f:1:7: error: not YAML: unknown escape character"});
}

TEST(YamlReader, reports_every_duplicate_key) {
  EXPECT_EQ(refusals("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n"),
            (Lines{"f:3:1: error: duplicate key \"a\"; it is also on line 1",
                   "f:4:11: error: duplicate key \"d\"; it is also on line 4"}));
}

TEST(YamlReader, refuses_tags_keys_that_are_no_names_and_second_documents) {
  EXPECT_EQ(refusals("a: !!str 1\n"),
            Lines{"f:1:4: error: tags are not supported; write the value without it"});
  EXPECT_EQ(refusals("? [a]\n: 1\n"), Lines{"f:1:3: error: a key must be a name"});
  EXPECT_EQ(refusals("null: 1\n"), Lines{"f:1:1: error: a key must be a name"});
  EXPECT_EQ(refusals("a: 1\n---\nb: 2\n"),
            Lines{"f:3:1: error: a second YAML document; one file holds one configuration"});
}

TEST(YamlReader, refuses_bytes_that_are_no_text) {
  const std::string error = "error: a control character or a byte that is not UTF-8";
  EXPECT_EQ(refusals("a: 1\nb\x04: 2\n"), Lines{"f:2:2: " + error});
  EXPECT_EQ(refusals(std::string("\xFF\xFE", 2)), Lines{"f:1:1: " + error});
  EXPECT_EQ(refusals(std::string("a\0b", 3)), Lines{"f:1:2: " + error});
  EXPECT_EQ(refusals(std::string((1U << 20U) + 1, '#')),
            Lines{"f:1:1: error: larger than 1MiB, which is no configuration"});
}

TEST(YamlReader, aliases_stand_for_their_anchor) {
  Report report("f");
  const auto root = read_yaml("a: &x {b: 1}\nc: *x\n", report);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->find("c")->find("b")->text, "1");
}

TEST(YamlReader, refuses_aliases_that_multiply) {
  std::string text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    std::string all = alias;
    for (int j = 0; j < 9; ++j) {
      all += ", " + alias;
    }
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + all + "]\n";
  }
  const auto out = refusals(text);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].find("more than 100000 values, aliases counted in full"), std::string::npos);
}

TEST(YamlReader, refuses_aliases_of_what_is_not_finished_or_not_there) {
  EXPECT_EQ(refusals("a: &x [*x]\n"),
            Lines{"f:1:8: error: an alias inside the value that it names"});
  EXPECT_EQ(refusals("a: *x\n"),
            Lines{"f:1:4: error: not YAML: the referenced anchor is not defined"});
}

TEST(YamlReader, refuses_depth) {
  EXPECT_EQ(refusals(std::string(30, '[') + std::string(30, ']')).size(), 0U);
  for (const std::size_t depth : {33, 500, 5000, 100000}) {
    const auto out = refusals(std::string(depth, '['));
    ASSERT_EQ(out.size(), 1U) << depth;
    EXPECT_NE(out[0].find("nested deeper than 32 levels"), std::string::npos) << out[0];
  }
  std::string text = "a0: &a0 [1]\n";
  for (int i = 1; i < 40; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  ASSERT_EQ(refusals(text).size(), 1U);
}

}  // namespace
}  // namespace sluice::config
