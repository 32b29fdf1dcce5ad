// Means of quantized integers, quantized again: of windows (in f32, element by element, as the
// reference sums) and of whole maps (exact sums).

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/quantization.hpp"
#include "ops/qlinear.hpp"

namespace hone::cpu {
namespace qlinear_pool_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;    // elements that one worker takes at a time
constexpr int64_t kSummed = 64 * 1024;  // bytes whose sum fits 32 bits

Verdict supports(const Problem& problem) {
  const auto* windows = op_of<QLinearAveragePool>(problem);
  if (windows == nullptr && op_of<QLinearGlobalAveragePool>(problem) == nullptr)
    return Verdict::no("QLinearAveragePool and QLinearGlobalAveragePool only");
  if (!is_byte(*operand_type(problem, 0))) return Verdict::no("integers of 8 bits only");
  if (windows != nullptr && operand_type(problem, 0)->rank() > 4)
    return Verdict::no("windows in one or two spatial dimensions only");
  for (const size_t scale : {1, 3})
    if (operand_type(problem, scale)->dtype != DType::f32) return Verdict::no("scales of f32 only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  double taps = 1;
  if (const auto* windows = op_of<QLinearAveragePool>(*problem))
    taps = static_cast<double>(element_count(windows->window.kernel_shape));
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 4 * taps);
  made.problem = std::move(problem);
  return made;
}

struct MeanShared final : Shared<MeanShared> {
  std::optional<QLinearAveragePool> windows;
  std::vector<Source> operands_of;
  DType dtype = DType::u8;

  struct Geometry {
    int64_t planes = 0, inputs = 0, outputs = 1;  // elements of a plane
    WindowAxis y = kNoAxis, x = kNoAxis;
  };
  Geometry geometry(const Operands& operands) const {
    check_scalars(operands_of, {1, 2, 3, 4}, operands);
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    g.planes = in[0] * in[1];
    g.inputs = element_count(std::span(in).subspan(2));
    g.outputs = element_count(std::span(out).subspan(2));
    if (!windows) return g;
    const auto axis = [&](size_t at) {
      return window_axis_of(windows->window, at, in[at + 2], out[at + 2],
                            windows->window.kernel_shape[at], windows->ceil_mode);
    };
    g.x = axis(in.size() - 3);
    if (in.size() == 4) g.y = axis(0);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    parallel_ranges(stream, g.planes, kTile / std::max<int64_t>(1, g.inputs),
                    [&](int64_t first, int64_t last) {
                      if (dtype == DType::u8) run_planes<uint8_t>(g, operands, first, last);
                      else run_planes<int8_t>(g, operands, first, last);
                    });
  }

  float number(const Operands& operands, size_t scale) const {
    return *operands_of[scale].as<float>(operands);
  }
  template <class T>
  int32_t zero(const Operands& operands, size_t i) const {
    const T* at = operands_of[i].as<T>(operands);
    return at == nullptr ? 0 : int32_t{*at};
  }

  template <class T>
  void run_planes(const Geometry& g, const Operands& operands, int64_t first, int64_t last) const {
    const T* from = operands_of[0].as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    const int32_t x_zero = zero<T>(operands, 2), y_zero = zero<T>(operands, 4);
    const IntegerRange range = integer_range(dtype);
    if (windows) {
      for (int64_t plane = first; plane < last; ++plane)
        run_windows(g, operands, from + plane * g.inputs, to + plane * g.outputs);
      return;
    }
    const float scale = number(operands, 1) / (number(operands, 3) * static_cast<float>(g.inputs));
    for (int64_t plane = first; plane < last; ++plane) {
      const T* values = from + plane * g.inputs;
      int64_t sum = 0;
      for (int64_t i = 0; i < g.inputs; i += kSummed) {
        int32_t some = 0;
        for (int64_t k = i; k < std::min(i + kSummed, g.inputs); ++k) some += values[k];
        sum += some;
      }
      const float mean = static_cast<float>(sum - x_zero * g.inputs) * scale;
      to[plane] = static_cast<T>(quantized(double{mean}, y_zero, range));
    }
  }

  template <class T>
  void run_windows(const Geometry& g, const Operands& operands, const T* from, T* to) const {
    const int32_t x_zero = zero<T>(operands, 2);
    const float x_scale = number(operands, 1), y_scale = number(operands, 3);
    const auto y_zero = static_cast<float>(zero<T>(operands, 4));
    const IntegerRange range = integer_range(dtype);
    for (int64_t row = 0; row < g.y.output; ++row)
      for (int64_t column = 0; column < g.x.output; ++column) {
        const Taps rows = g.y.taps(row), columns = g.x.taps(column);
        const T* corner = from + g.y.start(row) * g.x.input + g.x.start(column);
        float sum = 0;
        for (int64_t r = rows.first; r < rows.last; ++r)
          for (int64_t c = columns.first; c < columns.last; ++c) {
            const T value = corner[r * g.y.dilation * g.x.input + c * g.x.dilation];
            sum += static_cast<float>(value - x_zero) * x_scale;
          }
        // Counted with the padding, a window is whole even over the end.
        const int64_t inside = (rows.last - rows.first) * (columns.last - columns.first);
        const int64_t count = windows->count_include_pad ? g.y.kernel * g.x.kernel : inside;
        const float mean = inside == 0 ? 0 : sum / static_cast<float>(count);
        const float value = mean / y_scale + y_zero;
        to[row * g.x.output + column] = static_cast<T>(quantized(double{value}, 0, range));
      }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<MeanShared>();
  const Problem& problem = *recipe.problem;
  if (const auto* windows = op_of<QLinearAveragePool>(problem)) shared->windows = *windows;
  for (size_t i = 0; i < 5; ++i) shared->operands_of.emplace_back(problem, i);
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace qlinear_pool_kernel

void register_qlinear_pool(KernelRegistry& registry) {
  using namespace qlinear_pool_kernel;
  registry.add({"cpu.qlinear_pool", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
