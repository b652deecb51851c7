#include "pool/intrusive_list.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sluice::pool {
namespace {

struct Node {
  int value = 0;
  Link<Node> link;
};

std::vector<int> forward(const IntrusiveList<Node, &Node::link>& list) {
  std::vector<int> values;
  for (Node* node = list.front(); node != nullptr; node = list.next(*node)) {
    values.push_back(node->value);
  }
  return values;
}

std::vector<int> backward(const IntrusiveList<Node, &Node::link>& list) {
  std::vector<int> values;
  for (Node* node = list.back(); node != nullptr; node = list.previous(*node)) {
    values.push_back(node->value);
  }
  return values;
}

TEST(IntrusiveList, ErasesFromEveryPlace) {
  std::array<Node, 4> nodes{{{1}, {2}, {3}, {4}}};
  IntrusiveList<Node, &Node::link> list;
  for (Node& node : nodes) {
    list.push_back(node);
  }
  list.erase(nodes[1]);
  EXPECT_EQ(forward(list), (std::vector{1, 3, 4}));
  list.erase(nodes[0]);
  EXPECT_EQ(backward(list), (std::vector{4, 3}));
  list.erase(nodes[3]);
  EXPECT_EQ(forward(list), (std::vector{3}));
  EXPECT_EQ(list.front(), list.back());
  list.erase(nodes[2]);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);

  list.push_back(nodes[1]);
  list.push_back(nodes[0]);
  EXPECT_EQ(forward(list), (std::vector{2, 1}));
  EXPECT_EQ(list.size(), 2U);
}

}  // namespace
}  // namespace sluice::pool
