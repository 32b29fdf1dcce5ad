// Resize that interpolates integers and f64 along the last two axes, in f64 as the reference does:
// each line of the result is made of a weighted sum of lines.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/size.hpp"
#include "device/cpu/resize_axes.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace resize_integers_kernel {
namespace {

constexpr int64_t kApart = 16;  // doubles between the memory of two workers

Verdict supports(const Problem& problem) {
  const Resize* op = op_of<Resize>(problem);
  if (op == nullptr || op->mode == Resize::Mode::nearest)
    return Verdict::no("interpolating Resize only");
  const TensorType& x = *operand_type(problem, 0);
  switch (x.dtype) {
    case DType::u8:
    case DType::i8:
    case DType::i32:
    case DType::f64: break;
    default: return Verdict::no("u8, i8, i32 and f64 only");
  }
  if (!x.has_rank() || x.rank() < 2) return Verdict::no("rank below 2 or unknown");
  if (const Verdict verdict = resize_supported(problem, *op); !verdict.yes) return verdict;
  return resizes_planes(problem, *op);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 20);
  made.scratch_bytes = worker_scratch(
      problem->share, Dim(2) * (operand_type(*problem, 0)->shape().back() + Dim(kApart)));
  made.problem = std::move(problem);
  return made;
}

/// Integers are cut as a cast from f32 does it, or rounded, and limited to what T holds.
template <class T>
T fitted(double value, bool rounds) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else {
    const double whole =
        rounds ? std::nearbyint(value) : static_cast<double>(static_cast<float>(value));
    return static_cast<T>(std::clamp(whole, double{std::numeric_limits<T>::lowest()},
                                     double{std::numeric_limits<T>::max()}));
  }
}

struct ResizeShared final : Shared<ResizeShared> {
  static constexpr bool kLaunches = true;
  Region region;
  std::vector<Source> operands_of;
  DType dtype = DType::u8;
  bool rounds = false;

  using Axis = ResizeAxis<double>;
  using Geometry = ResizedPlanes<double>;
  Geometry geometry(const Operands& operands) const { return {region, operands_of, operands}; }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    switch (dtype) {
      case DType::u8: return run_as<uint8_t>(g, operands, scratch, stream);
      case DType::i8: return run_as<int8_t>(g, operands, scratch, stream);
      case DType::i32: return run_as<int32_t>(g, operands, scratch, stream);
      default: return run_as<double>(g, operands, scratch, stream);
    }
  }

  template <class T>
  void run_as(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
              Stream& stream) const {
    const T* from = operands_of[0].as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    constexpr int64_t kTile = 16 * 1024;  // results that one worker takes at a time
    launch_ranges(stream, g.planes * g.y.to, kTile / std::max<int64_t>(1, g.x.to),
                  [=, this, &g](int64_t first, int64_t last) {
                    auto* line =
                        reinterpret_cast<double*>(scratch_of(scratch, 2 * (g.x.from + kApart)));
                    for (int64_t i = first; i < last; ++i) {
                      const T* plane = from + i / g.y.to * g.y.from * g.x.from;
                      sum_lines(g, plane, static_cast<size_t>(i % g.y.to), line);
                      sum_elements(g.x, line, to + i * g.x.to);
                    }
                  });
  }

  template <class T>
  static void sum_lines(const Geometry& g, const T* plane, size_t row, double* line) {
    std::fill_n(line, g.x.from, 0.0);
    for (size_t t = g.y.first[row]; t < g.y.first[row + 1]; ++t) {
      const T* source = plane + g.y.taps[t].place * g.x.from;
      const double weight = g.y.taps[t].weight;
      for (int64_t i = 0; i < g.x.from; ++i) line[i] += weight * static_cast<double>(source[i]);
    }
  }

  template <class T>
  void sum_elements(const Axis& x, const double* line, T* to) const {
    const Axis::Tap* tap = x.taps.data();
    for (int64_t i = 0; i < x.to; ++i) {
      double sum = 0;
      for (const Axis::Tap* end = x.taps.data() + x.first[static_cast<size_t>(i) + 1]; tap < end;
           ++tap)
        sum += tap->weight * line[tap->place];
      to[i] = fitted<T>(sum, rounds);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<ResizeShared>();
  shared->region = recipe.problem->region;
  shared->operands_of = sources(*recipe.problem);
  shared->dtype = operand_type(*recipe.problem, 0)->dtype;
  shared->rounds = op_of<Resize>(*recipe.problem)->antialias;
  return shared;
}

}  // namespace
}  // namespace resize_integers_kernel

void register_resize_integers(KernelRegistry& registry) {
  using namespace resize_integers_kernel;
  registry.add({"cpu.resize.integers", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
