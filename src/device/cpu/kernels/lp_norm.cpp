// LpNormalization: lines over their norm, those of an outer axis side by side.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/reduction.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace lp_norm_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;     // lines side by side when the axis is not the innermost
constexpr int64_t kRows = 32;         // of their elements that are added up in f32

Verdict supports(const Problem& problem) {
  const auto* op = op_of<LpNormalization>(problem);
  if (op == nullptr) return Verdict::no("LpNormalization only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 of known rank only");
  if (operand_type(problem, 0)->shape().empty()) return Verdict::no("the operand is a scalar");
  return {};
}

struct LpNormShared final : Shared<LpNormShared> {
  Source source;
  int64_t axis = -1;
  bool squares = true;

  explicit LpNormShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t outer = 0, size = 1, inner = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    if (element_count(shape) == 0) return {};
    const size_t along = axis_index(axis, shape.size());
    return {element_count(std::span(shape).first(along)), shape[along],
            element_count(std::span(shape).subspan(along + 1))};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.inner > 1) return run_columns(g, operands, stream);
    const RowFunctions& rows = row_functions();
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    parallel_ranges(stream, g.outer, kTile / g.size, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const float* own = from + i * g.size;
        const double norm =
            squares ? std::sqrt(long_squares(rows, g.size, 0, own)) : magnitudes(g.size, own);
        // A row of zeros stays.
        const auto divisor = static_cast<float>(norm == 0 ? 1 : norm);
        float* results = to + i * g.size;
        for (int64_t k = 0; k < g.size; ++k) results[k] = own[k] / divisor;
      }
    });
  }

  void run_columns(const Geometry& g, const Operands& operands, Stream& stream) const {
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const int64_t blocks = ceil_div(g.inner, kColumns);
    const int64_t width = std::min(kColumns, g.inner);
    parallel_ranges(stream, g.outer * blocks, kTile / (g.size * width),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * kColumns;
                        const int64_t at = i / blocks * g.size * g.inner + column;
                        const int64_t count = std::min(kColumns, g.inner - column);
                        if (squares) columns<true>(g, count, from + at, to + at);
                        else columns<false>(g, count, from + at, to + at);
                      }
                    });
  }

  template <bool kSquares>
  static void columns(const Geometry& g, int64_t count, const float* from, float* to) {
    double sums[kColumns] = {};
    float divisors[kColumns];
    for (int64_t first = 0; first < g.size; first += kRows) {
      float block[kColumns] = {};
      for (int64_t k = first; k < std::min(g.size, first + kRows); ++k)
        for (int64_t i = 0; i < count; ++i) {
          const float x = from[k * g.inner + i];
          block[i] += kSquares ? x * x : std::fabs(x);
        }
      for (int64_t i = 0; i < count; ++i) sums[i] += double{block[i]};
    }
    for (int64_t i = 0; i < count; ++i) {
      const double norm = kSquares ? std::sqrt(sums[i]) : sums[i];
      divisors[i] = static_cast<float>(norm == 0 ? 1 : norm);
    }
    for (int64_t k = 0; k < g.size; ++k)
      for (int64_t i = 0; i < count; ++i) to[k * g.inner + i] = from[k * g.inner + i] / divisors[i];
  }

  static double magnitudes(int64_t size, const float* from) {
    double sum = 0;
    with_fold<double>(Fold::l1, [&](const auto& map, const auto& join) {
      sum = fold_line(size, from, sum, map, join);
    });
    return sum;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<LpNormShared>(*recipe.problem);
  shared->axis = op_of<LpNormalization>(*recipe.problem)->axis;
  shared->squares = op_of<LpNormalization>(*recipe.problem)->p == 2;
  return shared;
}

}  // namespace
}  // namespace lp_norm_kernel

void register_lp_norm(KernelRegistry& registry) {
  using namespace lp_norm_kernel;
  registry.add({"cpu.lp_norm", 1, supports, no_tunings, streaming_recipe<2>, prepare});
}

}  // namespace hone::cpu
