// Nests of every op's stages compute the same bits as the stages.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/drawn_stages.hpp"

namespace hone::test::lower_test {

std::string judge(const DrawnStages& drawn) {
  const Nest& nest = drawn.lowered.nest;
  const auto told = [&](const std::string& what) {
    return cat(what, "\n", print(drawn.stages), print(nest));
  };
  try {
    verify(nest);
    if (print(parse_nest(print(nest))) != print(nest)) return told("its text reads otherwise");
    const std::vector<Tensor> outputs = evaluate(nest, drawn.symbols, drawn.inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (difference(outputs[i], drawn.outputs[i]) != 0) return told(cat("output ", i, " is off"));
  } catch (const Error& error) {
    return told(error.message());
  }
  return {};
}

TEST(Lower, EveryOpsStagesGiveTheSameBits) {
  std::map<std::string_view, int> compared;
  for (const OpClass* each : all_ops().all()) {
    if (each->express == nullptr) continue;
    OpRegistry only;
    only.add(*each);
    const RandomGraphOptions options{
        .least_nodes = 3, .most_nodes = 9, .most_elements = 96, .motifs = 0, .joins = 0};
    for (uint64_t seed = 1; seed <= 12 && compared[each->name] < 8; ++seed) {
      const std::string wrong = visit_drawn_stages(seed, only, options, [&](const DrawnStages& d) {
        ++compared[each->name];
        return judge(d);
      });
      EXPECT_EQ(wrong, "") << each->name << ", seed " << seed;
      if (!wrong.empty()) break;
    }
  }
  size_t ops = 0, nodes = 0;
  for (const auto& [name, count] : compared) {
    ops += count > 0;
    nodes += static_cast<size_t>(count);
  }
  EXPECT_GE(ops, 110u);
  std::cout << ops << " ops, " << nodes << " nodes\n";
}

TEST(Lower, RegionsGiveTheSameBits) {
  int compared = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed)
    ASSERT_EQ(
        visit_drawn_region(seed, all_ops(),
                           [&](const DrawnStages& drawn) { return ++compared, judge(drawn); }),
        "")
        << "seed " << seed;
  EXPECT_GE(compared, 50);
}

TEST(Lower, TheJudgeSeesOneWrongElement) {
  Tensor want(DType::f32, {2}), integers(DType::i32, {2});
  want.set_number(1, 1);
  for (const double wrong : {1.0000001192092896, std::nan(""), HUGE_VAL}) {
    Tensor got = want.clone();
    got.set_number(1, wrong);
    EXPECT_GT(difference(got, want), 0) << wrong;
    EXPECT_GT(difference(want, got), 0) << wrong;
  }
  EXPECT_GT(difference(integers, want), 0);
  EXPECT_GT(difference(want.reshaped({2, 1}), want), 0);
  EXPECT_EQ(difference(want.clone(), want), 0);
}

TEST(Lower, SizesOfAModelMayBeCalledAsLoopsAre) {
  const auto graph = parse(
      "graph g(%x: f32[i.0,r.0], %w: f32[r.0,i0]) -> (%y)\n"
      "  %y = MatMul(%x, %w)\n",
      all_ops());
  const Lowered lowered = lower(stages_of(graph->nodes().front()), "matmul");
  Tensor x(DType::f32, {2, 3}), w(DType::f32, {3, 4});
  for (int64_t i = 0; i < x.count(); ++i) x.set_number(i, static_cast<double>(i + 1));
  for (int64_t i = 0; i < w.count(); ++i) w.set_number(i, static_cast<double>(i * i));
  verify(lowered.nest);
  const Bindings symbols{{"i.0", 2}, {"r.0", 3}, {"i0", 4}};
  std::unordered_map<const Value*, Tensor> known{{graph->inputs()[0], x}, {graph->inputs()[1], w}};
  evaluate(stages_of(graph->nodes().front()), symbols, known);
  const Tensor y = evaluate(lowered.nest, symbols, {x, w}).front();
  EXPECT_EQ(y.number(0), 0 * 1 + 16 * 2 + 64 * 3);
  EXPECT_TRUE(same_bits(y, known.at(graph->nodes().front().outputs[0])));
}

TEST(Lower, ValuesInsideOfARegionStayInTheArena) {
  const auto graph = parse(
      "graph g(%x: f32[n,4]) -> (%y)\n"
      "  %a = Exp(%x)\n"
      "  %y = Add(%a, %x)\n",
      all_ops());
  const Value* y = graph->outputs()[0].value;
  const Nest nest = lower(stages_of(*graph), "region", {y}).nest;
  EXPECT_EQ(print(nest),
            "nest region\n"
            "  x: f32[n,4] input\n"
            "  y: f32[n,4] output\n"
            "  a: f32[n,4] arena\n"
            "  for $i0 < n\n"
            "    for $i1 < 4\n"
            "      a[$i0, $i1] = exp(x[$i0, $i1])\n"
            "  for $i2 < n\n"
            "    for $i3 < 4\n"
            "      y[$i2, $i3] = add(a[$i2, $i3], x[$i2, $i3])\n");
}

}  // namespace hone::test::lower_test
