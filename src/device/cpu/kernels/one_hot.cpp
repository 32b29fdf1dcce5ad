// OneHot: along the last axis each index marks a place in a row, along others each row asks which
// indices are its own.

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "ops/select.hpp"

namespace hone::cpu {
namespace one_hot_kernel {
namespace {

constexpr int64_t kTile = 32 * 1024;  // elements that one worker takes at a time

Verdict supports(const Problem& problem) {
  if (op_of<OneHot>(problem) == nullptr) return Verdict::no("OneHot only");
  const TensorType& indices = *operand_type(problem, 0);
  if (!indices.has_rank()) return Verdict::no("an operand of unknown rank");
  if (indices.dtype != DType::i64 && indices.dtype != DType::i32)
    return Verdict::no("indices of i64 or i32 only");
  if (const char* why = width_refusal(operand_type(problem, 2)->dtype)) return Verdict::no(why);
  return {};
}

struct OneHotShared final : Shared<OneHotShared> {
  Region region;
  Indices indices;
  Source values;
  int64_t axis = -1, width = 1;

  explicit OneHotShared(const Problem& problem)
      : region(problem.region), indices(problem, 0), values(problem, 2) {}

  struct Geometry {
    int64_t outer = 1, depth = 1, inner = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands.outputs[0].shape;
    const size_t at = axis_index(axis, shape.size());
    check(element_count(values.shape(operands)) == 2, Code::invalid_model, "values has ",
          element_count(values.shape(operands)), " elements, wanted off and on (",
          describe(*region.single()), ")");
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d)
      (d < at ? g.outer : d == at ? g.depth : g.inner) *= shape[d];
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.outer * g.depth * g.inner == 0) return;
    with_width(width, [&](auto element) {
      using T = decltype(element);
      const T off = values.as<T>(operands)[0], on = values.as<T>(operands)[1];
      T* to = operands.outputs[0].as<T>();
      indices.read(operands, [&](const auto* numbers) {
        if (g.inner == 1) mark(g, numbers, off, on, to, stream);
        else mark_rows(g, numbers, off, on, to, stream);
      });
    });
  }

  template <class T, class I>
  static void mark(const Geometry& g, const I* numbers, T off, T on, T* to, Stream& stream) {
    parallel_ranges(stream, g.outer, kTile / g.depth, [&](int64_t first, int64_t last) {
      std::fill(to + first * g.depth, to + last * g.depth, off);
      for (int64_t i = first; i < last; ++i) {
        const int64_t index = int64_t{numbers[i]}, place = index < 0 ? index + g.depth : index;
        if (place >= 0 && place < g.depth) to[i * g.depth + place] = on;
      }
    });
  }

  /// Rows of the depth, and where an index is one of them.
  template <class T, class I>
  static void mark_rows(const Geometry& g, const I* numbers, T off, T on, T* to, Stream& stream) {
    constexpr int64_t kFewest = 32;  // rows of a tile, which looks at all indices
    const int64_t rows = std::min(g.depth, std::max(kFewest, kTile / g.inner));
    const int64_t tiles = ceil_div(g.depth, rows);
    parallel_ranges(stream, g.outer * tiles, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t begin = i % tiles * rows, count = std::min(rows, g.depth - begin);
        const I* own = numbers + i / tiles * g.inner;
        T* results = to + (i / tiles * g.depth + begin) * g.inner;
        std::fill_n(results, count * g.inner, off);
        for (int64_t k = 0; k < g.inner; ++k) {
          const int64_t index = int64_t{own[k]};
          const int64_t place = (index < 0 ? index + g.depth : index) - begin;
          if (place >= 0 && place < count) results[place * g.inner + k] = on;
        }
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<OneHotShared>(problem);
  shared->axis = op_of<OneHot>(problem)->axis;
  shared->width = bits(operand_type(problem, 2)->dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace one_hot_kernel

void register_one_hot(KernelRegistry& registry) {
  using namespace one_hot_kernel;
  registry.add({"cpu.one_hot", 1, supports, no_tunings, streaming_recipe<2>, prepare});
}

}  // namespace hone::cpu
