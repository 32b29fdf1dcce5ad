// Normalization of channels by given statistics: one factor and one shift a channel.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace batch_norm_kernel {
namespace {

Verdict supports(const Problem& problem) {
  if (op_of<BatchNormalization>(problem) == nullptr) return Verdict::no("BatchNormalization only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  return {};
}

struct BatchNormShared final : Shared<BatchNormShared> {
  double epsilon = 0;
  std::vector<Source> operands_of;

  struct Geometry {
    int64_t planes = 0, channels = 1, size = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands_of[0].shape(operands);
    if (element_count(shape) == 0) return {};
    Geometry g;
    g.channels = shape.size() < 2 ? 1 : shape[1];
    for (size_t i = 1; i < operands_of.size(); ++i)
      check(element_count(operands_of[i].shape(operands)) == g.channels, Code::usage, "operand ", i,
            " has shape ", shape_text(operands_of[i].shape(operands)), " for ", g.channels,
            " channels");
    g.planes = (shape.empty() ? 1 : shape[0]) * g.channels;
    g.size = element_count(shape) / g.planes;
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const RowFunctions& rows = row_functions();
    const auto* from = operands_of[0].as<float>(operands);
    const auto *scale = operands_of[1].as<float>(operands),
               *bias = operands_of[2].as<float>(operands),
               *mean = operands_of[3].as<float>(operands),
               *variance = operands_of[4].as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
    parallel_ranges(stream, g.planes, kTile / g.size, [&](int64_t first, int64_t last) {
      for (int64_t plane = first; plane < last; ++plane) {
        const int64_t c = plane % g.channels;
        const double factor = double{scale[c]} / std::sqrt(double{variance[c]} + epsilon);
        const double shift = double{bias[c]} - double{mean[c]} * factor;
        rows.affine(g.size, static_cast<float>(factor), static_cast<float>(shift),
                    from + plane * g.size, to + plane * g.size);
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<BatchNormShared>();
  shared->epsilon = double{op_of<BatchNormalization>(*recipe.problem)->epsilon};
  shared->operands_of = sources(*recipe.problem);
  return shared;
}

}  // namespace
}  // namespace batch_norm_kernel

void register_batch_norm(KernelRegistry& registry) {
  using namespace batch_norm_kernel;
  registry.add({"cpu.batch_norm", 1, supports, no_tunings, streaming_recipe<2>, prepare});
}

}  // namespace hone::cpu
