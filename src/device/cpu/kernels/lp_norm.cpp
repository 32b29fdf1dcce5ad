// LpNormalization along the innermost axis: rows over their norm.

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

Verdict supports(const Problem& problem) {
  const auto* op = op_of<LpNormalization>(problem);
  if (op == nullptr) return Verdict::no("LpNormalization only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 of known rank only");
  const size_t rank = operand_type(problem, 0)->shape().size();
  if (rank == 0 || axis_index(op->axis, rank) + 1 != rank)
    return Verdict::no("along the innermost axis only");
  return {};
}

struct LpNormShared final : Shared<LpNormShared> {
  Source source;
  bool squares = true;

  explicit LpNormShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t rows = 0, size = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    if (element_count(shape) == 0) return {};
    return {element_count(shape) / shape.back(), shape.back()};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const RowFunctions& rows = row_functions();
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    parallel_ranges(stream, g.rows, kTile / g.size, [&](int64_t first, int64_t last) {
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
