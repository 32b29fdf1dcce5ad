// Reductions of f32: along the innermost axes as row sums, along outer ones line by line. The axes
// must lie together.

#include "ops/reduction.hpp"

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/pooling.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kTile = 8 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;    // results side by side when the axes are not the innermost

struct Fields {
  Fold fold;
  std::optional<Dims> axes;
  bool none_when_empty = false;
  bool spatial = false;  // all axes after the first two
};

template <Fold... kFolds>
std::optional<Fields> reduction(const Problem& problem, std::integer_sequence<Fold, kFolds...>) {
  std::optional<Fields> fields;
  const auto look = [&](const auto* op, Fold fold) {
    if (op != nullptr) fields = Fields{fold, op->axes, op->noop_with_empty_axes};
  };
  (look(op_of<Reduce<kFolds>>(problem), kFolds), ...);
  return fields;
}

std::optional<Fields> fields_of(const Problem& problem) {
  if (op_of<GlobalAveragePool>(problem) != nullptr) return Fields{Fold::mean, {}, false, true};
  if (op_of<GlobalMaxPool>(problem) != nullptr) return Fields{Fold::max, {}, false, true};
  return reduction(problem, std::integer_sequence<Fold, Fold::sum, Fold::mean, Fold::max, Fold::min,
                                                  Fold::l2, Fold::sum_square>());
}

/// The range of axes; nullopt: they do not lie together.
struct AxisRange {
  size_t first, last;
};
std::optional<AxisRange> axis_range(const Fields& fields, size_t rank) {
  if (fields.spatial) return AxisRange{2, rank};
  if (!fields.axes || fields.axes->empty())
    return fields.none_when_empty ? AxisRange{rank, rank} : AxisRange{0, rank};
  std::vector<size_t> axes;
  for (const Dim& axis : *fields.axes) {
    if (!axis.is_constant()) return std::nullopt;
    axes.push_back(axis_index(*axis.constant(), rank));
  }
  std::sort(axes.begin(), axes.end());
  if (axes.back() - axes.front() + 1 != axes.size()) return std::nullopt;
  return AxisRange{axes.front(), axes.back() + 1};
}

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  const auto fields = node == nullptr ? std::nullopt : fields_of(problem);
  if (!fields) return Verdict::no("sums, means, maxima, minima and squares only");
  if (node->input(1) != nullptr) return Verdict::no("the axes are computed");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  if (region_input(problem, 0) < 0) return Verdict::no("the operand is a literal");
  if (!axis_range(*fields, operand_type(problem, 0)->shape().size()))
    return Verdict::no("the axes do not lie together");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem);
  made.problem = std::move(problem);
  return made;
}

/// A value of one element, and how two become one, in double.
double start_of(Fold fold) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return fold == Fold::max ? -kInfinity : fold == Fold::min ? kInfinity : 0;
}
double joined(Fold fold, double a, double b) {
  if (fold == Fold::max) return b > a || b != b ? b : a;
  if (fold == Fold::min) return b < a || b != b ? b : a;
  return a + b;
}
bool squares(Fold fold) { return fold == Fold::l2 || fold == Fold::sum_square; }

struct ReduceShared final : Shared<ReduceShared> {
  Fields fields;

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands.inputs[0].shape;
    const AxisRange range = *axis_range(fields, shape.size());
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d)
      (d < range.first ? g.outer : d < range.last ? g.size : g.inner) *= shape[d];
    return g;
  }

  float finished(double value, int64_t size) const {
    if (fields.fold == Fold::mean) value /= static_cast<double>(size);
    if (fields.fold == Fold::l2) value = std::sqrt(value);
    return static_cast<float>(value);
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const RowFunctions& rows = row_functions();
    const auto* from = operands.inputs[0].as<float>();
    auto* to = operands.outputs[0].as<float>();
    if (g.inner == 1) {
      parallel_ranges(stream, g.outer, kTile / std::max<int64_t>(1, g.size),
                      [&](int64_t first, int64_t last) {
                        for (int64_t i = first; i < last; ++i)
                          to[i] = finished(line(rows, g.size, from + i * g.size), g.size);
                      });
      return;
    }
    const int64_t blocks = ceil_div(g.inner, kColumns);
    stream.parallel(g.outer * blocks, [&](int64_t i) {
      const int64_t column = i % blocks * kColumns;
      columns(g, std::min(kColumns, g.inner - column),
              from + i / blocks * g.size * g.inner + column, to + i / blocks * g.inner + column);
    });
  }

  double line(const RowFunctions& rows, int64_t size, const float* from) const {
    switch (fields.fold) {
      case Fold::max:
      case Fold::min: {
        // Through joined() when there is a NaN, which the row functions may pass over.
        const float sum = rows.sum(size, from);
        if (sum == sum)
          return double{fields.fold == Fold::max ? rows.max(size, from) : rows.min(size, from)};
        double value = start_of(fields.fold);
        for (int64_t i = 0; i < size; ++i) value = joined(fields.fold, value, double{from[i]});
        return value;
      }
      case Fold::l2:
      case Fold::sum_square: return long_squares(rows, size, 0, from);
      default: return long_sum(rows, size, from);
    }
  }

  void columns(const Geometry& g, int64_t count, const float* from, float* to) const {
    double values[kColumns];
    std::fill_n(values, count, start_of(fields.fold));
    const bool sums = fields.fold != Fold::max && fields.fold != Fold::min;
    const bool square = squares(fields.fold);
    for (int64_t k = 0; k < g.size; ++k, from += g.inner) {
      if (square) {
        for (int64_t i = 0; i < count; ++i) values[i] += double{from[i]} * double{from[i]};
      } else if (sums) {
        for (int64_t i = 0; i < count; ++i) values[i] += double{from[i]};
      } else {
        for (int64_t i = 0; i < count; ++i)
          values[i] = joined(fields.fold, values[i], double{from[i]});
      }
    }
    for (int64_t i = 0; i < count; ++i) to[i] = finished(values[i], g.size);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<ReduceShared>();
  shared->fields = *fields_of(*recipe.problem);
  return shared;
}

}  // namespace

void register_reduce(KernelRegistry& registry) {
  registry.add({"cpu.reduce", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
