// Depthwise convolution: one filter a channel, row by row, without gathering.

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace {

Tensor copy_filters(const Problem&, const Tuning&, const Tensor& weight) { return weight.clone(); }

Verdict supports(const Problem& problem) {
  const Conv* conv = op_of<Conv>(problem);
  if (conv == nullptr) return Verdict::no("convolves only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const Weight* weight = constant_operand(problem, 1);
  if (weight == nullptr) return Verdict::no("the weight is no constant");
  const std::vector<int64_t>& shape = weight->shape();
  if (shape.size() != 4) return Verdict::no("two spatial dimensions only");
  if (shape[1] != 1 || shape[0] != conv->group) return Verdict::no("not one filter a channel");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const std::vector<int64_t>& shape = constant_operand(*problem, 1)->shape();
  const Type& result = problem->region.single()->outputs[0]->type;
  // A line of results is loaded and stored for each tap, from the first-level cache.
  constexpr double kTapsPerSecond = 4e9;
  made.seconds = typical_count(result) * static_cast<double>(shape[2] * shape[3]) / kTapsPerSecond;
  if (const int input = region_input(*problem, 1); input >= 0)
    made.packings.push_back({static_cast<size_t>(input), "dense", copy_filters});
  made.problem = std::move(problem);
  return made;
}

struct DepthwiseShared final : Shared<DepthwiseShared> {
  Window window;
  int64_t kernel_height = 1, kernel_width = 1;
  std::vector<Source> operands_of;
  Tensor weights;

  struct Geometry {
    int64_t images = 0, channels = 0;  // 0 images: nothing to do
    WindowAxis y, x;
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    return {in[0], in[1], window_axis_of(window, 0, in[2], out[2], kernel_height),
            window_axis_of(window, 1, in[3], out[3], kernel_width)};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const WindowAxis &y = g.y, &x = g.x;
    const int64_t channels = g.channels, taps = kernel_height * kernel_width;
    const auto* input = operands_of[0].as<float>(operands);
    const auto* biases = operands_of[2].as<float>(operands);
    auto* result = operands.outputs[0].as<float>();
    const auto* filters = reinterpret_cast<const float*>(weights.bytes().data());
    stream.parallel(g.images * channels, [&](int64_t plane) {
      const int64_t channel = plane % channels;
      const float* from = input + plane * y.input * x.input;
      float* to = result + plane * y.output * x.output;
      const float start = biases == nullptr ? 0.0f : biases[channel];
      for (int64_t row = 0; row < y.output; ++row, to += x.output) {
        std::fill_n(to, x.output, start);
        const Taps inside = y.taps(row);
        for (int64_t ky = inside.first; ky < inside.last; ++ky)
          add_row(x, from + (y.start(row) + ky * y.dilation) * x.input,
                  filters + channel * taps + ky * kernel_width, to);
      }
    });
  }

  static void add_row(const WindowAxis& x, const float* from, const float* filter, float* to) {
    for (int64_t kx = 0; kx < x.kernel; ++kx) {
      const Taps columns = x.outputs(kx);
      const float weight = filter[kx];
      const float* source = from + x.start(0) + kx * x.dilation;
      if (x.stride == 1) {
        for (int64_t i = columns.first; i < columns.last; ++i) to[i] += weight * source[i];
      } else {
        for (int64_t i = columns.first; i < columns.last; ++i)
          to[i] += weight * source[i * x.stride];
      }
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed) {
  auto shared = std::make_shared<DepthwiseShared>();
  const Problem& problem = *recipe.problem;
  shared->window = op_of<Conv>(problem)->window;
  shared->weights =
      packed.empty() ? constant_operand(problem, 1)->tensor().clone() : std::move(packed.front());
  shared->kernel_height = shared->weights.dim(2);
  shared->kernel_width = shared->weights.dim(3);
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  return shared;
}

}  // namespace

void register_depthwise(KernelRegistry& registry) {
  registry.add({"cpu.conv.depthwise", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
