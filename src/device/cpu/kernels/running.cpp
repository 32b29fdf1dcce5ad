// CumSum and CumProd: every lane from its first element on, lanes of outer axes side by side.

#include "base/size.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/softmax.hpp"

namespace hone::cpu {
namespace running_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 1024;    // lanes side by side when the axis is not the innermost
constexpr int64_t kTogether = 4;      // rows side by side: each waits for its sum before

struct Fields {
  const Dims* axis;  // null: an operand tells
  bool product, exclusive, reverse;
};
std::optional<Fields> fields_of(const Problem& problem) {
  const auto fields = [](const auto& op, bool product) {
    return Fields{op.axis ? &*op.axis : nullptr, product, op.exclusive, op.reverse};
  };
  if (const auto* op = op_of<CumSum>(problem)) return fields(*op, false);
  if (const auto* op = op_of<CumProd>(problem)) return fields(*op, true);
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
  if (!fields) return Verdict::no("CumSum and CumProd only");
  if (fields->axis == nullptr || fields->axis->size() != 1 || !fields->axis->front().is_constant())
    return Verdict::no("the axis is computed");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.rank() == 0) return Verdict::no("an operand of rank 0 or unknown");
  if (x.dtype != DType::f32 && x.dtype != DType::f64 && x.dtype != DType::i64 &&
      x.dtype != DType::i32)
    return Verdict::no("f64, f32, i64 and i32 only");
  return {};
}

struct Sum {
  template <class A>
  static A join(A a, A b) {
    return a + b;
  }
  static constexpr int kStart = 0;
};
struct Product {
  template <class A>
  static A join(A a, A b) {
    return a * b;
  }
  static constexpr int kStart = 1;
};

struct RunningShared final : Shared<RunningShared> {
  Source source;
  int64_t axis = 0;
  bool product = false, exclusive = false, reverse = false;
  DType dtype = DType::f32;
  int64_t workers = 1;

  explicit RunningShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1;
    int64_t columns = 1;  // lanes side by side
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    const size_t at = axis_index(axis, shape.size());
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d)
      (d < at ? g.outer : d == at ? g.size : g.inner) *= shape[d];
    const int64_t parts = ceil_div(2 * workers, std::max<int64_t>(1, g.outer));
    g.columns = std::clamp<int64_t>(ceil_div(g.inner, parts), 64, kColumns);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.outer * g.size * g.inner == 0) return;
    if (product) run_as<Product>(g, operands, stream);
    else run_as<Sum>(g, operands, stream);
  }

  /// Floats are added up in double, integers wrap.
  template <class Join>
  void run_as(const Geometry& g, const Operands& operands, Stream& stream) const {
    switch (dtype) {
      case DType::f64: return lanes<Join, double, double>(g, operands, stream);
      case DType::f32: return lanes<Join, float, double>(g, operands, stream);
      case DType::i64: return lanes<Join, int64_t, uint64_t>(g, operands, stream);
      default: return lanes<Join, int32_t, uint32_t>(g, operands, stream);
    }
  }

  template <class Join, class T, class A>
  void lanes(const Geometry& g, const Operands& operands, Stream& stream) const {
    const T* from = source.as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    const int64_t step = reverse ? -g.inner : g.inner;
    const int64_t start = reverse ? (g.size - 1) * g.inner : 0;
    if (g.inner == 1) {
      const int64_t tile = std::max<int64_t>(1, kTile / g.size / kTogether) * kTogether;
      parallel_ranges(stream, g.outer, tile, [&](int64_t first, int64_t last) {
        int64_t i = first;
        for (; i + kTogether <= last; i += kTogether)
          rows<kTogether, Join, A>(g.size, step, from + i * g.size + start,
                                   to + i * g.size + start);
        for (; i < last; ++i)
          rows<1, Join, A>(g.size, step, from + i * g.size + start, to + i * g.size + start);
      });
      return;
    }
    const int64_t blocks = ceil_div(g.inner, g.columns);
    parallel_ranges(stream, g.outer * blocks, kTile / (g.size * g.columns),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const int64_t column = i % blocks * g.columns;
                        const int64_t at = i / blocks * g.size * g.inner + start + column;
                        const int64_t count = std::min(g.columns, g.inner - column);
                        if constexpr (std::is_same_v<T, float> && std::is_same_v<Join, Sum>)
                          float_sums(g.size, count, step, from + at, to + at);
                        else columns<Join, A>(g.size, count, step, from + at, to + at);
                      }
                    });
  }

  /// Rows one behind the other.
  template <int64_t kRows, class Join, class A, class T>
  void rows(int64_t size, int64_t step, const T* from, T* to) const {
    A running[kRows];
    std::fill_n(running, kRows, A{Join::kStart});
    for (int64_t k = 0; k < size; ++k)
      for (int64_t r = 0; r < kRows; ++r) {
        const int64_t at = r * size + k * step;
        const A next = Join::join(running[r], static_cast<A>(from[at]));
        to[at] = static_cast<T>(exclusive ? running[r] : next);
        running[r] = next;
      }
  }

  /// Blocks of f32 sums, added in double.
  void float_sums(int64_t size, int64_t count, int64_t step, const float* __restrict from,
                  float* __restrict to) const {
    constexpr int64_t kRows = 32;
    const RowFunctions& functions = row_functions();
    double before[kColumns] = {};
    for (int64_t first = 0; first < size; first += kRows) {
      float base[kColumns], running[kColumns] = {};
      for (int64_t i = 0; i < count; ++i) base[i] = static_cast<float>(before[i]);
      const int64_t rows = std::min(kRows, size - first);
      if (exclusive) {
        for (int64_t k = 0; k < rows; ++k)
          for (int64_t i = 0; i < count; ++i) {
            to[k * step + i] = base[i] + running[i];
            running[i] += from[k * step + i];
          }
      } else {
        functions.add_running(rows, count, step, base, from, running, to);
      }
      from += rows * step, to += rows * step;
      for (int64_t i = 0; i < count; ++i) before[i] += double{running[i]};
    }
  }

  template <class Join, class A, class T>
  void columns(int64_t size, int64_t count, int64_t step, const T* __restrict from,
               T* __restrict to) const {
    A running[kColumns];
    std::fill_n(running, count, A{Join::kStart});
    for (int64_t k = 0; k < size; ++k, from += step, to += step) {
      if (exclusive) {
        for (int64_t i = 0; i < count; ++i) {
          const A next = Join::join(running[i], static_cast<A>(from[i]));
          to[i] = static_cast<T>(running[i]);
          running[i] = next;
        }
      } else {
        for (int64_t i = 0; i < count; ++i) {
          running[i] = Join::join(running[i], static_cast<A>(from[i]));
          to[i] = static_cast<T>(running[i]);
        }
      }
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<RunningShared>(problem);
  const Fields fields = *fields_of(problem);
  shared->axis = *fields.axis->front().constant();
  shared->product = fields.product;
  shared->exclusive = fields.exclusive;
  shared->reverse = fields.reverse;
  shared->workers = problem.share.workers;
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace running_kernel

void register_running(KernelRegistry& registry) {
  using namespace running_kernel;
  registry.add({"cpu.running", 1, supports, no_tunings, streaming_recipe<8>, prepare});
}

}  // namespace hone::cpu
