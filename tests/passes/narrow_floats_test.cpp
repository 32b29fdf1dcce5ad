// f32 that becomes halves: what does, what stays, and that results stay near.

#include "passes/narrow_floats.hpp"

#include <gtest/gtest.h>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ops/common/registry.hpp"
#include "support/graph_case.hpp"
#include "support/pass_check.hpp"

namespace hone::test::narrow_floats_test {

std::string noted(const std::vector<KeptWide>& kept) {
  std::string text;
  for (const KeptWide& each : kept) text += cat("# ", each.node, ": ", each.why, "\n");
  return text;
}

/// With contents for constants and inputs, results are near what they were.
void expect_near(std::string_view given, DType to) {
  const auto graph = parse(given, all_ops(), dyadic_weights());
  infer(*graph);
  Rng rng(1);
  const auto inputs = draw_inputs(*graph, rng);
  ASSERT_TRUE(inputs) << "no inputs suit\n" << given;
  const std::vector<Tensor> wanted = evaluate(*graph, *inputs);
  narrow_floats(*graph, to, {});
  const double place = to == DType::f16 ? 0x1p-10 : 0x1p-7;
  EXPECT_EQ(difference(half(16), 0, wanted, evaluate(*graph, *inputs), place), "") << given;
}

Verb narrows_to(DType to) {
  return [to](std::string_view given) {
    expect_near(given, to);
    std::vector<KeptWide> kept;
    const Verb verb = graph_verb(all_ops(), [&](Graph& graph) {
      infer(graph);
      narrow_floats(graph, to, {}, &kept);
    });
    const std::string text = verb(given);
    return noted(kept) + text;
  };
}

TEST(NarrowFloats, Cases) {
  expect_text_cases("passes/narrow_floats.test",
                    {{"f16", narrows_to(DType::f16)}, {"bf16", narrows_to(DType::bf16)}});
}

TEST(NarrowFloats, AgainChangesNothing) {
  const auto graph = parse(
      "graph g(%x: f32[2,4]) -> (%y)\n  %a = Relu(%x)\n  %e = Exp(%a)\n  %y = MatMul(%e, @w)\n"
      "weights\n  @w : f32[4,8] 128 bytes\n",
      all_ops(), dyadic_weights());
  EXPECT_TRUE(narrow_floats(*graph, DType::f16, {}));
  const std::string once = print(*graph);
  narrow_floats(*graph, DType::f16, {});
  EXPECT_EQ(print(*graph), once);
}

TEST(NarrowFloats, WhatIsKeptStays) {
  const auto graph = parse(
      "graph g(%x: f32[2,4]) -> (%y)\n  %a = Relu(%x)  # /body/relu\n  %y = Neg(%a)\n", all_ops());
  PassOptions options;
  options.keep = Keep({"relu"});
  std::vector<KeptWide> kept;
  narrow_floats(*graph, DType::bf16, options, &kept);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].why, "--keep");
  EXPECT_NE(kept[0].node.find("/body/relu"), std::string::npos) << kept[0].node;
}

/// An infinity that a model adds to scores is one in halves, too; a large number is the least half.
TEST(NarrowFloats, AMaskHidesAsBefore) {
  const auto graph = parse(
      "graph g(%q: f32[1,2,3,4], %m: f32[3,3]) -> (%y)\n"
      "  %n = Mul(%m, f32{-1e9})\n  %y = Attention(%q, %q, %q, %n)\n",
      all_ops());
  infer(*graph);
  Tensor q(DType::f32, {1, 2, 3, 4}), mask(DType::f32, {3, 3});
  for (int64_t i = 0; i < q.count(); ++i) q.set_number(i, static_cast<double>(i % 5) / 4);
  for (int64_t i = 0; i < 6; ++i) mask.set_number(i, i % 3 == 1 || i < 3 ? 1 : 0);  // a row, a key
  const std::vector<Tensor> wanted = evaluate(*graph, {q, mask});
  narrow_floats(*graph, DType::f16, {});
  EXPECT_EQ(difference(half(4), 0, wanted, evaluate(*graph, {q, mask}), 0x1p-10), "");
}

}  // namespace hone::test::narrow_floats_test
