// Softmax and its logarithm along one axis, or along several that lie together.

#include "ops/softmax.hpp"

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/doubles.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace softmax_kernel {
namespace {

constexpr int64_t kTile = 8 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 64;     // lanes side by side when the axis is not the innermost
constexpr int64_t kShort = 32;       // elements of lanes that are put side by side

struct Fields {
  int64_t axis;
  bool flatten, logarithm, zero_nan;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<Softmax>(problem))
    return Fields{op->axis, op->flatten, false, op->zero_nan};
  if (const auto* op = op_of<LogSoftmax>(problem))
    return Fields{op->axis, op->flatten, true, false};
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  if (!fields_of(problem)) return Verdict::no("Softmax and LogSoftmax only");
  const DType type = operand_type(problem, 0)->dtype;
  if ((type != DType::f32 && type != DType::f64 && !is_half(type)) || !all_are(problem, type))
    return Verdict::no("f64, f32, f16 and bf16 of known rank only");
  if (region_input(problem, 0) < 0) return Verdict::no("the operand is a literal");
  if (operand_type(problem, 0)->shape().empty()) return Verdict::no("the operand is a scalar");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 8);
  const TensorType& x = *operand_type(*problem, 0);
  if (is_half(x.dtype)) {
    const Fields fields = *fields_of(*problem);
    const size_t axis = axis_index(fields.axis, x.shape().size());
    Dim lane = x.shape()[axis];
    bool innermost = true;
    for (size_t d = axis + 1; d < x.shape().size(); ++d) {
      if (fields.flatten) lane = lane * x.shape()[d];
      else innermost &= x.shape()[d].is(1);
    }
    made.scratch_bytes = worker_scratch(problem->share, lane * Dim(innermost ? 2 : kColumns));
  }
  made.problem = std::move(problem);
  return made;
}

