// MaxPool of f32 that tells where the maxima are: each kernel element updates a line of results and
// of places.

#include <algorithm>
#include <array>

#include "base/size.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/pooling.hpp"

namespace hone::cpu {
namespace pool_places_kernel {
namespace {

constexpr int64_t kTile = 4 * 1024;  // results that one worker takes at a time
constexpr int64_t kColumns = 256;    // results of a line that are made together

Verdict supports(const Problem& problem) {
  const auto* op = op_of<MaxPool>(problem);
  if (op == nullptr) return Verdict::no("MaxPool only");
  if (wanted_output(problem, 1) < 0) return Verdict::no("the places of the maxima are not wanted");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.rank() < 3 || x.rank() > 5)
    return Verdict::no("one to three spatial dimensions only");
  if (x.dtype != DType::f32) return Verdict::no("f32 only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe(problem, tuning);
  made.seconds = streaming_seconds(*problem, 4 * pool_fields(*problem)->taps());
  return made;
}

struct PoolPlacesShared final : Shared<PoolPlacesShared> {
  PoolFields fields;
  Source source;
  bool column_major;
  int values, places;  // among the step's outputs; negative: not wanted

  explicit PoolPlacesShared(const Problem& problem)
      : fields(*pool_fields(problem)),
        source(problem, 0),
        column_major(op_of<MaxPool>(problem)->storage_order == 1),
        values(wanted_output(problem, 0)),
        places(wanted_output(problem, 1)) {}

  struct Geometry {
    int64_t planes = 0;  // 0: nothing to do
    std::array<WindowAxis, 3> axes{kNoAxis, kNoAxis, kNoAxis};
    std::array<int64_t, 3> steps{};  // of a place along each axis
    int64_t inputs() const { return axes[0].input * axes[1].input * axes[2].input; }
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = source.shape(operands),
          &out = operands.outputs[static_cast<size_t>(places)].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    const size_t rank = in.size() - 2;
    for (size_t i = 0; i < rank; ++i) g.axes[3 - rank + i] = fields.axis(i, in, out);
    g.planes = in[0] * in[1];
    const auto& [z, y, x] = g.axes;
    g.steps = {y.input * x.input, x.input, 1};
    if (column_major) g.steps = {1, z.input, z.input * y.input};
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.planes == 0) return;
    const auto& [z, y, x] = g.axes;
    const int64_t lines = z.output * y.output;
    parallel_ranges(stream, g.planes * lines, kTile / x.output, [&](int64_t first, int64_t last) {
      for (int64_t line = first; line < last; ++line)
        for (int64_t column = 0; column < x.output; column += kColumns)
          run_line(g, operands, line / lines, line % lines, column,
                   std::min(kColumns, x.output - column));
    });
  }

  /// Results [first, first + count) of a line.
  void run_line(const Geometry& g, const Operands& operands, int64_t plane, int64_t line,
                int64_t first, int64_t count) const {
    const auto& [z, y, x] = g.axes;
    float best[kColumns];
    int64_t found[kColumns];
    std::fill_n(best, count, fields.frame());
    std::fill_n(found, count, int64_t{-1});
    const int64_t base = plane * g.inputs(), at_z = line / y.output, at_y = line % y.output;
    const float* from = source.as<float>(operands) + base;
    const Taps slices = z.taps(at_z), rows = y.taps(at_y);
    for (int64_t kz = slices.first; kz < slices.last; ++kz)
      for (int64_t ky = rows.first; ky < rows.last; ++ky) {
        const int64_t in_z = z.start(at_z) + kz * z.dilation;
        const int64_t in_y = y.start(at_y) + ky * y.dilation;
        const float* row = from + (in_z * y.input + in_y) * x.input;
        const int64_t place = base + in_z * g.steps[0] + in_y * g.steps[1];
        for (int64_t kx = 0; kx < x.kernel; ++kx) {
          const Taps inside = x.outputs(kx);
          const int64_t begin = std::max(inside.first, first);
          const int64_t end = std::min(inside.last, first + count);
          for (int64_t i = begin; i < end; ++i) {
            const int64_t column = x.start(i) + kx * x.dilation;
            see(row[column], place + column * g.steps[2], best[i - first], found[i - first]);
          }
        }
      }
    const int64_t to = (plane * z.output * y.output + line) * x.output + first;
    const auto result = [&](int which) { return operands.outputs[static_cast<size_t>(which)]; };
    if (values >= 0) std::copy_n(best, count, result(values).as<float>() + to);
    std::copy_n(found, count, result(places).as<int64_t>() + to);
  }

  /// The first of the largest; NaN is larger than all else.
  static void see(float value, int64_t place, float& best, int64_t& found) {
    const bool nan = value != value && best == best;
    if (found >= 0 && !(value > best) && !nan) return;
    best = value;
    found = place;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<PoolPlacesShared>(*recipe.problem);
}

}  // namespace
}  // namespace pool_places_kernel

void register_pool_places(KernelRegistry& registry) {
  using namespace pool_places_kernel;
  registry.add({"cpu.pool.places", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
