// Regions of which a value inside is wanted, too: a GPU's kernels refuse them or write it. No GPU.

#include <gtest/gtest.h>

#include <span>

#include "device/cuda/attentions.hpp"
#include "device/cuda/caches.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/halves.hpp"
#include "device/cuda/integers.hpp"
#include "device/cuda/small_regions.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"

namespace hone::test::several_results_test {

using namespace cuda;

/// What nobody is known to write but the kernel of nests, which is made for any results.
constexpr std::string_view kNests = "cuda.nest";

/// The region with one more result. Empty: it is one already.
std::string with_result(const RegionCase& region, const Value& value) {
  if (value.first_output >= 0) return {};
  std::string text(region.text);
  const size_t arrow = text.find("-> (");
  return text.insert(arrow + 4, cat("%", value.name, ", "));
}

/// How operands are given: what is no activation as constants, pictures with their channels
/// innermost; a product of few bits wants its weights so.
struct Given {
  bool constants = false, channels = false, nbits = false;
};

std::set<std::string_view> kernels_for(const Graph& graph, const RegionCase& region,
                                       const Given& given) {
  const auto problem =
      given.nbits ? problem_of_nbits(region) : problem_of(graph, given.constants, given.channels);
  problem->target = std::make_shared<const Target>(target_of(90, nullptr));
  std::set<std::string_view> names;
  for (const Kernel* kernel : kernels().all())
    if (!kernel->on_host && kernel->accepts(*problem).yes) names.insert(kernel->name);
  return names;
}

/// A nest of the region gives all of its results; false: there is none.
bool nest_gives_all(const Graph& graph, const RegionCase& region) {
  const auto scheduled = emitter::schedule(graph);
  if (!scheduled.declined.empty()) return false;
  verify(scheduled.nest);
  Rng rng(7);
  const Bindings& sizes = region.sizes.front();
  std::vector<Tensor> inputs, given;
  for (const Value* input : graph.inputs()) inputs.push_back(drawn(input->type, sizes, rng));
  for (const Value* operand : scheduled.operands) {
    if (operand->is_constant()) given.push_back(operand->weight->tensor());
    for (size_t i = 0; i < inputs.size(); ++i)
      if (graph.inputs()[i] == operand) given.push_back(inputs[i]);
  }
  const std::vector<Tensor> wanted = evaluate(graph, inputs);
  const std::vector<Tensor> got = evaluate(scheduled.nest, sizes, given);
  size_t next = 0;
  for (const Value* operand : scheduled.operands)
    for (size_t i = 0; i < wanted.size(); ++i)
      if (graph.outputs()[i].value == operand) expect_close(got.at(next++), wanted[i]);
  EXPECT_EQ(next, wanted.size());
  return true;
}

/// The kernels but that of nests that took a region as it is, and were asked about it with one more
/// result.
std::set<std::string_view> check(std::span<const RegionCase> regions, const Given& given,
                                 bool computes) {
  std::set<std::string_view> asked;
  for (const RegionCase& region : regions) {
    SCOPED_TRACE(region.name);
    const auto graph = graph_of(region);
    const auto kernels = kernels_for(*graph, region, given);
    for (const Node& node : graph->nodes())
      for (const Value* value : node.outputs) {
        const std::string text = value == nullptr ? "" : with_result(region, *value);
        if (text.empty()) continue;
        SCOPED_TRACE(cat("wanted, too: %", value->name));
        const RegionCase more{region.name, text, region.sizes};
        const auto several = graph_of(more);
        asked.insert(kernels.begin(), kernels.end());
        for (const std::string_view kernel : kernels_for(*several, more, given))
          EXPECT_EQ(kernel, kNests);
        if (computes) (void)nest_gives_all(*several, more);
      }
  }
  asked.erase(kNests);
  asked.erase("cuda.cublaslt");  // where the library is
  return asked;
}

using Kernels = std::set<std::string_view>;

TEST(SeveralResults, OfElementsAndFoldsAreWritten) {
  (void)check(kRegions, {}, true);
  (void)check(kSmallRegions, {}, true);
}

TEST(SeveralResults, OfProductsAreRefused) {
  EXPECT_EQ(check(kProducts, {}, true),
            (Kernels{"cuda.cluster", "cuda.contract", "cuda.resident", "cuda.tensor"}));
  Kernels asked;
  for (const bool channels : {false, true})
    for (const std::span<const RegionCase> regions :
         std::initializer_list<std::span<const RegionCase>>{kHalves, kGrouped, kAcross, kIntegers,
                                                            kGroupedIntegers})
      asked.merge(check(regions, {true, channels}, false));
  EXPECT_EQ(asked, (Kernels{"cuda.cluster", "cuda.contract", "cuda.grouped", "cuda.resident",
                            "cuda.tensor"}));
}

TEST(SeveralResults, OfAttentionAreRefused) {
  EXPECT_EQ(check(kAttentions, {}, false), (Kernels{"cuda.attention"}));
  EXPECT_EQ(check(kHalfAttentions, {}, false), (Kernels{"cuda.attention"}));
  EXPECT_EQ(check(kGroupQueries, {}, false), (Kernels{"cuda.group_query"}));
  EXPECT_EQ(check(kNBits, {.nbits = true}, false), (Kernels{"cuda.nbits"}));
}

}  // namespace hone::test::several_results_test
