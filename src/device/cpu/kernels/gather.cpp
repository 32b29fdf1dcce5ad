// Gather: slices of any element type by indices along one axis.

#include "ops/gather.hpp"

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace gather_kernel {
namespace {

Verdict supports(const Problem& problem) {
  if (op_of<Gather>(problem) == nullptr) return Verdict::no("Gather only");
  for (size_t i = 0; i < 2; ++i)
    if (!operand_type(problem, i)->has_rank()) return Verdict::no("an operand is of unknown rank");
  if (bits(operand_type(problem, 0)->dtype) < 8)
    return Verdict::no("elements of less than a byte, or strings");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Type& result = problem->region.single()->outputs[0]->type;
  made.seconds = 2 * typical_count(*problem, result) * bits(result.tensor().dtype) / 8 /
                 problem->target->bytes_per_second;
  made.problem = std::move(problem);
  return made;
}

struct GatherShared final : Shared<GatherShared> {
  static constexpr bool kLaunches = true;
  Region region;
  std::vector<Source> operands_of;
  int64_t axis = 0, width = 1;
  bool wide_indices = true;

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1, indices = 0;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands_of[0].shape(operands);
    const size_t at = axis_index(axis, shape.size());
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d)
      (d < at ? g.outer : d == at ? g.size : g.inner) *= shape[d];
    g.indices = element_count(operands_of[1].shape(operands));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const std::byte* from = operands_of[0].data(operands);
    std::byte* to = operands.outputs[0].data;
    const int64_t bytes = g.inner * width;
    constexpr int64_t kTile = 64 * 1024;  // bytes that one worker takes at a time
    launch_ranges(stream, g.outer * g.indices, kTile / std::max<int64_t>(1, bytes),
                  [=, this, &g, &operands](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t index = index_at(operands, i % g.indices, g.size);
                      const int64_t source = i / g.indices * g.size + index;
                      if (bytes > 0)
                        std::memcpy(to + i * bytes, from + source * bytes,
                                    static_cast<size_t>(bytes));
                    }
                  });
  }

  int64_t index_at(const Operands& operands, int64_t i, int64_t size) const {
    const int64_t index = wide_indices ? operands_of[1].as<int64_t>(operands)[i]
                                       : operands_of[1].as<int32_t>(operands)[i];
    check(index >= -size && index < size, Code::invalid_model, "index ", index,
          " is out of range for size ", size, " (", describe(*region.single()), ")");
    return index < 0 ? index + size : index;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<GatherShared>();
  const Problem& problem = *recipe.problem;
  shared->region = problem.region;
  shared->operands_of = sources(problem);
  shared->axis = op_of<Gather>(problem)->axis;
  shared->width = bits(operand_type(problem, 0)->dtype) / 8;
  shared->wide_indices = operand_type(problem, 1)->dtype == DType::i64;
  return shared;
}

}  // namespace
}  // namespace gather_kernel

void register_gather(KernelRegistry& registry) {
  using namespace gather_kernel;
  registry.add({"cpu.gather", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
