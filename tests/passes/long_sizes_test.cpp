// Sizes that would be too long to write where a symbol stands: the symbol stays, nothing is
// refused.

#include <gtest/gtest.h>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "passes/equal_sizes.hpp"
#include "passes/pass.hpp"
#include "passes/rewrite.hpp"

namespace hone::test::long_sizes_test {

constexpr int kParts = 8;

/// "%a0: f32[a0], ..., %a7: f32[a7]", or without types.
std::string parts(bool types) {
  std::vector<std::string> each;
  for (int i = 0; i < kParts; ++i)
    each.push_back(types ? cat("%a", i, ": f32[a", i, "]") : cat("%a", i));
  return join(each, ", ");
}

/// (a0 + ... + a7)^4 has 330 terms.
std::string fourth_power(std::string_view symbol) {
  return cat(symbol, "*", symbol, "*", symbol, "*", symbol);
}

std::unique_ptr<Graph> graph_of(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  verify(*graph, "parsing");
  return graph;
}

const Node& producer(const Graph& graph, std::string_view name) {
  return *graph.find(name)->producer;
}

/// With one element in each part.
int64_t elements(const Graph& graph, std::vector<Tensor> more) {
  std::vector<Tensor> inputs(kParts, Tensor(DType::f32, {1}));
  inputs.insert(inputs.end(), more.begin(), more.end());
  return evaluate(graph, inputs).at(0).count();
}

TEST(LongSizes, OfABranchThatIsTakenStaySymbols) {
  const auto graph = graph_of(
      cat("graph g(", parts(true), ", %k: bool[], %o: f32[1]) -> (%v, %w)\n", "  %y, %z = If(%k, ",
          parts(false), ")\n    then_branch(", parts(true), ") -> (%r, q = %r)\n",
          "      %r = Concat(", parts(false), ") axis=0\n    else_branch(", parts(true),
          ") -> (%a0, %a1)\n  %v = Expand(%o) shape=[", fourth_power("y_d0"),
          "]\n  %w = Expand(%o) shape=[", fourth_power("z_d0"), "]\n"));
  // The condition is folded, and no inference has told what that means for sizes.
  Tensor yes(DType::boolean, {});
  yes.set_integer(0, 1);
  graph->set_input(&*producer(*graph, "y").self, 0, add_literal(*graph, "yes", yes));
  ASSERT_TRUE(select_branches(*graph, {}));
  infer(*graph);
  verify(*graph, "select_branches");
  EXPECT_EQ(cat(producer(*graph, "r").output()->type), "f32[y_d0]");
  EXPECT_EQ(print(producer(*graph, "w")), cat("%w = Expand(%o) shape=[", fourth_power("y_d0"),
                                              "] : f32[", fourth_power("y_d0"), "]\n"));
  EXPECT_EQ(elements(*graph, {yes, Tensor(DType::f32, {1})}), kParts * kParts * kParts * kParts);
}

TEST(LongSizes, OfAValueThatTakesAnothersPlaceLeaveThatOne) {
  const auto graph = graph_of(cat("graph g(", parts(true), ", %c: i64[1], %o: f32[1]) -> (%v, %e)",
                                  "\n  %r = Concat(", parts(false),
                                  ") axis=0\n  %u = Reshape(%r, %c)\n  %e = Exp(%u)\n",
                                  "  %v = Expand(%o) shape=[", fourth_power("u_d0"), "]\n"));
  replace_node(*graph, &*graph->find("u")->producer->self, graph->find("r"));
  infer(*graph);
  verify(*graph, "replace_node");
  EXPECT_EQ(producer(*graph, "e").inputs[0], graph->find("r"));
  EXPECT_EQ(print(producer(*graph, "v")), cat("%v = Expand(%o) shape=[", fourth_power("u_d0"),
                                              "] : f32[", fourth_power("u_d0"), "]\n"));
  Tensor length(DType::i64, {1});
  length.set_integer(0, kParts);
  EXPECT_EQ(elements(*graph, {length, Tensor(DType::f32, {1})}), kParts * kParts * kParts * kParts);
}

/// "%x0: f32[n0], ...", which a chain of Expands or one Sum broadcasts.
std::unique_ptr<Graph> many_that_broadcast(int count, bool sum) {
  std::vector<std::string> inputs, names;
  for (int i = 0; i < count; ++i) inputs.push_back(cat("%x", i, ": f32[n", i, "]"));
  for (int i = 0; i < count; ++i) names.push_back(cat("%x", i));
  std::string nodes = sum ? cat("  %p", count - 1, " = Sum(", join(names, ", "), ")\n") : "";
  for (int i = 1; i < count && !sum; ++i)
    nodes += cat("  %s", i, " = Shape(%x", i, ")\n  %p", i, " = Expand(%",
                 i == 1 ? "x0" : cat("p", i - 1), ", %s", i, ")\n");
  return graph_of(
      cat("graph g(", join(inputs, ", "), ") -> (%y)\n", nodes, "  %y = Neg(%p", count - 1, ")\n"));
}

TEST(LongSizes, OfManyThatBroadcastAreNoGuess) {
  // More than a size is written with. What is left out of it is not taken for equal.
  constexpr int kMany = 70;
  for (const bool sum : {false, true}) {
    const auto graph = many_that_broadcast(kMany, sum);
    canonicalize(*graph);
    verify(*graph, "canonicalize");
    for (const int wide : {0, 3, 17, 40, kMany - 1}) {
      std::vector<Tensor> inputs(kMany, Tensor(DType::f32, {1}));
      inputs[static_cast<size_t>(wide)] = Tensor(DType::f32, {3});
      EXPECT_EQ(evaluate(*graph, inputs).at(0).count(), 3) << wide;
    }
    const auto equal = with_equal_sizes(*graph);
    ASSERT_NE(equal, nullptr);
    verify(*equal, "with_equal_sizes");
    for (const Value* input : equal->inputs()) EXPECT_EQ(input->type, equal->inputs()[0]->type);
    EXPECT_EQ(equal->outputs()[0].value->type, equal->inputs()[0]->type);
  }
}

/// The sum of the sizes of an input with many dimensions.
std::string sum_of(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(cat("s", i));
  return join(names, "+");
}

std::string sizes_of(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(cat("s", i));
  return join(names, ",");
}

TEST(LongSizes, EqualityThatIsTooLongIsTheOnlyOneGivenUp) {
  // m is n*n, and n a sum of 30 sizes: of its square there are 465 terms.
  const auto graph = graph_of(cat("graph g(%c: f32[m], %d: f32[n*n], %n: f32[n], %l: f32[",
                                  sum_of(30), "], %s: f32[", sizes_of(30), "]) -> (%y, %z)\n",
                                  "  %y = Add(%c, %d)\n  %z = Add(%n, %l)\n"));
  const auto equal = with_equal_sizes(*graph);
  ASSERT_NE(equal, nullptr);
  verify(*equal, "with_equal_sizes");
  EXPECT_EQ(cat(equal->find("c")->type), "f32[n*n]");
  EXPECT_EQ(cat(equal->find("n")->type), "f32[n]");
}

TEST(LongSizes, EqualityThatAFieldCannotSayIsTheOnlyOneGivenUp) {
  const auto graph = graph_of(cat("graph g(%c: f32[m], %d: f32[k], %n: f32[n], %l: f32[", sum_of(8),
                                  "], %s: f32[", sizes_of(8), "], %o: f32[1]) -> (%y, ",
                                  "%z, %v)\n  %y = Add(%c, %d)\n  %z = Add(%n, %l)\n",
                                  "  %v = Expand(%o) shape=[", fourth_power("n"), "]\n"));
  const auto equal = with_equal_sizes(*graph);
  ASSERT_NE(equal, nullptr);
  verify(*equal, "with_equal_sizes");
  EXPECT_EQ(equal->find("c")->type, equal->find("d")->type);
  EXPECT_EQ(cat(equal->find("n")->type), "f32[n]");
}

}  // namespace hone::test::long_sizes_test
