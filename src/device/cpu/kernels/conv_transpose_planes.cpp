// Transposed convolution of f32 with one filter a channel. Results whose places leave the same rest
// by the strides are made of the same elements of the window: a window that slides over a copy of
// the plane with zeros around it, which each such phase of the result is a plane of.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/joined_box.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_transpose_planes_kernel {
namespace {

Verdict supports(const Problem& problem) {
  const auto* op = op_of<ConvTranspose>(problem);
  if (op == nullptr) return Verdict::no("transposed convolutions only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const auto weight = operand_type(problem, 1)->concrete();
  if (!weight) return Verdict::no("the weight's shape is open");
  if (weight->size() != 3 && weight->size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if ((*weight)[1] != 1 || (*weight)[0] != op->group || element_count(*weight) == 0)
    return Verdict::no("not one filter a channel");
  for (size_t axis = 0; axis + 2 < weight->size(); ++axis)
    if (op->window.dilation(axis) != 1) return Verdict::no("dilated windows");
  if (!op->output_shape.empty()) return Verdict::no("the result's sizes are given");
  return {};
}

/// Floats that a worker needs: a plane with zeros around it, and one row of phases of the result.
Dim scratch_floats(const Problem& problem) {
  const auto spatial_of = [](const Dims& shape) { return Dims(shape.begin() + 2, shape.end()); };
  const Dims in = spatial_of(operand_type(problem, 0)->shape());
  const Dims out = spatial_of(problem.region.single()->outputs[0]->type.tensor().shape());
  const std::vector<int64_t> kernel = spatial(*operand_type(problem, 1)->concrete());
  Dim frame = 1, result = 1;
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    const int64_t stride = op_of<ConvTranspose>(problem)->window.stride(axis);
    frame = frame * (in[axis] + Dim(2 * kernel[axis] + 4 + stride));
    result = result * (out[axis] + Dim(2 * stride));
  }
  return frame + result + Dim(3 * kMostSlideLanes);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const std::vector<int64_t> kernel = spatial(*operand_type(*problem, 1)->concrete());
  double taps = 1;  // of a result
  for (size_t axis = 0; axis < kernel.size(); ++axis)
    taps *= static_cast<double>(
        ceil_div(kernel[axis], op_of<ConvTranspose>(*problem)->window.stride(axis)));
  // Elements of two phases are merged, else put to their places one by one.
  const bool merged = op_of<ConvTranspose>(*problem)->window.stride(kernel.size() - 1) == 2;
  made.seconds = typical_count(*problem, problem->region.single()->outputs[0]->type) *
                 ((merged ? 2e-10 : 5e-10) + taps / problem->target->cached_per_second);
  made.scratch_bytes = worker_scratch(problem->share, scratch_floats(*problem));
  made.problem = std::move(problem);
  return made;
}

/// One axis: result `o` with q = o + pad is made of window elements q % stride + t * stride and
/// input elements q / stride - t.
struct PhasedAxis {
  int64_t input = 1, output = 1, kernel = 1, stride = 1, pad = 0;
  int64_t before() const { return ceil_div(kernel, stride) - 1; }  // zeros
  int64_t last() const { return (output - 1 + pad) / stride; }     // of the inputs' places
  int64_t frame() const { return before() + std::max(input, last() + 1); }
  int64_t taps(int64_t phase) const {
    return phase < kernel ? ceil_div(kernel - phase, stride) : 0;
  }
  /// The first place q / stride of a phase, and how many there are.
  int64_t first(int64_t phase) const { return phase >= pad ? 0 : ceil_div(pad - phase, stride); }
  int64_t count(int64_t phase) const {
    const int64_t end = output + pad - phase;  // places * stride are below
    return std::max<int64_t>(0, (end <= 0 ? 0 : ceil_div(end, stride)) - first(phase));
  }
};

struct PlanesShared final : Shared<PlanesShared> {
  ConvTranspose op;
  std::vector<Source> operands_of;

  struct Geometry {
    int64_t planes = 0, channels = 1;
    PhasedAxis y, x;
    int64_t scratch = 0;
  };

  PhasedAxis axis(size_t at, int64_t input, int64_t output, int64_t kernel) const {
    const SymbolicAxis sizes =
        transposed_axis(op.window, at, Dim(input), Dim(kernel), op.output_padding, op.output_shape);
    return {input, output, kernel, op.window.stride(at), *sizes.pad_begin.constant()};
  }

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& weight = operands_of[1].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    check(in[1] == weight[0], Code::usage, "an input of shape ", shape_text(in),
          " does not fit a weight of shape ", shape_text(weight));
    g.planes = in[0] * in[1], g.channels = in[1];
    g.x = axis(in.size() - 3, in.back(), out.back(), weight.back());
    if (in.size() == 4) g.y = axis(0, in[2], out[2], weight[2]);
    g.scratch = g.y.frame() * g.x.frame() + kMostSlideLanes +
                (g.y.output + 2 * g.y.stride) * (g.x.output + 2 * g.x.stride) + 2 * kMostSlideLanes;
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    constexpr int64_t kTile = 16 * 1024;  // results that one worker takes at a time
    if (g.planes == 0) return;
    parallel_ranges(stream, g.planes, kTile / (g.y.output * g.x.output),
                    [&](int64_t first, int64_t last) {
                      float* frame = scratch_of(scratch, g.scratch);
                      std::fill_n(frame, g.y.frame() * g.x.frame() + kMostSlideLanes, 0.0F);
                      for (int64_t i = first; i < last; ++i) run_plane(g, operands, i, frame);
                    });
  }

  void run_plane(const Geometry& g, const Operands& operands, int64_t plane, float* frame) const {
    const int64_t pitch = g.x.frame();
    const float* from = operands_of[0].as<float>(operands) + plane * g.y.input * g.x.input;
    for (int64_t row = 0; row < g.y.input; ++row)
      std::copy_n(from + row * g.x.input, g.x.input,
                  frame + (g.y.before() + row) * pitch + g.x.before());
    const int64_t channel = plane % g.channels;
    const float* window = operands_of[1].as<float>(operands) + channel * g.y.kernel * g.x.kernel;
    const auto* biases = operands_of[2].as<float>(operands);
    const float start = biases == nullptr ? 0.0F : biases[channel];
    float* to = operands.outputs[0].as<float>() + plane * g.y.output * g.x.output;
    float* phases = frame + g.y.frame() * pitch + kMostSlideLanes;
    for (int64_t y = 0; y < g.y.stride; ++y) {
      if (g.x.stride == 2 && g.x.output > 1) {
        run_pairs(g, frame, window, start, y, phases, to);
        continue;
      }
      for (int64_t x = 0; x < g.x.stride; ++x) {
        const int64_t rows = g.y.count(y), count = g.x.count(x);
        if (rows == 0 || count == 0) continue;
        slide(g, frame, window, start, y, x, phases);
        float* place = to + row_of(g, y) * g.x.output + column_of(g, x);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < count; ++j)
            place[i * g.y.stride * g.x.output + j * g.x.stride] = phases[i * count + j];
      }
    }
  }
  /// Of the result, where a phase begins.
  static int64_t row_of(const Geometry& g, int64_t y) {
    return g.y.first(y) * g.y.stride + y - g.y.pad;
  }
  static int64_t column_of(const Geometry& g, int64_t x) {
    return g.x.first(x) * g.x.stride + x - g.x.pad;
  }

