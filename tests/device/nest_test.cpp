// Regions that code is made for, against reference evaluation: see kernel_case.hpp.

#include <gtest/gtest.h>

#include "device/cpu/emit/region_code.hpp"
#include "device/cpu/jit/code_memory.hpp"
#include "device/kernel_case.hpp"
#include "device/slow_runs.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::nest_test {

class NestKernel : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, NestKernel, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

KernelCase region(std::string inputs, std::vector<std::string> nodes, std::vector<Bindings> sizes) {
  KernelCase made;
  made.inputs = std::move(inputs);
  made.node = nodes.back();
  nodes.pop_back();
  made.before = std::move(nodes);
  made.sizes = std::move(sizes);
  made.expected = {{"c", 1024}};
  return made;
}

std::vector<Bindings> sizes_of(std::string_view first, std::string_view second) {
  std::vector<Bindings> all;
  for (const int64_t a : {0, 1, 3})
    for (const int64_t b : {1, 2, 15, 16, 17, 63, 130, 2100})
      all.push_back({{std::string(first), a}, {std::string(second), b}});
  return all;
}

TEST_P(NestKernel, ChainsWithBroadcasts) {
  expect_kernel("cpu.nest", region("%x: f32[a,c], %b: f32[c], %s: f32[a,1], %k: f32[]",
                                   {"%1 = Add(%x, %b)", "%2 = Mul(%1, %s)", "%3 = Sub(%2, %k)",
                                    "%4 = Clip(%3, f32[]{-0.5}, f32[]{6})", "Tanh(%4)"},
                                   sizes_of("a", "c")));
  expect_kernel("cpu.nest", region("%x: f32[a,c], %z: f32[a,c]",
                                   {"%1 = Less(%x, %z)", "%2 = Exp(%x)", "Where(%1, %2, %z)"},
                                   sizes_of("a", "c")));
  expect_kernel("cpu.nest", region("%x: f32[b,4,h,9], %s: f32[4,1,1]",
                                   {"%1 = Mul(%x, %s)", "Relu(%1)"}, sizes_of("b", "h")));
}

TEST_P(NestKernel, MoreOperandsThanRegisters) {
  std::string inputs = "%x0: f32[a,c]";
  std::vector<std::string> nodes;
  for (int i = 1; i < 14; ++i) {
    inputs += cat(", %x", i, ": f32[a,c]");
    nodes.push_back(cat("%t", i, " = Add(%", i == 1 ? "x0" : cat("t", i - 1), ", %x", i, ")"));
  }
  nodes.push_back("Relu(%t13)");
  expect_kernel("cpu.nest", region(inputs, nodes, sizes_of("a", "c")));
}

TEST_P(NestKernel, BatchNormThenRelu) {
  KernelCase made =
      region("%x: f32[n,3,h,7]", {"%1 = BatchNormalization(%x, @s, @b, @m, @v)", "Relu(%1)"},
             sizes_of("n", "h"));
  made.weights = "@s : f32[3]\n  @b : f32[3]\n  @m : f32[3]\n  @v : f32[3]";
  made.bounds = {{"v", {0.5, 2}}};
  expect_kernel("cpu.nest", made);
}

TEST_P(NestKernel, SoftmaxWithScaleAndMaskBefore) {
  expect_kernel("cpu.nest",
                region("%x: f32[a,2,3,c], %m: f32[a,1,1,c]",
                       {"%1 = Mul(%x, f32[]{0.125})", "%2 = Add(%1, %m)", "Softmax(%2)"},
                       sizes_of("a", "c")));
}

TEST_P(NestKernel, NormalizationsWithSumsBefore) {
  const std::string operands = "%x: f32[a,c], %r: f32[a,c], %s: f32[c], %b: f32[c]";
  expect_kernel("cpu.nest", region(operands, {"%1 = Add(%x, %r)", "LayerNormalization(%1, %s, %b)"},
                                   sizes_of("a", "c")));
  expect_kernel(
      "cpu.nest",
      region(operands, {"%1 = Add(%x, %r)", "%2 = Add(%1, %b)", "RMSNormalization(%2, %s)"},
             sizes_of("a", "c")));
}

