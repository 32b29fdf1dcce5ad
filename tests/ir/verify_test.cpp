#include "ir/verify.hpp"

#include <gtest/gtest.h>

#include "ir/test_ops.hpp"
#include "ir/text/text.hpp"

namespace hone::test::verify_test {

constexpr std::string_view kText =
    "graph g(%x: f32[n,4]) -> (%z)\n"
    "  %a = TestAdd(%x, f32{1}) : f32[n,4]\n"
    "  %y, _, %u = TestSplit(%a, _, %x) : f32[n,4], _, f32[n,4]\n"
    "  %z = TestReshape(%y) shape=[4,n] : f32[4,n]\n"
    "  %w = TestReshape(%u, i64[2]{4,4}) : f32[4,4]\n"
    "  %f = Fused(%x) : f32[n,4]\n"
    "    body(%x: f32[n,4]) -> (%y)\n"
    "      %y = TestAdd(%x, %x) : f32[n,4]\n";

class Verify : public ::testing::Test {
 protected:
  std::unique_ptr<Graph> graph_ = parse(kText, test_registry());

  Value* value(std::string_view name) { return graph_->find(name); }
  Node* node(std::string_view result) { return value(result)->producer; }

  /// The violation that verify names, without where it stands.
  std::string violation() {
    try {
      verify(*graph_, "test");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::internal);
      const std::string_view start = "after test, graph g: ";
      EXPECT_TRUE(error.message().starts_with(start)) << error.message();
      return error.message().substr(start.size());
    }
    return "none";
  }
};

TEST_F(Verify, AcceptsAGraphAndItsClone) {
  EXPECT_EQ(violation(), "none");
  EXPECT_NO_THROW(verify(*graph_->clone(), "clone"));
}

TEST_F(Verify, InPlaceItIsTheSameAndNamesTheSame) {
  const std::string before = print(*graph_);
  EXPECT_NO_THROW(verify_in_place(*graph_, "test"));
  EXPECT_EQ(print(*graph_), before);
  EXPECT_EQ(violation(), "none");
  value("y")->type = Type::unranked(DType::f32);
  const std::string found = violation();
  EXPECT_EQ(found, "%y has the type f32[*], inference finds f32[n,4]");
  try {
    verify_in_place(*graph_, "test");
    ADD_FAILURE() << "a wrong type passes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::internal);
    EXPECT_EQ(error.message(), "after test, graph g: " + found);
  }
}

TEST_F(Verify, Users) {
  value("x")->users.remove(node("f"), 0);
  EXPECT_EQ(violation(), "%x lists 2 users, its readers are 3");
  value("x")->users.add(node("z"), 0);
  EXPECT_EQ(violation(), "%x lists 3 users, its readers are 3 others");
  value("x")->users.remove(node("z"), 0);
  value("x")->users.add(node("f"), 0);
  node("y")->places[2] = node("a")->places[0];
  EXPECT_EQ(violation(), "operand 2 of TestSplit %y is not where it should be among the users");
}

TEST_F(Verify, Producers) {
  value("y")->index = 1;
  EXPECT_EQ(violation(), "%y does not know that it is result 0 of TestSplit %y");
  value("y")->index = 0;
  value("y")->producer = node("z");
  EXPECT_EQ(violation(), "%y does not know that it is result 0 of TestSplit %y");
}

TEST_F(Verify, LostValue) {
  node("y")->outputs[2] = nullptr;
  EXPECT_EQ(violation(), "it owns 9 values, but 8 are inputs, constants or results");
}

TEST_F(Verify, OneResultInTwoPlaces) {
  node("y")->outputs[1] = value("y");
  EXPECT_EQ(violation(), "%y is defined twice");
}

TEST_F(Verify, Order) {
  auto& nodes = graph_->nodes();
  nodes.splice(nodes.begin(), nodes, node("z")->self);
  EXPECT_EQ(violation(), "TestReshape %z reads %y before it is defined");
}

TEST_F(Verify, Names) {
  value("a")->name = "renamed";  // and not by Graph::rename
  EXPECT_EQ(violation(), "%renamed is not found by its name");
}

TEST_F(Verify, OtherGraphsValues) {
  const auto other = parse(kText, test_registry());
  node("a")->inputs[0] = other->find("x");
  EXPECT_EQ(violation(), "TestAdd %a reads a value of another graph");
}

TEST_F(Verify, OtherGraphsOutputs) {
  const auto other = parse(kText, test_registry());
  graph_->set_output(0, other->find("x"));
  EXPECT_EQ(violation(), "the output z is no value of the graph");
}

TEST_F(Verify, OutputNames) {
  graph_->add_output("z", graph_->outputs().front().value);
  EXPECT_EQ(violation(), "none");  // the same value twice
  graph_->add_output("z", value("y"));
  EXPECT_EQ(violation(), "the output z is both %z and %y");
}

TEST_F(Verify, Arity) {
  graph_->set_input(node("a"), 1, nullptr);
  EXPECT_EQ(violation(), "TestAdd %a has 1 operands");
}

TEST_F(Verify, AbsentLastOperand) {
  node("z")->inputs.push_back(nullptr);
  EXPECT_EQ(violation(), "TestReshape %z ends its operands with an absent one");
}

TEST_F(Verify, ParameterTwice) {
  graph_->set_op(node("w"), TestReshape{Dims{4, 4}});
  EXPECT_EQ(violation(), "TestReshape %w is given shape both as field and as operand 1");
}

TEST_F(Verify, Types) {
  value("a")->type = Type::tensor(DType::f32, {4, 4});
  EXPECT_EQ(violation(), "%a has the type f32[4,4], inference finds f32[n,4]");
}

