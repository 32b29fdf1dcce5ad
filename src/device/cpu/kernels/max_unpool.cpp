// MaxUnpool of f32: zeros, then each element at its place.

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/unpooling.hpp"

namespace hone::cpu {
namespace max_unpool_kernel {
namespace {

constexpr int64_t kTile = 64 * 1024;  // elements that one worker clears at a time

Verdict supports(const Problem& problem) {
  const auto* op = op_of<MaxUnpool>(problem);
  if (op == nullptr) return Verdict::no("MaxUnpool only");
  for (size_t i = 0; i < 2; ++i)
    if (!operand_type(problem, i)->has_rank()) return Verdict::no("an operand of unknown rank");
  if (operand_type(problem, 0)->dtype != DType::f32) return Verdict::no("f32 only");
  if (operand_type(problem, 2) != nullptr) return Verdict::no("output_shape is computed");
  return {};
}

struct UnpoolShared final : Shared<UnpoolShared> {
  Region region;
  Source x, offsets;

  explicit UnpoolShared(const Problem& problem)
      : region(problem.region), x(problem, 0), offsets(problem, 1) {}
  const MaxUnpool& op() const { return *region.single()->op.as<MaxUnpool>(); }

  struct Geometry {
    std::vector<int64_t> inner, result;  // what offsets count within; what there is
    int64_t places = 0;                  // of the former
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    const Window& window = op().window;
    g.inner = x.shape(operands);
    g.result = operands.outputs[0].shape;
    check(g.inner == offsets.shape(operands), Code::usage, "data ", shape_text(g.inner),
          " and offsets ", shape_text(offsets.shape(operands)));
    for (size_t i = 2; i < g.inner.size(); ++i) {
      const Dim size =
          transposed_axis(window, i - 2, g.inner[i], window.kernel_shape[i - 2], {}, {}).output;
      g.inner[i] = size.constant().value_or(-1);
      check(g.inner[i] >= 0 && g.inner[i] <= g.result[i], Code::usage, "output_shape ",
            shape_text(g.result), " for an unpooled axis of ", g.inner[i], " elements");
    }
    g.places = element_count(g.inner);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    auto* to = operands.outputs[0].as<float>();
    parallel_ranges(stream, element_count(g.result), kTile,
                    [&](int64_t first, int64_t last) { std::fill(to + first, to + last, 0.0f); });
    const auto* from = x.as<float>(operands);
    const auto* places = offsets.as<int64_t>(operands);
    const int64_t count = element_count(x.shape(operands));
    const bool whole = g.inner == g.result;
    // In order: of elements with one place the last one counts.
    for (int64_t i = 0; i < count; ++i) {
      const int64_t offset = places[i];
      if (offset < 0 || offset >= g.places)
        fail(Code::invalid_model, "offset ", offset, " in ", g.places, " elements (",
             describe(*region.single()), ")");
      to[whole ? offset : moved(g, offset)] = from[i];
    }
  }

  /// A place within `inner` as one within the result.
  static int64_t moved(const Geometry& g, int64_t offset) {
    int64_t place = 0, step = 1;
    for (size_t d = g.inner.size(); d-- > 0;) {
      place += offset % g.inner[d] * step;
      offset /= g.inner[d];
      step *= g.result[d];
    }
    return place;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<UnpoolShared>(*recipe.problem);
}

}  // namespace
}  // namespace max_unpool_kernel

void register_max_unpool(KernelRegistry& registry) {
  using namespace max_unpool_kernel;
  registry.add({"cpu.max_unpool", 1, supports, no_tunings, streaming_recipe<>, prepare});
}

}  // namespace hone::cpu