  /// Rows of two phases, merged.
  static void run_pairs(const Geometry& g, const float* frame, const float* window, float start,
                        int64_t y, float* phases, float* to) {
    const int64_t rows = g.y.count(y), even = g.x.pad % 2, odd = 1 - even;
    if (rows == 0) return;
    const int64_t many = g.x.count(even), pairs = g.x.count(odd);  // as many or one less
    float* other = phases + rows * many + kMostSlideLanes;
    slide(g, frame, window, start, y, even, phases);
    slide(g, frame, window, start, y, odd, other);
    float* place = to + row_of(g, y) * g.x.output;
    for (int64_t i = 0; i < rows; ++i, place += g.y.stride * g.x.output) {
      side_by_side_functions().merge(pairs, phases + i * many, other + i * pairs, place);
      if (many > pairs) place[2 * pairs] = phases[i * many + pairs];
    }
  }

  /// One phase of the result.
  static void slide(const Geometry& g, const float* frame, const float* window, float start,
                    int64_t y, int64_t x, float* to) {
    const int64_t pitch = g.x.frame();
    std::vector<long> offsets;
    std::vector<float> weights;
    for (int64_t i = 0; i < g.y.taps(y); ++i)
      for (int64_t j = 0; j < g.x.taps(x); ++j) {
        offsets.push_back(-i * pitch - j);
        weights.push_back(window[(y + i * g.y.stride) * g.x.kernel + x + j * g.x.stride]);
      }
    const float* first =
        frame + (g.y.first(y) + g.y.before()) * pitch + g.x.first(x) + g.x.before();
    slide_functions().weighted({first, pitch, offsets.data(), weights.data(),
                                static_cast<long>(offsets.size()), start, to, g.y.count(y),
                                g.x.count(x)});
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<PlanesShared>();
  const Problem& problem = *recipe.problem;
  shared->op = *op_of<ConvTranspose>(problem);
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  return shared;
}

}  // namespace
}  // namespace conv_transpose_planes_kernel

void register_conv_transpose_planes(KernelRegistry& registry) {
  using namespace conv_transpose_planes_kernel;
  registry.add({"cpu.conv_transpose.planes", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
