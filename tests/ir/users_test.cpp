#include "ir/users.hpp"

#include <gtest/gtest.h>

#include <random>

#include "ir/graph.hpp"
#include "ir/test_ops.hpp"
#include "ir/verify.hpp"

namespace hone::test::users_test {

using Names = std::vector<std::string>;

/// The readers' first results.
Names readers(const Value* value) {
  Names names;
  for (const Node* user : value->users) names.push_back(user->output()->name);
  return names;
}

class UsersTest : public ::testing::Test {
 protected:
  Graph graph_;
  Value* x_ = graph_.add_input("x", Type::tensor(DType::f32, {4}));
  Value* z_ = graph_.add_input("z", Type::tensor(DType::f32, {4}));

  Node* add(std::string name, std::vector<Value*> inputs) {
    Node* node = graph_.add_node(TestAdd{}, std::move(inputs), {std::move(name)});
    node->output()->type = x_->type;
    return node;
  }
};

TEST_F(UsersTest, StandInTheOrderInWhichTheyBeganToRead) {
  Node* a = add("a", {x_, x_});
  add("b", {x_, z_});
  EXPECT_EQ(readers(x_), (Names{"a", "a", "b"}));
  graph_.set_input(a, 0, z_);
  EXPECT_EQ(readers(x_), (Names{"a", "b"}));
  graph_.set_input(a, 0, x_);
  EXPECT_EQ(readers(x_), (Names{"a", "b", "a"}));
  EXPECT_EQ(readers(z_), (Names{"b"}));
  EXPECT_EQ(x_->users.front(), a);
}

TEST_F(UsersTest, MoveToAnotherValueAllTogether) {
  add("a", {x_, x_});
  add("b", {z_, x_});
  graph_.replace_uses(x_, z_);
  EXPECT_TRUE(x_->users.empty());
  EXPECT_TRUE(x_->users.begin() == x_->users.end());
  EXPECT_EQ(readers(z_), (Names{"b", "a", "a", "b"}));
}

TEST_F(UsersTest, AgreeWithTheOperandsAfterAnyChanges) {
  std::mt19937 random(1);
  std::vector<Node*> nodes;
  std::vector<std::pair<Node*, size_t>> wanted;  // readers of x in order
  for (int turn = 0; turn < 4000; ++turn) {
    if (nodes.size() < 40 || random() % 3 == 0) {
      nodes.push_back(add("n", {x_, random() % 2 == 0 ? x_ : z_}));
      wanted.emplace_back(nodes.back(), 0);
      if (nodes.back()->inputs[1] == x_) wanted.emplace_back(nodes.back(), 1);
    } else if (const size_t at = random() % nodes.size(); random() % 2 == 0) {
      std::erase_if(wanted, [&](const auto& use) { return use.first == nodes[at]; });
      graph_.erase(nodes[at]);
      nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      const size_t operand = random() % 2;
      std::erase(wanted, std::pair(nodes[at], operand));
      Value* value = random() % 2 == 0 ? x_ : z_;
      graph_.set_input(nodes[at], operand, value);
      if (value == x_) wanted.emplace_back(nodes[at], operand);
    }
    std::vector<std::pair<Node*, size_t>> found;
    for (const Users::Use& use : x_->users.all()) found.emplace_back(use.node, use.operand);
    ASSERT_EQ(found, wanted) << "turn " << turn;
    ASSERT_EQ(x_->users.size(), wanted.size());
  }
  for (const Node* node : nodes)
    for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(node->inputs[i]->users.has(node, i));
}

TEST_F(UsersTest, OutputsAreKnownByValue) {
  Node* a = add("a", {x_, x_});
  graph_.add_output("y", a->output());
  graph_.add_output("again", a->output());
  graph_.add_output("x", x_);
  EXPECT_FALSE(graph_.is_output(z_));
  graph_.set_output(0, x_);
  EXPECT_TRUE(graph_.is_output(a->output()));
  graph_.replace_uses(a->output(), z_);
  EXPECT_FALSE(graph_.is_output(a->output()));
  graph_.replace_uses(x_, z_);
  EXPECT_FALSE(graph_.is_output(x_));
  for (const GraphOutput& output : graph_.outputs()) EXPECT_EQ(output.value, z_);
  for (size_t i = 0; i < 3; ++i) graph_.set_output(i, x_);
  EXPECT_FALSE(graph_.is_output(z_));
}

TEST(OriginsTest, OfManyTheFirstAndTheLastAreKept) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(cat("n", i));
  const Origins origins(names);
  EXPECT_EQ(origins.size(), Origins::kMost);
  EXPECT_EQ(origins.more(), 100 - 32);
  EXPECT_EQ(origins.names()[30], "n30");
  EXPECT_EQ(origins.back(), "n99");
  EXPECT_TRUE(origins_text(origins).ends_with(" n30 n99 and 68 more")) << origins_text(origins);
}

TEST(OriginsTest, AreUnitedOneAfterTheOther) {
  Node a, b, c;
  a.origin = {"a", "b"};
  b.origin = {"b", "c"};
  EXPECT_EQ(origins_of({&a, nullptr, &b, &c}).names(), (Names{"a", "b", "c"}));
  EXPECT_TRUE(origins_of({&c, &c}).empty());
  // Along a chain of any length there are never more than kMost.
  Node all;
  for (int i = 0; i < 1000; ++i) {
    Node next;
    next.origin = {cat("n", i)};
    all.origin = origins_of({&all, &next});
  }
  EXPECT_EQ(all.origin.size(), Origins::kMost);
  EXPECT_EQ(all.origin.front(), "n0");
  EXPECT_EQ(all.origin.back(), "n999");
  EXPECT_EQ(all.origin.more(), 1000 - 32);
  // A copy has the same ones left out.
  Node copy;
  copy.origin = all.origin;
  EXPECT_EQ(origins_of({&all, &a, &copy}).more(), 1000 - 32 + 2);
}

}  // namespace hone::test::users_test
