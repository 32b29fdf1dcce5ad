// Regions as texts for a GPU: what their nests compute, and that NVRTC takes the texts for every
// architecture. Neither needs a GPU; tests/gpu/run compares what the texts compute on one.

#include <gtest/gtest.h>

#include "device/cuda/compiler.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/regions.hpp"
#include "device/cuda/texts.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"

namespace hone::test {
namespace {

using namespace cuda;

class Texts : public testing::TestWithParam<RegionCase> {};

TEST_P(Texts, ComputeTheRegion) {
  const auto graph = graph_of(GetParam());
  const auto scheduled = emitter::schedule(*graph);
  ASSERT_EQ(scheduled.declined, "");
  verify(scheduled.nest);
  Rng rng(7);
  for (const Bindings& sizes : GetParam().sizes) {
    std::vector<Tensor> inputs, given;
    for (const Value* input : graph->inputs()) inputs.push_back(drawn(input->type, sizes, rng));
    for (const Value* operand : scheduled.operands) {
      if (operand->is_constant()) given.push_back(operand->weight->tensor());
      for (size_t i = 0; i < inputs.size(); ++i)
        if (graph->inputs()[i] == operand) given.push_back(inputs[i]);
    }
    const std::vector<Tensor> wanted = evaluate(*graph, inputs);
    const std::vector<Tensor> got = evaluate(scheduled.nest, sizes, given);
    ASSERT_EQ(got.size(), wanted.size());
    size_t next = 0;
    for (const Value* operand : scheduled.operands)
      for (size_t i = 0; i < wanted.size(); ++i)
        if (graph->outputs()[i].value == operand) expect_close(got[next++], wanted[i]);
    EXPECT_EQ(next, wanted.size());
  }
}

TEST_P(Texts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  const auto graph = graph_of(GetParam());
  const auto scheduled = emitter::schedule(*graph);
  std::vector<Tensor> contents;
  for (const Value* operand : scheduled.operands)
    contents.push_back(operand->is_constant() ? operand->weight->tensor() : Tensor());
  const auto emitted = emitter::emit(scheduled.nest, contents, scheduled.lanes);
  ASSERT_EQ(emitted.declined, "");
  EXPECT_EQ(emitted.launches.size(), GetParam().functions);
  for (const int capability : {75, 80, 90, 100}) {
    const auto compiled = compile(emitted.text.narrow(), architecture(capability));
    EXPECT_GT(compiled->image.size(), 100u);
    EXPECT_EQ(compiled->log.find("error"), std::string::npos) << compiled->log;
  }
}

/// Products of all kinds, with every tile.
TEST(ContractTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& product : kProducts) {
    const auto graph = graph_of(product);
    const emitter::Contraction made = emitter::contraction_of(*graph);
    ASSERT_EQ(made.declined, "") << product.name;
    const bool tensor = emitter::multiplies_halves(made);
    struct Way {
      int rows, split, capability;
    };
    for (const Way& way : {Way{64, 1, 75}, {64, 4, 80}, {128, 1, 90}, {128, 4, 100}}) {
      if (tensor && way.capability < 80) continue;
      const auto written =
          emitter::text_of(made, {way.rows, 64, tensor ? 32 : 16, way.split, tensor});
      ASSERT_EQ(written.declined, "") << product.name;
      const auto compiled = compile(written.text.narrow(), architecture(way.capability));
      EXPECT_GT(compiled->image.size(), 100u) << product.name;
    }
  }
}

TEST(AttentionText, Compiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const int mask : {0, 1, 2}) {
    const std::string text =
        cat("constexpr int kHead = 64, kValue = 40, kMask = ", mask,
            ", kFill = 0, kZeroUnseen = 1, kZeroNan = 0;\n", embedded_text("attention"));
    for (const int capability : {75, 80, 90, 100})
      EXPECT_GT(compile(text, architecture(capability))->image.size(), 100u);
  }
}

std::string name_of(const testing::TestParamInfo<RegionCase>& info) {
  std::string name(info.param.name);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cuda, Texts, testing::ValuesIn(kRegions), name_of);

}  // namespace
}  // namespace hone::test
