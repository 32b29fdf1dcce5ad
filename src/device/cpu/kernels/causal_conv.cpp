// CausalConvWithState of f32: a channel's line behind what stood before it, each tap added to all
// of its results.

#include "base/size.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/stateful.hpp"

namespace hone::cpu {
namespace causal_conv_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time

Verdict supports(const Problem& problem) {
  if (op_of<CausalConvWithState>(problem) == nullptr)
    return Verdict::no("CausalConvWithState only");
  for (size_t i = 0; i < 4; ++i)
    if (const TensorType* type = operand_type(problem, i); type != nullptr)
      if (type->dtype != DType::f32 || !type->has_rank())
        return Verdict::no("f32 of a known rank only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<8>(problem, tuning);
  const Dims &x = operand_type(*problem, 0)->shape(), &weight = operand_type(*problem, 1)->shape();
  made.scratch_bytes = worker_scratch(problem->share, x[2] + weight[2]);
  return made;
}

struct CausalShared final : Shared<CausalShared> {
  bool silu;
  std::vector<Source> operands_of;  // x, weight, bias, what stood before
  int y, present;                   // among the outputs; -1: not wanted

  explicit CausalShared(const Problem& problem)
      : silu(op_of<CausalConvWithState>(problem)->activation ==
             CausalConvWithState::Activation::silu),
        y(wanted_output(problem, 0)),
        present(wanted_output(problem, 1)) {
    for (size_t i = 0; i < 4; ++i) operands_of.emplace_back(problem, i);
  }

  struct Geometry {
    int64_t rows = 0, channels = 1, length = 0, taps = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& x = operands_of[0].shape(operands);
    const std::vector<int64_t>& weight = operands_of[1].shape(operands);
    check(weight[0] == x[1] && weight[1] == 1, Code::usage, "the weight is ", shape_text(weight),
          " for ", shape_text(x));
    return {x[0] * x[1], x[1], x[2], weight[2]};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    parallel_ranges(stream, g.rows, kTile / std::max<int64_t>(1, g.length),
                    [&](int64_t first, int64_t last) {
                      float* line = scratch_of(scratch, g.length + g.taps);
                      for (int64_t row = first; row < last; ++row) one_row(g, operands, row, line);
                      if (y < 0 || !silu) return;
                      // Of all at once: rows may be of one element.
                      float* to = result(operands, y) + first * g.length;
                      row_functions().swish((last - first) * g.length, 1, to, to);
                    });
  }

  void one_row(const Geometry& g, const Operands& operands, int64_t row, float* line) const {
    const int64_t before = g.taps - 1, channel = row % g.channels;
    if (operands_of[3].present())
      copy(operands_of[3].as<float>(operands) + row * before, before, line);
    else std::fill_n(line, before, 0.0f);
    copy(operands_of[0].as<float>(operands) + row * g.length, g.length, line + before);
    if (y >= 0) {
      const float* weight = operands_of[1].as<float>(operands) + channel * g.taps;
      const float* bias = operands_of[2].as<float>(operands);
      float* to = result(operands, y) + row * g.length;
      std::fill_n(to, g.length, bias == nullptr ? 0.0f : bias[channel]);
      for (int64_t tap = 0; tap < g.taps; ++tap)
        for (int64_t t = 0; t < g.length; ++t) to[t] += weight[tap] * line[t + tap];
    }
    if (present >= 0) copy(line + g.length, before, result(operands, present) + row * before);
  }

  static float* result(const Operands& operands, int index) {
    return operands.outputs[static_cast<size_t>(index)].as<float>();
  }
  static void copy(const float* from, int64_t count, float* to) {
    copy_few(reinterpret_cast<const std::byte*>(from), count * int64_t{sizeof(float)},
             reinterpret_cast<std::byte*>(to));
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<CausalShared>(*recipe.problem);
}

}  // namespace
}  // namespace causal_conv_kernel

void register_causal_conv(KernelRegistry& registry) {
  using namespace causal_conv_kernel;
  registry.add({"cpu.causal_conv", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
