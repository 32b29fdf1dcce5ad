// Depthwise convolution: one filter a channel. Bands of a plane are copied into a frame of zeros,
// over which the filter slides a vector of results at a time.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/isa.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/slide.hpp"
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

/// A band: rows of results that are made of one copy of the rows they read.
constexpr int64_t kBandRows = 16;

/// Floats that a worker copies a band to, whatever the sizes are.
Dim band_floats(const Window& window, const Dim& width, int64_t kernel_height,
                int64_t kernel_width) {
  const int64_t reach_y = (kernel_height - 1) * window.dilation(0) + 1;
  const int64_t reach_x = (kernel_width - 1) * window.dilation(1) + 1;
  const int64_t rows = (kBandRows - 1) * window.stride(0) + reach_y;
  // Padding that the op chooses is less than the window and a stride.
  int64_t padding = reach_x + window.stride(1);
  if (!window.pads.empty()) padding = std::max(padding, window.pads[1] + window.pads[3]);
  return Dim(rows) * (width + Dim(padding + 2 * window.stride(1))) + Dim(kMostSlideLanes);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const std::vector<int64_t>& shape = constant_operand(*problem, 1)->shape();
  const Type& result = problem->region.single()->outputs[0]->type;
  // Every product loads a vector of what it multiplies, from the first-level cache.
  constexpr double kTapsPerSecond = 2e10;
  made.seconds = typical_count(result) * static_cast<double>(shape[2] * shape[3]) / kTapsPerSecond;
  if (const int input = region_input(*problem, 1); input >= 0)
    made.packings.push_back({static_cast<size_t>(input), "dense", copy_filters});
  made.scratch_bytes = worker_scratch(
      problem->share, band_floats(op_of<Conv>(*problem)->window,
                                  operand_type(*problem, 0)->shape().back(), shape[2], shape[3]));
  made.problem = std::move(problem);
  return made;
}

// Defined in slide_ISA.cpp, each compiled for its instruction set.
}  // namespace

extern const SlideFunctions kSlideAvx512, kSlideAvx2, kSlideGeneric;

namespace {

const SlideFunctions& slide_functions() {
  switch (isa()) {
    case Isa::avx512: return kSlideAvx512;
    case Isa::avx2: return kSlideAvx2;
    case Isa::generic: break;
  }
  return kSlideGeneric;
}

/// The rows of a plane that a band reads, with zeros around where the window hangs over the edge.
/// Columns are parted by their place modulo the stride, so that neighbouring results read
/// neighbouring floats.
struct BandLayout {
  WindowAxis y{}, x{};
  int64_t rows = 0, pitch = 0;  // of a band; floats of one part of a row

  BandLayout() = default;
  BandLayout(const WindowAxis& rows_axis, const WindowAxis& columns) : y(rows_axis), x(columns) {
    const int64_t band = std::min(kBandRows, y.output);
    rows = (band - 1) * y.stride + (y.kernel - 1) * y.dilation + 1;
    const int64_t last = (x.output - 1) * x.stride + (x.kernel - 1) * x.dilation + 1;
    pitch = std::max(x.pad_begin + x.input, last) / x.stride + 1;
  }
  int64_t row() const { return pitch * x.stride; }
  int64_t floats() const { return rows * row() + kMostSlideLanes; }  // at most band_floats()
  int64_t bands() const { return (y.output + kBandRows - 1) / kBandRows; }
  /// Of column `c`, counted from where the first window begins.
  int64_t place(int64_t c) const { return c % x.stride * pitch + c / x.stride; }

  std::vector<long> offsets() const {
    std::vector<long> result;
    for (int64_t ky = 0; ky < y.kernel; ++ky)
      for (int64_t kx = 0; kx < x.kernel; ++kx)
        result.push_back(ky * y.dilation * row() + place(kx * x.dilation));
    return result;
  }

  /// Copies what the band of results from `first` on reads. Everything else in `to` is zero, or
  /// what was copied for an earlier band.
  void copy(const SlideFunctions& functions, const float* plane, int64_t first, float* to) const {
    int64_t at = y.start(first);
    for (int64_t i = 0; i < rows; ++i, ++at, to += row()) {
      if (at < 0 || at >= y.input) {
        std::fill_n(to, row(), 0.0f);
        continue;
      }
      const float* from = plane + at * x.input;
      if (x.stride == 1) std::copy_n(from, x.input, to + x.pad_begin);
      else if (x.stride == 2)
        functions.part(x.input, from, to + place(x.pad_begin), to + place(x.pad_begin + 1));
      else
        for (int64_t c = 0; c < x.input; ++c) to[place(x.pad_begin + c)] = from[c];
    }
  }
};

struct DepthwiseShared final : Shared<DepthwiseShared> {
  Window window;
  int64_t kernel_height = 1, kernel_width = 1;
  std::vector<Source> operands_of;
  Tensor weights;
  const SlideFunctions& functions = slide_functions();
  int64_t workers = 1;

  struct Geometry {
    int64_t images = 0, channels = 0;  // 0 images: nothing to do
    BandLayout band;
    std::vector<long> offsets;
    int64_t grain = 1;  // bands of a tile
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    Geometry g{in[0],
               in[1],
               BandLayout(window_axis_of(window, 0, in[2], out[2], kernel_height),
                          window_axis_of(window, 1, in[3], out[3], kernel_width)),
               {},
               1};
    g.offsets = g.band.offsets();
    constexpr int64_t kProductsPerTile = 200'000;  // 5 to 20 us
    const int64_t products = std::min(kBandRows, out[2]) * out[3] * std::ssize(g.offsets);
    const int64_t share = g.images * g.channels * g.band.bands() / (4 * workers);
    g.grain = std::max<int64_t>(1, std::min(share, kProductsPerTile / products));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const BandLayout& band = g.band;
    const int64_t channels = g.channels, bands = band.bands();
    const auto taps = static_cast<long>(g.offsets.size());
    const auto* input = operands_of[0].as<float>(operands);
    const auto* biases = operands_of[2].as<float>(operands);
    auto* result = operands.outputs[0].as<float>();
    const auto* filters = reinterpret_cast<const float*>(weights.bytes().data());
    parallel_ranges(stream, g.images * channels * bands, g.grain, [&](int64_t from, int64_t to) {
      float* copied = scratch_of(scratch, band.floats());
      std::fill_n(copied, band.floats(), 0.0f);
      for (int64_t i = from; i < to; ++i) {
        const int64_t plane = i / bands, first = i % bands * kBandRows, channel = plane % channels;
        band.copy(functions, input + plane * band.y.input * band.x.input, first, copied);
        functions.slide({copied, band.y.stride * band.row(), g.offsets.data(),
                         filters + channel * taps, taps, biases == nullptr ? 0.0f : biases[channel],
                         result + (plane * band.y.output + first) * band.x.output,
                         std::min(kBandRows, band.y.output - first), band.x.output});
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed) {
  auto shared = std::make_shared<DepthwiseShared>();
  const Problem& problem = *recipe.problem;
  shared->workers = problem.share.workers;
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