TEST_F(Verify, MissingType) {
  value("z")->type = Type();
  EXPECT_EQ(violation(), "%z has the type ?, inference finds f32[4,n]");
}

TEST_F(Verify, ConstantType) {
  for (Value* constant : graph_->constants()) constant->type = Type::tensor(DType::i64, {3});
  EXPECT_EQ(violation().substr(0, 13), "the constant ");
}

TEST_F(Verify, Known) {
  value("a")->known = Dims{1};
  EXPECT_EQ(violation(), "%a of type f32[n,4] has known contents");
}

TEST_F(Verify, KnownCount) {
  for (Value* constant : graph_->constants())
    if (constant->type.tensor().dtype == DType::i64) constant->known = Dims{4, 4, 4};
  EXPECT_EQ(violation(), "%literal.1 of type i64[2] has 3 known elements");
}

TEST_F(Verify, InferenceFails) {
  value("x")->type = Type::tensor(DType::f64, {Dim::symbol("n"), 4});
  EXPECT_EQ(violation(),
            "inference fails: operands are f64[n,4] and f32[], wanted one dtype (TestAdd %a)");
}

TEST_F(Verify, UndefinedSymbolInField) {
  graph_->set_op(node("z"), TestReshape{Dims{4, Dim::symbol("m")}});
  EXPECT_EQ(violation(), "TestReshape %z uses the symbol m before anything defines it");
}

TEST_F(Verify, UndefinedSymbolInType) {
  value("a")->type = Type::tensor(DType::f32, {Dim::symbol("m") * 2, 4});
  EXPECT_EQ(violation(), "the result of TestAdd %a uses the symbol m before anything defines it");
}

TEST_F(Verify, UndefinedSymbolInRequirement) {
  graph_->add_requirement({Require::Relation::less_equal, Dim(2), Dim::symbol("m")});
  EXPECT_EQ(violation(), "require 2 <= m uses the symbol m before anything defines it");
}

TEST_F(Verify, UndefinedSymbolInAClosedBody) {
  graph_ = parse(
      "graph g(%x: f32[n], %c: bool[]) -> (%r)\n"
      "  %r = If(%c, %x) : f32[n]\n"
      "    then_branch(%y: f32[n]) -> (%a)\n"
      "      %a = TestReshape(%y) shape=[n] : f32[n]\n"
      "    else_branch(%y: f32[n]) -> (%y)\n",
      test_registry());
  EXPECT_EQ(violation(), "none");
  If branches = *node("r")->op.as<If>();
  auto body = branches.then_branch->clone();
  body->set_op(body->find("a")->producer, TestReshape{Dims{Dim::symbol("gone")}});
  branches.then_branch = std::move(body);
  graph_->set_op(node("r"), branches);
  try {
    verify(*graph_, "test");
    FAIL() << "wanted a violation";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "after test, in If %r, graph then_branch: TestReshape %a uses the symbol gone before "
              "anything defines it");
  }
}

TEST_F(Verify, ASymbolOfKnownContentsIsNotDefinedByThem) {
  graph_ = parse(
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %s = TestShape(%x) : i64[1]\n"
      "  %y = TestReshape(%x) shape=[n] : f32[n]\n",
      test_registry());
  value("s")->known = Dims{Dim::symbol("gone")};
  EXPECT_EQ(violation(),
            "the result of TestShape %s uses the symbol gone before anything defines it");
  graph_->set_op(node("y"), TestReshape{Dims{Dim::symbol("gone")}});
  value("y")->type = Type::tensor(DType::f32, {Dim::symbol("gone")});
  value("s")->known.reset();
  EXPECT_EQ(violation(), "TestReshape %y uses the symbol gone before anything defines it");
}

TEST_F(Verify, UndefinedSymbolInARegion) {
  Fused fused = *node("f")->op.as<Fused>();
  auto body = fused.body->clone();
  body->find("y")->type = Type::tensor(DType::f32, {Dim::symbol("gone") * 2, 4});
  fused.body = std::move(body);
  graph_->set_op(node("f"), fused);
  EXPECT_EQ(violation(), "Fused %f uses the symbol gone before anything defines it");
}

TEST_F(Verify, MissingRequirement) {
  graph_ = parse(
      "graph g(%x: f32[n], %y: f32[m]) -> (%z)\n"
      "  require n broadcasts with m\n"
      "  %z = TestAdd(%x, %y)\n",
      test_registry());
  EXPECT_EQ(violation(), "none");
  const std::string recorded = cat(graph_->requirements().at(0));
  graph_->clear_requirements();
  EXPECT_EQ(violation(), "the types need " + recorded + ", which is not recorded");
}

TEST_F(Verify, BodiesSeeTheSurroundingSymbolsOnlyInRegions) {
  auto region = node("f")->op.as<Fused>()->body->clone();
  region->inputs()[0]->type = Type::tensor(DType::f32, {Dim::symbol("n") * 2, 4});
  TestFields own;
  own.body = std::move(region);
  graph_->set_op(node("f"), own);
  try {
    verify(*graph_, "test");
    FAIL() << "wanted a violation";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "after test, in TestFields %f, graph body: the input %x uses the symbol n before "
              "anything defines it");
  }
}

TEST_F(Verify, Cuts) {
  Fused fused = *node("f")->op.as<Fused>();
  fused.cuts = {"y"};
  graph_->set_op(node("f"), fused);
  EXPECT_EQ(violation(), "none");
  fused.cuts = {"gone"};
  graph_->set_op(node("f"), fused);
  EXPECT_EQ(violation(), "Fused %f may be cut at %gone, which its body does not have");
}

}  // namespace hone::test::verify_test
