// Reductions along any axes: along the innermost ones as lines, along others many results side by
// side.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/doubles.hpp"
#include "device/cpu/element_loops.hpp"
#include "device/cpu/reduction.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/pooling.hpp"

namespace hone::cpu {
namespace reduce_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kColumns = 256;     // results side by side when the axes are not the innermost
constexpr int64_t kPiece = 512;       // elements that are brought to another form at a time
constexpr int64_t kRows = 32;         // that are added up in f32
constexpr int64_t kGroup = 4;         // of these that are read side by side
constexpr int64_t kShort = 64;        // elements of lines that are put side by side, at most
constexpr int64_t kShortSum = 32;     // of sums
constexpr int64_t kSide = 64;         // so many of them

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
  return reduction(
      problem,
      std::integer_sequence<Fold, Fold::sum, Fold::mean, Fold::max, Fold::min, Fold::prod, Fold::l1,
                            Fold::l2, Fold::log_sum, Fold::log_sum_exp, Fold::sum_square>());
}

/// Which axes go; nullopt: only running tells.
std::optional<std::vector<bool>> gone_axes(const Fields& fields, size_t rank) {
  std::vector<bool> gone(rank, fields.spatial);
  if (fields.spatial) {
    std::fill_n(gone.begin(), std::min<size_t>(rank, 2), false);
    return gone;
  }
  if (!fields.axes || fields.axes->empty()) return std::vector<bool>(rank, !fields.none_when_empty);
  for (const Dim& axis : *fields.axes) {
    if (!axis.is_constant()) return std::nullopt;
    gone[axis_index(*axis.constant(), rank)] = true;
  }
  return gone;
}

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  const auto fields = node == nullptr ? std::nullopt : fields_of(problem);
  if (!fields) return Verdict::no("reductions only");
  if (node->input(1) != nullptr) return Verdict::no("the axes are computed");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.shape().size() > Reduction::kMostAxes)
    return Verdict::no("the rank is unknown or too large");
  if (!gone_axes(*fields, x.shape().size())) return Verdict::no("the axes are computed");
  if (x.dtype == DType::f32 || is_half(x.dtype)) return {};
  const bool integers = is_integer(x.dtype);
  if (x.dtype != DType::f64 && !(integers && bits(x.dtype) >= 8))
    return Verdict::no("element types of numbers only");
  if (fields->fold == Fold::log_sum_exp ||
      (integers && (fields->fold == Fold::l2 || fields->fold == Fold::log_sum)))
    return Verdict::no("this fold of f32, f16 and bf16 only");
  return {};
}

/// `count` elements as f32: where they are, or in `room`.
const float* floats(const float* from, int64_t, float*) { return from; }
template <DType kType>
const float* floats(const Half<kType>* from, int64_t count, float* room) {
  widen_halves(kType, reinterpret_cast<const std::byte*>(from), count, room);
  return room;
}

template <class T, class A>
T stored(A value) {
  return static_cast<T>(value);
}
template <class T>
T stored(double value) requires requires(T half) {
  half.number();
}
{ return T::of(static_cast<float>(value)); }

struct ReduceShared final : Shared<ReduceShared> {
  static constexpr bool kLaunches = true;
  Fields fields;
  Source source;
  DType dtype = DType::f32;

  explicit ReduceShared(const Problem& problem) : source(problem, 0) {}

