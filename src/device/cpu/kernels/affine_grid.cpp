// AffineGrid of f32 and f64, in f64 as the reference does: a line along the innermost axis is a
// point and a step.

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/sampling.hpp"

namespace hone::cpu {
namespace affine_grid_kernel {
namespace {

constexpr int64_t kTile = 8 * 1024;  // numbers that one worker writes at a time
constexpr int64_t kMostAxes = 3;

Verdict supports(const Problem& problem) {
  const auto* op = op_of<AffineGrid>(problem);
  if (op == nullptr) return Verdict::no("AffineGrid only");
  const TensorType& y = problem.region.single()->outputs[0]->type.tensor();
  if (y.dtype != DType::f32 && y.dtype != DType::f64) return Verdict::no("f32 and f64 only");
  if (!y.has_rank() || !operand_type(problem, 0)->has_rank())
    return Verdict::no("an operand is of unknown rank");
  return {};
}

struct AffineGridShared final : Shared<AffineGridShared> {
  static constexpr bool kLaunches = true;
  Region region;
  Source matrices;
  bool align_corners = false, wide = false;

  explicit AffineGridShared(const Problem& problem)
      : region(problem.region), matrices(problem, 0) {}

  struct Geometry {
    int64_t lines = 0, axes = 2;                 // lines of all grids
    std::vector<double> places[kMostAxes] = {};  // along x, then y, then z
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    const std::vector<int64_t>& in = matrices.shape(operands);
    g.axes = static_cast<int64_t>(out.size()) - 2;
    check((g.axes == 2 || g.axes == kMostAxes) && out.back() == g.axes &&
              in == std::vector<int64_t>{out[0], g.axes, g.axes + 1},
          Code::invalid_model, "matrices ", shape_text(in), " for a grid of ", shape_text(out),
          " (", describe(*region.single()), ")");
    if (element_count(out) == 0) return g;
    for (int64_t k = 0; k < g.axes; ++k) {
      const int64_t size = out[static_cast<size_t>(g.axes - k)];
      const auto count = static_cast<double>(size);
      for (int64_t i = 0; i < size; ++i) {
        const auto at = static_cast<double>(i);
        g.places[k].push_back(!align_corners ? (2 * at + 1) / count - 1
                              : size == 1    ? 0
                                             : -1 + at * (2 / (count - 1)));
      }
    }
    g.lines = element_count(out) / g.axes / std::ssize(g.places[0]);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (wide) run_as<double>(g, operands, stream);
    else run_as<float>(g, operands, stream);
  }

  template <class T>
  void run_as(const Geometry& g, const Operands& operands, Stream& stream) const {
    const T* from = matrices.as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    const int64_t width = std::ssize(g.places[0]);
    launch_ranges(stream, g.lines, kTile / std::max<int64_t>(1, width * g.axes),
                  [=, &g](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i)
                      if (g.axes == 2) line<2>(g, i, from, to + i * width * 2);
                      else line<kMostAxes>(g, i, from, to + i * width * kMostAxes);
                  });
  }

  template <int kAxes, class T>
  static void line(const Geometry& g, int64_t i, const T* from, T* to) {
    int64_t at[kAxes];  // of y, z, the matrix
    for (int k = 1; k < kAxes; ++k) {
      const int64_t size = std::ssize(g.places[k]);
      at[k - 1] = i % size;
      i /= size;
    }
    at[kAxes - 1] = i;
    double start[kAxes], step[kAxes];
    for (int row = 0; row < kAxes; ++row) {
      const T* matrix = from + (at[kAxes - 1] * kAxes + row) * (kAxes + 1);
      step[row] = static_cast<double>(matrix[0]);
      start[row] = static_cast<double>(matrix[kAxes]);
      for (int k = 1; k < kAxes; ++k)
        start[row] += static_cast<double>(matrix[k]) * g.places[k][static_cast<size_t>(at[k - 1])];
    }
    const double* places = g.places[0].data();
    for (int64_t x = 0, width = std::ssize(g.places[0]); x < width; ++x)
      for (int row = 0; row < kAxes; ++row)
        to[x * kAxes + row] = static_cast<T>(start[row] + step[row] * places[x]);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<AffineGridShared>(problem);
  shared->align_corners = op_of<AffineGrid>(problem)->align_corners;
  shared->wide = operand_type(problem, 0)->dtype == DType::f64;
  return shared;
}

}  // namespace
}  // namespace affine_grid_kernel

void register_affine_grid(KernelRegistry& registry) {
  using namespace affine_grid_kernel;
  registry.add({"cpu.affine_grid", 1, supports, no_tunings, streaming_recipe<4>, prepare});
}

}  // namespace hone::cpu
