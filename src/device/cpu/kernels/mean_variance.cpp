// MeanVarianceNormalization of f32 along any axes: what stays together is normalized line by line,
// or, where the innermost axis stays, many results side by side.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/reduction.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace mean_variance_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;     // results side by side
constexpr double kEpsilon = 1e-9;     // beside the deviation, as ONNX defines the function

Verdict supports(const Problem& problem) {
  if (op_of<MeanVarianceNormalization>(problem) == nullptr)
    return Verdict::no("MeanVarianceNormalization only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 of a known rank only");
  if (operand_type(problem, 0)->shape().size() > Reduction::kMostAxes)
    return Verdict::no("the rank is too large");
  return {};
}

struct MeanVarianceShared final : Shared<MeanVarianceShared> {
  std::vector<int64_t> axes;
  Source source;

  explicit MeanVarianceShared(const Problem& problem)
      : axes(op_of<MeanVarianceNormalization>(problem)->axes), source(problem, 0) {}

  Reduction geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    std::vector<bool> gone(shape.size(), false);
    for (const int64_t axis : axes) gone[axis_index(axis, shape.size())] = true;
    return {shape, gone};
  }

  void run(const Reduction& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (element_count(source.shape(operands)) == 0) return;
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const int64_t blocks = ceil_div(g.columns, kColumns);
    const int64_t work = g.columns == 1 ? g.count() : g.rows * std::min(g.columns, kColumns);
    parallel_ranges(stream, g.results * blocks, kTile / std::max<int64_t>(1, work),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * kColumns;
                        const int64_t at = g.start(i / blocks) + column;
                        if (g.columns == 1) lines(g, from + at, to + at);
                        else columns(g, std::min(kColumns, g.columns - column), from + at, to + at);
                      }
                    });
  }

  /// A factor and what is added then, for numbers less their rounded mean.
  struct Scale {
    float center, factor, shift;
    Scale(double mean, double squares) : center(static_cast<float>(mean)) {
      const double rest = mean - double{center};
      const double own = 1 / (std::sqrt(std::max(0.0, squares - rest * rest)) + kEpsilon);
      factor = static_cast<float>(own);
      shift = static_cast<float>(-rest * own);
    }
  };

  static void lines(const Reduction& g, const float* from, float* to) {
    const RowFunctions& rows = row_functions();
    const auto count = static_cast<double>(g.count());
    double sum = 0, squares = 0;
    // In f64: of equal numbers the mean must be exactly these, for nothing bounds what divides.
    g.each_row([&](int64_t at) {
      sum = fold_line(
          g.line, from + at, sum, [](double x) { return x; },
          [](double a, double b) { return a + b; });
    });
    const double mean = sum / count;
    g.each_row([&](int64_t at) {
      squares += long_squares(rows, g.line, static_cast<float>(mean), from + at);
    });
    const Scale scale(mean, squares / count);
    g.each_row([&](int64_t at) {
      rows.standardize(g.line, scale.center, scale.factor, scale.shift, from + at, to + at);
    });
  }

  static void columns(const Reduction& g, int64_t count, const float* from, float* to) {
    const auto rows = static_cast<double>(g.rows);
    double means[kColumns] = {}, squares[kColumns] = {};
    g.each_row([&](int64_t at) {
      for (int64_t i = 0; i < count; ++i) means[i] += double{from[at + i]};
    });
    for (int64_t i = 0; i < count; ++i) means[i] /= rows;
    g.each_row([&](int64_t at) {
      for (int64_t i = 0; i < count; ++i) {
        const double own = double{from[at + i]} - means[i];
        squares[i] += own * own;
      }
    });
    for (int64_t i = 0; i < count; ++i) squares[i] = 1 / (std::sqrt(squares[i] / rows) + kEpsilon);
    g.each_row([&](int64_t at) {
      for (int64_t i = 0; i < count; ++i)
        to[at + i] = static_cast<float>((double{from[at + i]} - means[i]) * squares[i]);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<MeanVarianceShared>(*recipe.problem);
}

}  // namespace
}  // namespace mean_variance_kernel

void register_mean_variance(KernelRegistry& registry) {
  using namespace mean_variance_kernel;
  registry.add({"cpu.mean_variance", 1, supports, no_tunings, streaming_recipe<4>, prepare});
}

}  // namespace hone::cpu