  Reduction geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    return {shape, *gone_axes(fields, shape.size())};
  }

  void run(const Reduction& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    switch (dtype) {
      case DType::f64: return run_as<double, double>(g, operands, stream);
      case DType::f32: return run_as<float, double>(g, operands, stream);
      case DType::f16: return run_as<Half<DType::f16>, double>(g, operands, stream);
      case DType::bf16: return run_as<Half<DType::bf16>, double>(g, operands, stream);
      case DType::i64: return run_as<int64_t, int64_t>(g, operands, stream);
      case DType::i32: return run_as<int32_t, int64_t>(g, operands, stream);
      case DType::i16: return run_as<int16_t, int64_t>(g, operands, stream);
      case DType::i8: return run_as<int8_t, int64_t>(g, operands, stream);
      case DType::u64: return run_as<uint64_t, uint64_t>(g, operands, stream);
      case DType::u32: return run_as<uint32_t, int64_t>(g, operands, stream);
      case DType::u16: return run_as<uint16_t, int64_t>(g, operands, stream);
      default: return run_as<uint8_t, int64_t>(g, operands, stream);
    }
  }

  template <class T, class A>
  void run_as(const Reduction& g, const Operands& operands, Stream& stream) const {
    constexpr bool kFloats = !std::is_integral_v<T> && !std::is_same_v<T, double>;
    const T* from = source.as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    if (g.results * g.columns == 0) return;
    if constexpr (std::is_same_v<T, float>) {
      const bool adds = fields.fold == Fold::sum || fields.fold == Fold::mean;
      const bool dense = g.columns == 1 && g.rows == 1 && g.kept.size() <= 1;
      const bool picks = fields.fold == Fold::max || fields.fold == Fold::min;
      if (dense && g.line > 0 && g.line <= (picks ? kShort : kShortSum))
        return short_lines(g, from, to, stream);
      if (adds && g.columns == 1 && g.rows == 1 && g.line <= kPiece)
        return short_sums(g, from, to, stream);
    }
    if (g.columns == 1) {
      launch_ranges(
          stream, g.results, kTile / std::max<int64_t>(1, g.count()),
          [=, this, &g](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
              const T* own = from + g.start(i);
              if constexpr (kFloats) to[i] = stored<T>(float_lines(g, own));
              else to[i] = stored<T>(lines<A>(g, own));
            }
          },
          [&](int64_t first, int64_t last) { return lines_touched(g, from, to, first, last); });
      return;
    }
    const int64_t blocks = ceil_div(g.columns, kColumns);
    const int64_t width = std::min(kColumns, g.columns);
    launch_ranges(stream, g.results * blocks, kTile / std::max<int64_t>(1, g.rows * width),
                  [=, this, &g](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t column = i % blocks * kColumns;
                      const int64_t count = std::min(kColumns, g.columns - column);
                      const T* own = from + g.start(i / blocks) + column;
                      T* results = to + i / blocks * g.columns + column;
                      if constexpr (kFloats) float_columns(g, count, own, results);
                      else columns<A>(g, count, own, results);
                    }
                  });
  }

  /// What results [first, last) of lines read and write.
  template <class T>
  static Touched lines_touched(const Reduction& g, const T* from, T* to, int64_t first,
                               int64_t last) {
    const bool in_lines = g.rows == 1;  // of neighbours
    return {{in_lines ? Box::of(from, first * g.line, last * g.line)
                      : Box::of(from, 0, g.results * g.count())},
            {Box::of(to, first, last)}};
  }

  /// Lines that fill few vectors, side by side.
  void short_lines(const Reduction& g, const float* from, float* to, Stream& stream) const {
    launch_ranges(
        stream, g.results, kTile / g.line / kSide * kSide,
        [=, this, &g](int64_t first, int64_t last) {
          const Reduction whole({g.line, kSide}, {true, false});
          float block[kShort * kSide];
          for (int64_t i = first; i < last; i += kSide) {
            const int64_t count = std::min(kSide, last - i);
            if (count == 1) {
              to[i] = static_cast<float>(float_lines(g, from + i * g.line));
              break;
            }
            transpose_lines(count, g.line, from + i * g.line, block);
            if (count == kSide) float_columns(whole, count, block, to + i);
            else float_columns(Reduction({g.line, count}, {true, false}), count, block, to + i);
          }
        },
        [&](int64_t first, int64_t last) { return lines_touched(g, from, to, first, last); });
  }

  /// Sums, or means, of lines that one call adds up.
  void short_sums(const Reduction& g, const float* from, float* to, Stream& stream) const {
    const auto sum = row_functions().sum;
    const bool dense = g.kept.size() <= 1;  // one line after the other
    launch_ranges(
        stream, g.results, kTile / std::max<int64_t>(1, g.line),
        [=, this, &g](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i)
            to[i] = static_cast<float>(
                finished(fields.fold, double{sum(g.line, from + (dense ? i * g.line : g.start(i)))},
                         g.count()));
        },
        [&](int64_t first, int64_t last) { return lines_touched(g, from, to, first, last); });
  }

  template <class A, class T>
  A lines(const Reduction& g, const T* from) const {
    A sum = identity<T, A>(fields.fold);
    if constexpr (std::is_integral_v<T>) {
      if ((fields.fold == Fold::max || fields.fold == Fold::min) && g.line > 0) {
        const bool most = fields.fold == Fold::max;
        const ElementLoops& loops = element_loops();
        const auto pick = most ? loops.largest[kNumberOf<T>] : loops.smallest[kNumberOf<T>];
        g.each_row([&](int64_t at) {
          T best;
          pick(g.line, from + at, &best);
          const auto found = static_cast<A>(best);
          sum = most ? std::max(sum, found) : std::min(sum, found);
        });
        return sum;
      }
    }
    if constexpr (std::is_same_v<T, double>) {
      if (fields.fold == Fold::max || fields.fold == Fold::min) {
        const bool most = fields.fold == Fold::max;
        const auto pick = most ? double_functions().max : double_functions().min;
        g.each_row([&](int64_t at) {
          const double found = pick(g.line, from + at);
          if (found != found || (most ? found > sum : found < sum)) sum = found;
        });
        return sum;
      }
    }
    with_fold<A>(fields.fold, [&](const auto& map, const auto& join) {
      g.each_row([&](int64_t at) { sum = fold_line(g.line, from + at, sum, map, join); });
    });
    return finished(fields.fold, sum, g.count());
  }

  /// Of what becomes f32.
  template <class T>
  double float_lines(const Reduction& g, const T* from) const {
    const RowFunctions& rows = row_functions();
    double sum = identity<float, double>(fields.fold);
    const auto pieces = [&](const auto& fold) {
      g.each_row([&](int64_t at) {
        float room[kPiece];
        constexpr bool kWhole = std::is_same_v<T, float>;
        const int64_t piece = kWhole ? std::max<int64_t>(1, g.line) : kPiece;
        for (int64_t first = 0; first < g.line; first += piece) {
          const int64_t count = std::min(piece, g.line - first);
          sum = fold(sum, count, floats(from + at + first, count, room));
        }
      });
    };
    pieces([&](double before, int64_t count, const float* line) {
      return fold_floats(rows, before, count, line);
    });
    if (fields.fold != Fold::log_sum_exp) return finished(fields.fold, sum, g.count());
    const double most = std::isinf(sum) && sum < 0 ? 0 : sum;
    if (std::isinf(most)) return most;
    sum = 0;
    pieces([&](double before, int64_t count, const float* line) {
      float values[kPiece];
      for (int64_t first = 0; first < count; first += kPiece)
        before += double{rows.exp_shifted(std::min(kPiece, count - first), static_cast<float>(most),
                                          line + first, values)};
      return before;
    });
    return most + std::log(sum);
  }

  double fold_floats(const RowFunctions& rows, double before, int64_t count,
                     const float* from) const {
    switch (fields.fold) {
      case Fold::max:
      case Fold::log_sum_exp:
      case Fold::min: {
        const bool least = fields.fold == Fold::min;
        const double own = double{least ? rows.min(count, from) : rows.max(count, from)};
        return own != own || (least ? own < before : own > before) ? own : before;
      }
      case Fold::l2:
      case Fold::sum_square: return before + long_squares(rows, count, 0, from);
      case Fold::l1: {
        float sizes[kPiece];
        for (int64_t first = 0; first < count; first += kPiece) {
          const int64_t piece = std::min(kPiece, count - first);
          for (int64_t i = 0; i < piece; ++i) sizes[i] = std::fabs(from[first + i]);
          before += double{rows.sum(piece, sizes)};
        }
        return before;
      }
      case Fold::prod: break;
      default: return before + long_sum(rows, count, from);
    }
    with_fold<double>(fields.fold, [&](const auto& map, const auto& join) {
      before = fold_line(count, from, before, map, join);
    });
    return before;
  }

  template <class A, class T>
  void columns(const Reduction& g, int64_t count, const T* from, T* to) const {
    A sums[kColumns];
    std::fill_n(sums, count, identity<T, A>(fields.fold));
    with_fold<A>(fields.fold, [&](const auto& map, const auto& join) {
      g.each_row([&](int64_t at) {
        const T* row = from + at;
        for (int64_t i = 0; i < count; ++i) sums[i] = join(sums[i], map(static_cast<A>(row[i])));
      });
    });
    for (int64_t i = 0; i < count; ++i)
      to[i] = stored<T>(finished(fields.fold, sums[i], g.count()));
  }

  /// Of what becomes f32: sums in blocks of rows, which are added up in double.
  template <class T>
  void float_columns(const Reduction& g, int64_t count, const T* from, T* to) const {
    double sums[kColumns];
    std::fill_n(sums, count, identity<float, double>(fields.fold));
    float room[kColumns], block[kColumns] = {};
    const SlideFunctions& functions = slide_functions();
    const auto add_block = [&] {
      for (int64_t i = 0; i < count; ++i) sums[i] += double{block[i]}, block[i] = 0;
    };
    switch (fields.fold) {
      case Fold::sum:
      case Fold::mean:
      case Fold::log_sum: {
        int64_t added = 0;
        some_rows(g, count, from, [&](int64_t many, const float** rows) {
          rows[0] = block;
          functions.sum_rows(many + 1, rows, count, block);
          if ((added += many) % kRows == 0) add_block();
        });
        add_block();
        break;
      }
      case Fold::max:
      case Fold::min:
      case Fold::log_sum_exp: {
        const auto fold = fields.fold == Fold::min ? functions.min_rows : functions.max_rows;
        std::fill_n(block, count, identity<float, float>(fields.fold));
        some_rows(g, count, from, [&](int64_t many, const float** rows) {
          rows[0] = block;
          fold(many + 1, rows, count, block);
        });
        std::copy_n(block, count, sums);
        break;
      }
      case Fold::prod:
        with_fold<double>(fields.fold, [&](const auto& map, const auto& join) {
          g.each_row([&](int64_t at) {
            const float* row = floats(from + at, count, room);
            for (int64_t i = 0; i < count; ++i) sums[i] = join(sums[i], map(double{row[i]}));
          });
        });
        break;
      default:
        with_fold<float>(fields.fold, [&](const auto& map, const auto& join) {
          int64_t rows = 0;
          g.each_row([&](int64_t at) {
            const float* row = floats(from + at, count, room);
            for (int64_t i = 0; i < count; ++i) block[i] = join(block[i], map(row[i]));
            if (++rows % kRows == 0) add_block();
          });
        });
        add_block();
    }
    if (fields.fold == Fold::log_sum_exp) add_exponentials(g, count, from, sums);
    for (int64_t i = 0; i < count; ++i)
      to[i] = stored<T>(finished(fields.fold, sums[i], g.count()));
  }

  /// some(many, rows) for rows[1] to rows[many], kGroup of them at a time, but for the last.
  template <class T, class Some>
  static void some_rows(const Reduction& g, int64_t count, const T* from, const Some& some) {
    constexpr int64_t kRoom = std::is_same_v<T, float> ? 0 : kColumns;  // of a row
    const float* rows[kGroup + 1];
    float room[kGroup * kRoom + 1];
    int64_t many = 0;
    g.each_row([&](int64_t at) {
      rows[many + 1] = floats(from + at, count, room + many * kRoom);
      if (++many < kGroup) return;
      some(many, rows);
      many = 0;
    });
    if (many > 0) some(many, rows);
  }

  /// Makes the logarithm of the sum of exponentials of the largest.
  template <class T>
  static void add_exponentials(const Reduction& g, int64_t count, const T* from, double* most) {
    const RowFunctions& functions = row_functions();
    float room[kColumns];
    double rest[kColumns] = {};
    for (int64_t i = 0; i < count; ++i)
      if (std::isinf(most[i]) && most[i] < 0) most[i] = 0;
    g.each_row([&](int64_t at) {
      const float* row = floats(from + at, count, room);
      float values[kColumns];
      for (int64_t i = 0; i < count; ++i) values[i] = row[i] - static_cast<float>(most[i]);
      functions.exp(count, values, values);
      for (int64_t i = 0; i < count; ++i) rest[i] += double{values[i]};
    });
    for (int64_t i = 0; i < count; ++i)
      if (!std::isinf(most[i])) most[i] += std::log(rest[i]);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<ReduceShared>(*recipe.problem);
  shared->fields = *fields_of(*recipe.problem);
  shared->dtype = operand_type(*recipe.problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace reduce_kernel

void register_reduce(KernelRegistry& registry) {
  using namespace reduce_kernel;
  registry.add({"cpu.reduce", 1, supports, no_tunings, streaming_recipe<>, prepare});
}

}  // namespace hone::cpu