TEST_P(NestKernel, ReductionsWithWhatIsAround) {
  expect_kernel("cpu.nest", region("%x: f32[a,c]",
                                   {"%1 = Mul(%x, %x)", "%2 = ReduceMean(%1) axes=[1]", "Sqrt(%2)"},
                                   sizes_of("a", "c")));
  expect_kernel(
      "cpu.nest",
      region("%x: f32[n,3,h,7]", {"%1 = Relu(%x)", "%2 = ReduceMean(%1) axes=[2,3]", "Sigmoid(%2)"},
             sizes_of("n", "h")));
}

TEST_P(NestKernel, SeveralResults) {
  KernelCase sum =
      region("%x: f32[a,c], %r: f32[a,c]", {"%t = Add(%x, %r)", "Relu(%t)"}, sizes_of("a", "c"));
  sum.also = {"%t"};
  expect_kernel("cpu.nest", sum);
  KernelCase norm =
      region("%x: f32[a,2,c], %r: f32[a,2,c], %s: f32[c], %b: f32[c]",
             {"%t = Add(%x, %r)", "%u = Mul(%t, %s)", "LayerNormalization(%u, %s, %b)"},
             sizes_of("a", "c"));
  norm.also = {"%t"};
  expect_kernel("cpu.nest", norm);
  norm.also = {"%u"};
  expect_kernel("cpu.nest", norm);
}

TEST_P(NestKernel, SeveralResultsOfOneElementOrRow) {
  for (const char* type : {"f32[1,1]", "f32[1,33]"}) {
    KernelCase made =
        region(cat("%x: ", type), {"%t = Sub(%x, %x)", "%u = Sub(%x, %t)", "Mul(%t, %t)"}, {{}});
    made.also = {"%t", "%u"};
    expect_kernel("cpu.nest", made);
  }
  KernelCase norm = region("%x: f32[1,70], %s: f32[70]",
                           {"%t = Add(%x, %s)", "LayerNormalization(%t, %s)"}, {{}});
  norm.also = {"%t"};
  expect_kernel("cpu.nest", norm);
}

TEST_P(NestKernel, ResultsOfOtherSizesDoNotShareLoops) {
  KernelCase made = region("%x: f32[a,c]", {"%t = Exp(%x)", "ReduceSum(%t) axes=[1]"}, {{}});
  made.also = {"%t"};
  EXPECT_EQ(refusal("cpu.nest", made), "");
}

TEST_P(NestKernel, SizesThatAreEqualOrBroadcast) {
  // What the graph requires of sizes is not known to code: it looks when it is bound.
  const auto made = region("%x: f32[n,m], %z: f32[1,min(n,5)], %w: f32[m]",
                           {"%1 = Mul(%x, f32[]{2})", "%2 = Reshape(%z, i64[1]{-1})",
                            "%3 = Unsqueeze(%2) axes=[1]", "%4 = Add(%1, %3)", "Add(%4, %w)"},
                           {{{"n", 3}, {"m", 33}}, {{"n", 5}, {"m", 7}}, {{"n", 1}, {"m", 20}}});
  expect_kernel("cpu.nest", made);
}

TEST_P(NestKernel, WhatOtherRowsReadIsNotOverwritten) {
  expect_kernel("cpu.nest",
                region("%x: f32[1,a,1], %z: f32[1,a]",
                       {"%1 = Min(%x, %z)", "ReduceSum(%1) axes=[2]"}, {{{"a", 4}}, {{"a", 33}}}));
}

TEST(SlowRuns, AreCountedByWhatTheRegionMakes) {
  const auto graph = parse(
      "graph g(%x: f32[n], %z: f32[n]) -> (%y)\n"
      "  %1 = Add(%x, %z)\n  %y = Tanh(%1)\n",
      all_ops());
  const std::string told = "Add, Tanh -> %y";
  const auto before = slow_runs();
  count_slow_run(*graph);
  count_slow_run(*graph);
  const int64_t was = before.contains(told) ? before.at(told) : 0;
  EXPECT_EQ(slow_runs().at(told), was + 2);
}

