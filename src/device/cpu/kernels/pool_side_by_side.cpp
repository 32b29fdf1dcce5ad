// Pooling of f32 over one to three spatial axes with as many channels side by side as a vector has
// floats: for planes whose rows are short, or windows that are large beside them.

#include "device/cpu/im2col.hpp"
#include "device/cpu/joined_windows.hpp"
#include "device/cpu/pooling.hpp"

namespace hone::cpu {
namespace pool_side_by_side_kernel {
namespace {

/// nullopt: sizes are open.
std::optional<JoinedWindows> windows_of(const Problem& problem, const PoolFields& fields) {
  const Node& node = *problem.region.single();
  const auto in = known_sizes(node.inputs[0]), out = known_sizes(node.outputs[0]);
  if (!in || !out) return std::nullopt;
  std::vector<WindowAxis> axes;
  for (size_t i = 2; i < in->size(); ++i) axes.push_back(fields.axis(i - 2, *in, *out));
  return JoinedWindows(axes, (*in)[1]);
}

Verdict supports(const Problem& problem) {
  const auto fields = pool_fields(problem);
  if (!fields) return Verdict::no("MaxPool and AveragePool only");
  const TensorType* x = operand_type(problem, 0);
  if (x->dtype != DType::f32) return Verdict::no("f32 only");
  if (!x->has_rank() || x->rank() < 3 || x->rank() > 5)
    return Verdict::no("one to three spatial dimensions only");
  if (wanted_output(problem, 1) >= 0) return Verdict::no("the places of the maxima are wanted");
  const auto windows = windows_of(problem, *fields);
  if (!windows) return Verdict::no("sizes are open");
  if (const char* why = windows->refusal()) return Verdict::no(why);
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const PoolFields fields = *pool_fields(*problem);
  const JoinedWindows windows = *windows_of(*problem, fields);
  const double images = typical(*problem, operand_type(*problem, 0)->shape()[0]);
  // Comparisons that mind NaN are four instructions; means are sums that are scaled.
  made.seconds = windows.seconds(
      images, (fields.average ? 7e-10 : 8e-10) / static_cast<double>(windows.planes()));
  made.scratch_bytes = worker_scratch(problem->share, Dim(JoinedWindows::kScratch));
  made.problem = std::move(problem);
  return made;
}

struct PoolSideBySideShared final : Shared<PoolSideBySideShared> {
  static constexpr bool kLaunches = true;
  PoolFields fields;
  JoinedWindows windows;
  Source source;
  int64_t workers;

  explicit PoolSideBySideShared(const Problem& problem)
      : fields(*pool_fields(problem)),
        windows(*windows_of(problem, fields)),
        source(problem, 0),
        workers(problem.share.workers) {}

  struct Geometry {
    JoinedWindows::Tiling tiling;
    std::vector<float> shares;  // of means: by result of a plane
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{windows.tiling(source.shape(operands)[0], workers), {}};
    if (!fields.average) return g;
    for (int64_t z = 0; z < windows.z().output; ++z)
      for (int64_t y = 0; y < windows.y().output; ++y)
        for (int64_t x = 0; x < windows.x().output; ++x) {
          const int64_t count = fields.elements(windows.z(), z) * fields.elements(windows.y(), y) *
                                fields.elements(windows.x(), x);
          g.shares.push_back(1.0F / static_cast<float>(std::max<int64_t>(1, count)));
        }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    stream.launch(
        g.tiling.tiles,
        [=, this, &g](int64_t index) {
          windows.run(windows.tile(g.tiling, index), from, fields.frame(),
                      scratch_of(scratch, JoinedWindows::kScratch), to,
                      [&](const JoinedWindows::Row& row, int64_t z, int64_t y) {
                        fold(g, row.window, z * windows.y().output + y);
                      });
        },
        [&](int64_t index) { return windows.touched(windows.tile(g.tiling, index), from, to); });
  }

  /// `line`: of a plane's results.
  void fold(const Geometry& g, const WindowRow& row, int64_t line) const {
    if (!fields.average) return windows.functions().largest(row);
    windows.functions().sum(row);
    const float* shares = g.shares.data() + line * row.count;
    const int64_t planes = windows.planes();
    for (int64_t i = 0; i < row.count; ++i)
      for (int64_t p = 0; p < planes; ++p) row.to[i * planes + p] *= shares[i];
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<PoolSideBySideShared>(*recipe.problem);
}

}  // namespace
}  // namespace pool_side_by_side_kernel

void register_pool_side_by_side(KernelRegistry& registry) {
  using namespace pool_side_by_side_kernel;
  registry.add({"cpu.pool.side_by_side", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
