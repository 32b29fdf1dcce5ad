// ArgMax, ArgMin and Hardmax along one axis: rows a block at a time, outer axes line by line.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/softmax.hpp"

namespace hone::cpu {
namespace arg_kernel {
namespace {

constexpr int64_t kTile = 32 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;     // lanes side by side when the axis is not the innermost
constexpr int64_t kBlock = 1024;      // elements of a row that are looked at together
constexpr int64_t kShort = 32;        // elements of rows that are put side by side
constexpr int64_t kBeside = 64;       // how many of them

struct Fields {
  int64_t axis;
  bool greatest, last;
  bool hard = false;     // a 1 among zeros, in the operand's type, instead of the place
  bool flatten = false;  // the axes behind it belong to it
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<ArgMax>(problem)) return Fields{op->axis, true, op->select_last_index};
  if (const auto* op = op_of<ArgMin>(problem))
    return Fields{op->axis, false, op->select_last_index};
  if (const auto* op = op_of<Hardmax>(problem))
    return Fields{op->axis, true, false, true, op->flatten};
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  if (!fields_of(problem)) return Verdict::no("ArgMax, ArgMin and Hardmax only");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank()) return Verdict::no("the operand is of unknown rank");
  if (const char* why = number_refusal(x.dtype)) return Verdict::no(why);
  return {};
}

template <class T>
T one(T) {
  return T{1};
}
template <DType kType>
Half<kType> one(Half<kType>) {
  return Half<kType>::of(1);
}

template <class T>
auto number(T value) {
  return value;
}
template <DType kType>
float number(Half<kType> value) {
  return value.number();
}

/// Whether a, which comes later, is chosen over b.
template <bool kGreatest, bool kLast, class N>
bool chosen(N a, N b) {
  const bool better = kGreatest ? (kLast ? a >= b : a > b) : (kLast ? a <= b : a < b);
  if constexpr (!std::is_floating_point_v<N>) return better;
  else return better | ((a != a) & (kLast | (b == b)));  // a NaN b is no less and no greater
}

template <bool kGreatest, bool kLast, class T>
int64_t chosen_of_row(int64_t size, const T* from) {
  int64_t best = 0;
  auto value = number(from[0]);
  for (int64_t i = 1; i < size; ++i)
    if (const auto next = number(from[i]); chosen<kGreatest, kLast>(next, value))
      best = i, value = next;
  return best;
}

/// The largest or the smallest of a block; NaN where one is.
template <bool kGreatest, class T>
T best_of(const RowFunctions& rows, int64_t count, const T* from) {
  if constexpr (std::is_same_v<T, float>)
    return kGreatest ? rows.max(count, from) : rows.min(count, from);
  T best = from[0];
  for (int64_t i = 1; i < count; ++i)
    best = kGreatest ? std::max(best, from[i]) : std::min(best, from[i]);
  return best;
}

/// Of f32 and integers: the block of the best element first.
template <bool kGreatest, bool kLast, class T>
int64_t chosen_by_blocks(const RowFunctions& rows, int64_t size, const T* from) {
  T best{};
  int64_t block = -1;
  for (int64_t first = 0; first < size; first += kBlock) {
    const int64_t count = std::min(kBlock, size - first);
    const T value = best_of<kGreatest>(rows, count, from + first);
    if constexpr (std::is_same_v<T, float>)
      if (value != value) return chosen_of_row<kGreatest, kLast>(size, from);
    if (block < 0 || chosen<kGreatest, kLast>(value, best)) best = value, block = first;
  }
  const T* found = from + block;
  const int64_t count = std::min(kBlock, size - block);
  if (!kLast) return block + (std::find(found, found + count, best) - found);
  int64_t i = count - 1;
  while (found[i] != best) --i;
  return block + i;
}

/// `count` lanes side by side, their elements `step` apart.
template <bool kGreatest, bool kLast, class T>
void chosen_of_columns(int64_t size, int64_t count, int64_t step, const T* from, int64_t* to) {
  using N = decltype(number(T{}));
  N best[kColumns];
  int32_t places[kColumns] = {};
  for (int64_t i = 0; i < count; ++i) best[i] = number(from[i]);
  for (int64_t k = 1; k < size; ++k) {
    const T* row = from + k * step;
    const auto place = static_cast<int32_t>(k);
    for (int64_t i = 0; i < count; ++i) {
      const N value = number(row[i]);
      const bool take = chosen<kGreatest, kLast>(value, best[i]);
      best[i] = take ? value : best[i];
      places[i] = take ? place : places[i];
    }
  }
  for (int64_t i = 0; i < count; ++i) to[i] = places[i];
}

/// Rows that fill no vectors, side by side.
template <bool kGreatest, bool kLast, class T>
void short_rows(int64_t size, int64_t rows, const T* from, int64_t* to) {
  T block[kShort * kBeside];
  for (int64_t done = 0; done < rows; done += kBeside) {
    const int64_t count = std::min(kBeside, rows - done);
    if constexpr (std::is_same_v<T, float>) transpose_lines(count, size, from + done * size, block);
    else
      for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < size; ++k) block[k * count + i] = from[(done + i) * size + k];
    chosen_of_columns<kGreatest, kLast>(size, count, count, block, to + done);
  }
}

