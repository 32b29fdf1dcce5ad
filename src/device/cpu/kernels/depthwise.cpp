// Depthwise convolution: one filter a channel, row by row, without gathering.

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace {

Tensor copy_filters(const Problem&, const Tuning&, const Tensor& weight) { return weight.clone(); }

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  const Conv* conv = node == nullptr ? nullptr : node->op.as<Conv>();
  if (conv == nullptr) return Verdict::no("convolves only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const int weight = region_input(problem, 1);
  if (region_input(problem, 0) < 0) return Verdict::no("the input is a literal");
  if (weight < 0 || problem.weights[static_cast<size_t>(weight)] == nullptr)
    return Verdict::no("the weight is not a constant of more than 16 elements");
  const std::vector<int64_t>& shape = problem.weights[static_cast<size_t>(weight)]->shape();
  if (shape.size() != 4) return Verdict::no("two spatial dimensions only");
  if (shape[1] != 1 || shape[0] != conv->group) return Verdict::no("not one filter a channel");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *problem->region.single();
  made.seconds = typical_count(node.outputs[0]->type) * sizeof(float) * 2 / kBytesPerSecond;
  made.packings.push_back({static_cast<size_t>(region_input(*problem, 1)), "dense", copy_filters});
  made.problem = std::move(problem);
  return made;
}

struct DepthwiseShared final : Shared<DepthwiseShared> {
  Window window;
  int64_t kernel_height = 1, kernel_width = 1;
  size_t input = 0, bias = 0;
  bool has_bias = false;
  Tensor literal_bias, weights;

  WindowAxis axis(size_t at, int64_t size, int64_t result, int64_t taps) const {
    const SymbolicAxis known = window_axis(window, at, Dim(size), Dim(taps));
    return {size,
            result,
            taps,
            window.stride(at),
            window.dilation(at),
            *known.pad_begin.constant(),
            *known.pad_end.constant()};
  }

  void run(const Operands& operands, std::span<std::byte>, Stream& stream) const {
    const Operand& in = operands.inputs[input];
    const Operand& out = operands.outputs[0];
    if (element_count(out.shape) == 0) return;
    const WindowAxis y = axis(0, in.shape[2], out.shape[2], kernel_height);
    const WindowAxis x = axis(1, in.shape[3], out.shape[3], kernel_width);
    const int64_t channels = in.shape[1], taps = kernel_height * kernel_width;
    const float* biases = !has_bias ? nullptr
                          : literal_bias.empty()
                              ? operands.inputs[bias].as<float>()
                              : reinterpret_cast<const float*>(literal_bias.bytes().data());
    const auto* filters = reinterpret_cast<const float*>(weights.bytes().data());
    stream.parallel(in.shape[0] * channels, [&](int64_t plane) {
      const int64_t channel = plane % channels;
      const float* from = in.as<float>() + plane * y.input * x.input;
      float* to = out.as<float>() + plane * y.output * x.output;
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
  const Node& node = *problem.region.single();
  shared->window = node.op.as<Conv>()->window;
  shared->weights = std::move(packed.front());
  shared->kernel_height = shared->weights.dim(2);
  shared->kernel_width = shared->weights.dim(3);
  shared->input = static_cast<size_t>(region_input(problem, 0));
  shared->has_bias = node.input(2) != nullptr;
  if (region_input(problem, 2) == -1)
    shared->literal_bias = node.inputs[2]->weight->tensor().clone();
  else if (shared->has_bias) shared->bias = static_cast<size_t>(region_input(problem, 2));
  return shared;
}

}  // namespace

void register_depthwise(KernelRegistry& registry) {
  registry.add({"cpu.conv.depthwise", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