struct SoftmaxShared final : Shared<SoftmaxShared> {
  Fields fields{};
  DType type = DType::f32;

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1;
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands.inputs[0].shape;
    const size_t axis = axis_index(fields.axis, shape.size());
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d) {
      const bool along = fields.flatten ? d >= axis : d == axis;
      (along ? g.size : d < axis ? g.outer : g.inner) *= shape[d];
    }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.outer * g.size * g.inner == 0) return;
    const RowFunctions& rows = row_functions();
    const std::byte* from = operands.inputs[0].data;
    std::byte* to = operands.outputs[0].data;
    if (type == DType::f64)
      return run_doubles(g, operands.inputs[0].as<double>(), operands.outputs[0].as<double>(),
                         stream);
    if (g.inner == 1) {
      parallel_ranges(stream, g.outer, kTile / g.size, [&](int64_t first, int64_t last) {
        if (type == DType::f32) {
          const float* own = reinterpret_cast<const float*>(from) + first * g.size;
          float* made = reinterpret_cast<float*>(to) + first * g.size;
          if (!fields.zero_nan && rows.softmax(last - first, g.size, fields.logarithm, own, made))
            return;
          if (g.size <= kShort) return short_lines(rows, g.size, last - first, own, made);
        }
        float* room = scratch_of(scratch, 2 * g.size);  // a lane, what becomes of it
        for (int64_t at = first * g.size; at < last * g.size; at += g.size) {
          float* results = place_of(type, to, at, room + g.size);
          line(rows, g.size, widened(type, from, at, g.size, room), results);
          narrow(type, results, g.size, to, at);
        }
      });
      return;
    }
    const int64_t blocks = ceil_div(g.inner, kColumns);
    parallel_ranges(stream, g.outer * blocks, kTile / (g.size * kColumns),
                    [&](int64_t first, int64_t last) {
                      float* room = scratch_of(scratch, g.size * kColumns);
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * kColumns;
                        const int64_t at = i / blocks * g.size * g.inner + column;
                        const int64_t count = std::min(kColumns, g.inner - column);
                        if (type != DType::f32) wide_columns(rows, g, count, from, to, at, room);
                        else
                          columns(rows, g, count, reinterpret_cast<const float*>(from) + at,
                                  reinterpret_cast<float*>(to) + at);
                      }
                    });
  }

  void run_doubles(const Geometry& g, const double* from, double* to, Stream& stream) const {
    const DoubleFunctions& rows = double_functions();
    if (g.inner == 1)
      return parallel_ranges(stream, g.outer, kTile / g.size, [&](int64_t first, int64_t last) {
        for (int64_t at = first * g.size; at < last * g.size; at += g.size)
          line(rows, g.size, from + at, to + at);
      });
    const int64_t blocks = ceil_div(g.inner, kColumns);
    parallel_ranges(stream, g.outer * blocks, kTile / (g.size * kColumns),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * kColumns;
                        const int64_t at = i / blocks * g.size * g.inner + column;
                        columns(rows, g, std::min(kColumns, g.inner - column), from + at, to + at);
                      }
                    });
  }

  /// Lanes that fill no vectors, side by side.
  void short_lines(const RowFunctions& rows, int64_t size, int64_t lines, const float* from,
                   float* to) const {
    float block[kShort * kColumns];
    for (int64_t done = 0; done < lines; done += kColumns, from += kColumns * size) {
      const int64_t count = std::min(kColumns, lines - done);
      transpose_lines(count, size, from, block);
      columns(rows, {1, size, count}, count, block, block);
      transpose_lines(size, count, block, to + done * size);
    }
  }

  /// As columns(), in f32 beside one another.
  void wide_columns(const RowFunctions& rows, const Geometry& g, int64_t count,
                    const std::byte* from, std::byte* to, int64_t at, float* room) const {
    for (int64_t k = 0; k < g.size; ++k)
      widen_halves(type, from + 2 * (at + k * g.inner), count, room + k * count);
    columns(rows, {1, g.size, count}, count, room, room);
    for (int64_t k = 0; k < g.size; ++k)
      narrow_to_halves(room + k * count, count, type, to + 2 * (at + k * g.inner));
  }

  template <class Functions, class T>
  void line(const Functions& rows, int64_t size, const T* from, T* to) const {
    const T most = rows.max(size, from);
    const T sum = rows.exp_shifted(size, most, from, to);
    // One exponential that is NaN makes the sum, and by it the whole lane, NaN.
    if (fields.zero_nan && std::isnan(sum)) return std::fill_n(to, size, T{}), void();
    if (!fields.logarithm) return rows.affine(size, 1 / sum, 0, to, to);
    rows.standardize(size, most, 1, -std::log(sum), from, to);  // exact near the most
  }

  /// `count` lanes side by side.
  template <class Functions, class T>
  void columns(const Functions& rows, const Geometry& g, int64_t count, const T* from,
               T* to) const {
    T most[kColumns], sums[kColumns] = {};
    std::copy_n(from, count, most);
    for (int64_t k = 1; k < g.size; ++k)
      for (int64_t i = 0; i < count; ++i) most[i] = std::max(most[i], from[k * g.inner + i]);
    for (int64_t k = 0; k < g.size; ++k) {
      T* row = to + k * g.inner;
      for (int64_t i = 0; i < count; ++i) row[i] = from[k * g.inner + i] - most[i];
      T values[kColumns];
      rows.exp(count, row, values);
      for (int64_t i = 0; i < count; ++i) sums[i] += values[i];
      if (!fields.logarithm) std::copy_n(values, count, row);
    }
    for (int64_t i = 0; i < count; ++i)
      sums[i] = fields.logarithm ? std::log(sums[i]) : 1 / sums[i];
    for (int64_t k = 0; k < g.size; ++k) {
      T* row = to + k * g.inner;
      for (int64_t i = 0; i < count; ++i) {
        row[i] = fields.logarithm ? row[i] - sums[i] : row[i] * sums[i];
        if (fields.zero_nan && std::isnan(sums[i])) row[i] = 0;
      }
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<SoftmaxShared>();
  shared->fields = *fields_of(*recipe.problem);
  shared->type = operand_type(*recipe.problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace softmax_kernel

void register_softmax(KernelRegistry& registry) {
  using namespace softmax_kernel;
  registry.add({"cpu.softmax", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