TEST_P(NestKernel, RefusesInWords) {
  // A sigmoid for each of a few would be computed for all that they are broadcast to.
  EXPECT_EQ(refusal("cpu.nest", region("%x: f32[1,672,7,7], %g: f32[1,672,1,1]",
                                       {"%1 = Sigmoid(%g)", "Mul(%x, %1)"}, {{}})),
            "%1 would be computed for all it broadcasts to");
  EXPECT_EQ(refusal("cpu.nest", {"%x: f16[n]", "Relu(%x)"}), "%y is f16");
  EXPECT_EQ(refusal("cpu.nest", {"%x: f32[n,m]", "Transpose(%x)"}), "it only moves elements");
  EXPECT_EQ(refusal("cpu.nest", {"%x: f32[n]", "Sinh(%x)"}), "no code for sinh yet");
  EXPECT_EQ(refusal("cpu.nest", {"%a: f32[n,4], %b: f32[4,5]", "MatMul(%a, %b)"}),
            "no code for stages that contract yet");
  cpu::refuse_executable(true);
  EXPECT_EQ(refusal("cpu.nest", {"%x: f32[n]", "Relu(%x)"}),
            "this system lets no memory become executable");
  cpu::refuse_executable(false);
}

TEST(NestKernelElsewhere, OtherProcessorsHaveOtherKernels) {
  cpu::limit_isa(cpu::Isa::generic);
  EXPECT_EQ(refusal("cpu.nest", {"%x: f32[n]", "Relu(%x)"}),
            "code is made for AVX2 and AVX-512 only");
  cpu::limit_isa(cpu::Isa::avx512);
}

/// Of a graph's text.
cpu::emitter::CodedRegion coded(std::string_view text) {
  std::shared_ptr<Graph> graph = parse(text, all_ops());
  infer(*graph);
  return cpu::emitter::code_of({graph}, cpu::Isa::avx2);
}

TEST(RegionCode, IsOneForRegionsThatDifferInNamesAndLiterals) {
  const auto first = coded(R"(
graph g(%x: f32[n,8]) -> (%y)
  %a = Mul(%x, f32[]{2})
  %y = Add(%a, f32[]{3})
)");
  const auto other = coded(R"(
graph h(%q: f32[n,8]) -> (%z)
  %s = Mul(%q, f32[]{5})
  %z = Add(%s, f32[]{7})
)");
  ASSERT_EQ(first.declined, "");
  EXPECT_EQ(first.code, other.code);
  EXPECT_NE(cpu::emitter::page_of(*first.code), nullptr);
  EXPECT_EQ(cpu::emitter::page_of(*first.code), cpu::emitter::page_of(*other.code));
  const auto equal = coded(R"(
graph h(%q: f32[n,8]) -> (%z)
  %s = Mul(%q, f32[]{5})
  %z = Add(%s, f32[]{5})
)");
  EXPECT_NE(first.code, equal.code) << "of one literal and not of two";
  EXPECT_EQ(equal.operands.size() + 1, first.operands.size());
}

TEST(RegionCode, SaysNoInTheRegionsOwnNames) {
  for (const std::string name : {"k", "other"})
    EXPECT_EQ(coded(cat("graph g(%x: f32[4], %", name, ": i32[4]) -> (%y)\n  %f = Cast(%", name,
                        ") to=f32\n  %y = Add(%x, %f)\n"))
                  .declined,
              cat("%", name, " is i32"));
}

TEST(RegionCode, KnowsLiteralsThatCodeDoesNotRead) {
  const auto padded = [](std::string_view value) {
    return coded(cat("graph g(%x: f32[8]) -> (%y)\n  %p = Pad(%x, i64[2]{1,1}, f32[]{", value,
                     "})\n  %s = Sigmoid(%p)\n  %y = Tanh(%s)\n"));
  };
  // There is no code for padding yet, and what is said of it has the number in it.
  EXPECT_TRUE(padded("0").declined.ends_with(" else 0")) << padded("0").declined;
  EXPECT_TRUE(padded("1").declined.ends_with(" else 1")) << padded("1").declined;
}

}  // namespace hone::test::nest_test
