// DynamicQuantizeLinear: f32 to u8 by its own range.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/quantization.hpp"
#include "ops/quantize.hpp"

namespace hone::cpu {
namespace dynamic_quantize_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kMostParts = 64;    // whose ranges are found one by one
constexpr int64_t kPiece = 256;

struct Range {
  float least = 0, most = 0;
};

typedef float Floats __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int64_t kLanes = 4;
constexpr int64_t kChains = 4;  // of comparisons that wait for one another

/// Of some elements and 0; NaN counts for nothing.
Range range_of(const float* from, int64_t count) {
  Floats least[kChains] = {}, most[kChains] = {};
  int64_t i = 0;
  for (; i + kLanes * kChains <= count; i += kLanes * kChains)
    for (int64_t chain = 0; chain < kChains; ++chain) {
      const Floats next = *reinterpret_cast<const Floats*>(from + i + chain * kLanes);
      least[chain] = next < least[chain] ? next : least[chain];
      most[chain] = next > most[chain] ? next : most[chain];
    }
  Range range;
  for (int64_t chain = 0; chain < kChains; ++chain)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      range.least = std::min(range.least, least[chain][lane]);
      range.most = std::max(range.most, most[chain][lane]);
    }
  for (; i < count; ++i) {
    range.least = std::min(range.least, from[i]);
    range.most = std::max(range.most, from[i]);
  }
  return range;
}

Verdict supports(const Problem& problem) {
  if (op_of<DynamicQuantizeLinear>(problem) == nullptr)
    return Verdict::no("DynamicQuantizeLinear only");
  if (!operand_type(problem, 0)->has_rank()) return Verdict::no("the operand is of unknown rank");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<4>(std::move(problem), tuning);
  made.scratch_bytes = Dim(kMostParts * static_cast<int64_t>(sizeof(Range)));
  return made;
}

struct DynamicShared final : Shared<DynamicShared> {
  std::optional<Source> x;
  int y = 0, scale = 1, zero = 2;  // among the outputs; -1: not wanted

  int64_t geometry(const Operands& operands) const { return element_count(x->shape(operands)); }

  void run(int64_t count, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const float* from = x->as<float>(operands);
    auto* ranges = reinterpret_cast<Range*>(scratch.data());
    const int64_t parts = std::min(kMostParts, ceil_div(count, kTile));
    stream.parallel(parts, [&](int64_t i) {
      const int64_t first = i * count / parts;
      ranges[i] = range_of(from + first, (i + 1) * count / parts - first);
    });
    Range all;
    for (int64_t i = 0; i < parts; ++i) {
      all.least = std::min(all.least, ranges[i].least);
      all.most = std::max(all.most, ranges[i].most);
    }
    const IntegerRange range = integer_range(DType::u8);
    const float span = all.most - all.least;
    const float unit = span == 0 ? 1 : span / static_cast<float>(range.most);
    const double middle = quantized(double{0 - all.least / unit}, 0, range);
    if (scale >= 0) *operands.outputs[static_cast<size_t>(scale)].as<float>() = unit;
    if (zero >= 0)
      *operands.outputs[static_cast<size_t>(zero)].as<uint8_t>() = static_cast<uint8_t>(middle);
    if (y < 0) return;
    std::byte* to = operands.outputs[static_cast<size_t>(y)].data;
    parallel_ranges(stream, count, kTile, [&](int64_t first, int64_t last) {
      quantize_row(from + first, last - first, static_cast<int64_t>(middle), DType::u8, to + first,
                   unit);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<DynamicShared>();
  const Problem& problem = *recipe.problem;
  shared->x.emplace(problem, 0);
  shared->y = wanted_output(problem, 0);
  shared->scale = wanted_output(problem, 1);
  shared->zero = wanted_output(problem, 2);
  return shared;
}

}  // namespace
}  // namespace dynamic_quantize_kernel

void register_dynamic_quantize(KernelRegistry& registry) {
  using namespace dynamic_quantize_kernel;
  registry.add({"cpu.dynamic_quantize", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
