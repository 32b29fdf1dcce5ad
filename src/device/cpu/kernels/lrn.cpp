// LRN: elements over a power of the squares of the channels around theirs.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace lrn_kernel {
namespace {

constexpr int64_t kTile = 8 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;    // places of a plane side by side

Verdict supports(const Problem& problem) {
  if (op_of<LRN>(problem) == nullptr) return Verdict::no("LRN only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  if (operand_type(problem, 0)->rank() < 2) return Verdict::no("there are no channels");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds =
      streaming_seconds(*problem, 20 + 2 * static_cast<double>(op_of<LRN>(*problem)->size));
  made.problem = std::move(problem);
  return made;
}

struct LrnShared final : Shared<LrnShared> {
  LRN op;
  Source source;

  explicit LrnShared(const Problem& problem) : op(*op_of<LRN>(problem)), source(problem, 0) {}

  struct Geometry {
    int64_t samples = 0, channels = 1, plane = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    if (element_count(shape) == 0) return {};
    return {shape[0], shape[1], element_count(shape) / (shape[0] * shape[1])};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const int64_t blocks = ceil_div(g.plane, kColumns);
    parallel_ranges(stream, g.samples * g.channels * blocks, kTile / std::min(kColumns, g.plane),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * kColumns, plane = i / blocks;
                        const int64_t channel = plane % g.channels;
                        const int64_t below = std::max<int64_t>(0, channel - (op.size - 1) / 2);
                        const int64_t above = std::min(g.channels - 1, channel + op.size / 2);
                        const int64_t count = std::min(kColumns, g.plane - column);
                        const float* own = from + plane * g.plane + column;
                        float sums[kColumns] = {};
                        for (int64_t other = below; other <= above; ++other) {
                          const float* row = own + (other - channel) * g.plane;
                          for (int64_t k = 0; k < count; ++k) sums[k] += row[k] * row[k];
                        }
                        divide(count, own, sums, to + plane * g.plane + column);
                      }
                    });
  }

  /// x / (bias + alpha / size * sum) ^ beta.
  void divide(int64_t count, const float* from, float* sums, float* to) const {
    const float alpha = op.alpha / static_cast<float>(op.size);
    for (int64_t k = 0; k < count; ++k) sums[k] = op.bias + alpha * sums[k];
    if (op.beta == 0.75f) {
      for (int64_t k = 0; k < count; ++k) {
        const float root = std::sqrt(sums[k]);
        to[k] = from[k] / (root * std::sqrt(root));
      }
    } else {
      for (int64_t k = 0; k < count; ++k) to[k] = from[k] / std::pow(sums[k], op.beta);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<LrnShared>(*recipe.problem);
}

}  // namespace
}  // namespace lrn_kernel

void register_lrn(KernelRegistry& registry) {
  using namespace lrn_kernel;
  registry.add({"cpu.lrn", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
