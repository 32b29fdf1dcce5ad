// LpPool of f32 over one or two spatial axes, and GlobalLpPool: sums of powers of magnitudes, line
// by line of the results.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/pooling.hpp"
#include "device/cpu/reduction.hpp"

namespace hone::cpu {
namespace lp_pool_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker reads at a time

Verdict supports(const Problem& problem) {
  const bool global = op_of<GlobalLpPool>(problem) != nullptr;
  if (op_of<LpPool>(problem) == nullptr && !global)
    return Verdict::no("LpPool and GlobalLpPool only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 of a known rank only");
  const int rank = operand_type(problem, 0)->rank();
  if (rank < (global ? 2 : 3) || (!global && rank > 4))
    return Verdict::no("one or two spatial dimensions only");
  return {};
}

/// f(power) with what makes the power of a number.
template <class F>
void with_power(int64_t p, const F& f) {
  if (p == 1) f([](auto x) { return std::fabs(x); });
  else if (p == 2) f([](auto x) { return x * x; });
  else
    f([p](auto x) {
      using T = decltype(x);
      return std::pow(std::fabs(x), static_cast<T>(p));
    });
}

double root(double sum, int64_t p) {
  return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / static_cast<double>(p));
}

struct LpPoolShared final : Shared<LpPoolShared> {
  PoolFields fields{};
  int64_t p;
  bool global;
  Source source;

  explicit LpPoolShared(const Problem& problem)
      : global(op_of<GlobalLpPool>(problem) != nullptr), source(problem, 0) {
    if (global) {
      p = op_of<GlobalLpPool>(problem)->p;
      return;
    }
    const LpPool& op = *op_of<LpPool>(problem);
    fields.window = op.window;
    fields.ceil_mode = op.ceil_mode;
    p = op.p;
  }

  struct Geometry {
    int64_t planes = 0, plane = 0;
    WindowAxis y = kNoAxis, x = kNoAxis;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = source.shape(operands), &out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    g.planes = in[0] * in[1];
    g.plane = element_count(in) / g.planes;
    if (global) return g;
    g.x = fields.axis(in.size() - 3, in, out);
    if (in.size() == 4) g.y = fields.axis(0, in, out);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    if (g.planes == 0) return;
    const int64_t lines = global ? 1 : g.y.output;
    const int64_t work = global ? g.plane : g.x.output * g.y.kernel * g.x.kernel;
    parallel_ranges(stream, g.planes * lines, kTile / std::max<int64_t>(1, work),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const float* plane = from + i / lines * g.plane;
                        if (global) to[i] = norm(g.plane, plane);
                        else line(g, plane, i % lines, to + i * g.x.output);
                      }
                    });
  }

  float norm(int64_t count, const float* from) const {
    double sum = 0;
    with_power(p, [&](const auto& power) {
      sum = fold_line(count, from, sum, power, [](double a, double b) { return a + b; });
    });
    return static_cast<float>(root(sum, p));
  }

  /// One line of the results: each element of the window adds to all of them.
  void line(const Geometry& g, const float* plane, int64_t y, float* to) const {
    std::fill_n(to, g.x.output, 0.0f);
    const Taps rows = g.y.taps(y);
    with_power(p, [&](const auto& power) {
      for (int64_t row = rows.first; row < rows.last; ++row) {
        const float* from = plane + (g.y.start(y) + row * g.y.dilation) * g.x.input;
        for (int64_t tap = 0; tap < g.x.kernel; ++tap) {
          const int64_t start = g.x.start(0) + tap * g.x.dilation, step = g.x.stride;
          const auto [first, last] = g.x.outputs(tap);
          if (step == 1)
            for (int64_t x = first; x < last; ++x) to[x] += power(from[start + x]);
          else
            for (int64_t x = first; x < last; ++x) to[x] += power(from[start + x * step]);
        }
      }
    });
    if (p == 2)
      for (int64_t x = 0; x < g.x.output; ++x) to[x] = std::sqrt(to[x]);
    else if (p != 1)
      for (int64_t x = 0; x < g.x.output; ++x) to[x] = static_cast<float>(root(double{to[x]}, p));
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<LpPoolShared>(*recipe.problem);
}

}  // namespace
}  // namespace lp_pool_kernel

void register_lp_pool(KernelRegistry& registry) {
  using namespace lp_pool_kernel;
  registry.add({"cpu.lp_pool", 1, supports, no_tunings, streaming_recipe<8>, prepare});
}

}  // namespace hone::cpu