struct ArgShared final : Shared<ArgShared> {
  Region region;
  Fields fields{};
  Source source;
  DType dtype = DType::f32;

  explicit ArgShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    const size_t axis = axis_index(fields.axis, std::max<size_t>(shape.size(), 1));
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d) {
      const bool along = d == axis || (fields.flatten && d > axis);
      (d < axis ? g.outer : along ? g.size : g.inner) *= shape[d];
    }
    if (fields.hard && element_count(shape) == 0) g = {0, 1, 1};
    check(g.size > 0, Code::invalid_model, "nothing to choose from along axis ", axis, " of ",
          shape_text(shape), " (", describe(*region.single()), ")");
    check(g.inner == 1 || g.size <= std::numeric_limits<int32_t>::max(), Code::unsupported,
          "an axis of ", g.size, " elements (", describe(*region.single()), ")");
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (fields.greatest)
      fields.last ? run_as<true, true>(g, operands, stream)
                  : run_as<true, false>(g, operands, stream);
    else
      fields.last ? run_as<false, true>(g, operands, stream)
                  : run_as<false, false>(g, operands, stream);
  }

  template <bool kGreatest, bool kLast>
  void run_as(const Geometry& g, const Operands& operands, Stream& stream) const {
    switch (dtype) {
      case DType::f64: return lanes<kGreatest, kLast, double>(g, operands, stream);
      case DType::f32: return lanes<kGreatest, kLast, float>(g, operands, stream);
      case DType::f16: return lanes<kGreatest, kLast, Half<DType::f16>>(g, operands, stream);
      case DType::bf16: return lanes<kGreatest, kLast, Half<DType::bf16>>(g, operands, stream);
      case DType::i64: return lanes<kGreatest, kLast, int64_t>(g, operands, stream);
      case DType::i32: return lanes<kGreatest, kLast, int32_t>(g, operands, stream);
      case DType::i8: return lanes<kGreatest, kLast, int8_t>(g, operands, stream);
      default: return lanes<kGreatest, kLast, uint8_t>(g, operands, stream);
    }
  }

  template <bool kGreatest, bool kLast, class T>
  void lanes(const Geometry& g, const Operands& operands, Stream& stream) const {
    const RowFunctions& rows = row_functions();
    const T* from = source.as<T>(operands);
    if (g.inner == 1) {
      parallel_ranges(stream, g.outer, kTile / g.size, [&](int64_t first, int64_t last) {
        if (g.size <= kShort) return short_lanes<kGreatest, kLast>(g, from, operands, first, last);
        for (int64_t i = first; i < last; ++i) {
          const T* row = from + i * g.size;
          int64_t place = 0;
          if constexpr (std::is_same_v<T, float> || std::is_integral_v<T>)
            place = chosen_by_blocks<kGreatest, kLast>(rows, g.size, row);
          else place = chosen_of_row<kGreatest, kLast>(g.size, row);
          write<T>(g, operands, i, 0, 1, &place);
        }
      });
      return;
    }
    const int64_t blocks = ceil_div(g.inner, kColumns);
    parallel_ranges(
        stream, g.outer * blocks, kTile / (g.size * kColumns), [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) {
            const int64_t column = i % blocks * kColumns;
            const int64_t count = std::min(kColumns, g.inner - column);
            int64_t places[kColumns];
            chosen_of_columns<kGreatest, kLast>(
                g.size, count, g.inner, from + i / blocks * g.size * g.inner + column, places);
            write<T>(g, operands, i / blocks, column, count, places);
          }
        });
  }

  template <bool kGreatest, bool kLast, class T>
  void short_lanes(const Geometry& g, const T* from, const Operands& operands, int64_t first,
                   int64_t last) const {
    if (!fields.hard)
      return short_rows<kGreatest, kLast>(g.size, last - first, from + first * g.size,
                                          operands.outputs[0].as<int64_t>() + first);
    T* to = operands.outputs[0].as<T>();
    std::fill(to + first * g.size, to + last * g.size, T{});
    for (int64_t i = first; i < last; i += kBeside) {
      int64_t places[kBeside];
      const int64_t count = std::min(kBeside, last - i);
      short_rows<kGreatest, kLast>(g.size, count, from + i * g.size, places);
      for (int64_t k = 0; k < count; ++k) to[(i + k) * g.size + places[k]] = one(T{});
    }
  }

  /// What was chosen of `count` lanes side by side.
  template <class T>
  void write(const Geometry& g, const Operands& operands, int64_t outer, int64_t column,
             int64_t count, const int64_t* places) const {
    if (!fields.hard) {
      std::copy_n(places, count, operands.outputs[0].as<int64_t>() + outer * g.inner + column);
      return;
    }
    T* to = operands.outputs[0].as<T>() + outer * g.size * g.inner + column;
    for (int64_t k = 0; k < g.size; ++k) std::fill_n(to + k * g.inner, count, T{});
    for (int64_t i = 0; i < count; ++i) to[places[i] * g.inner + i] = one(T{});
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<ArgShared>(problem);
  shared->region = problem.region;
  shared->fields = *fields_of(problem);
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace arg_kernel

void register_arg(KernelRegistry& registry) {
  using namespace arg_kernel;
  registry.add({"cpu.arg", 1, supports, no_tunings, streaming_recipe<1>, prepare});
}

}  // namespace hone::cpu
