// ScatterElements: a copy of the data, then updates in their order. Lanes along the axis do not
// meet each other, so that workers take some lanes each.

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/scatter.hpp"

namespace hone::cpu {
namespace scatter_elements_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // updates that one worker takes at a time

Verdict supports(const Problem& problem) {
  const auto* op = op_of<ScatterElements>(problem);
  if (op == nullptr) return Verdict::no("ScatterElements only");
  for (size_t i = 0; i < 3; ++i)
    if (!operand_type(problem, i)->has_rank() || operand_type(problem, i)->rank() == 0)
      return Verdict::no("an operand of rank 0 or unknown");
  if (const char* why = scatter_refusal(op->reduction, operand_type(problem, 0)->dtype))
    return Verdict::no(why);
  return {};
}

struct ScatterElementsShared final : Shared<ScatterElementsShared> {
  Region region;
  Source data, updates;
  Indices indices;
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::none;
  DType dtype = DType::f32;

  explicit ScatterElementsShared(const Problem& problem)
      : region(problem.region), data(problem, 0), updates(problem, 2), indices(problem, 1) {}

  struct Geometry {
    int64_t bytes = 0;                   // of the data
    std::vector<MoveDim> before, after;  // axes of the updates around the axis; `from`: of the data
    int64_t outer = 0, inner = 0;        // their elements
    int64_t count = 0;                   // of updates along the axis
    int64_t size = 0, stride = 0;        // of the data along the axis
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = data.shape(operands), &at = indices.shape(operands);
    check(at == updates.shape(operands), Code::invalid_model, "the indices have shape ",
          shape_text(at), ", the updates ", shape_text(updates.shape(operands)), " (",
          describe(*region.single()), ")");
    const size_t along = axis_index(axis, in.size());
    const std::vector<int64_t> strides = dense_strides(in);
    Geometry g;
    g.bytes = element_count(in) * (bits(dtype) / 8);
    if (element_count(at) == 0) return g;
    g.outer = g.inner = 1;
    for (size_t d = 0; d < in.size(); ++d) {
      if (d == along) continue;
      check(at[d] <= in[d], Code::invalid_model, "the indices have shape ", shape_text(at),
            ", too large for data of ", shape_text(in), " (", describe(*region.single()), ")");
      (d < along ? g.before : g.after).push_back({at[d], strides[d], 0});
      (d < along ? g.outer : g.inner) *= at[d];
    }
    g.count = at[along], g.size = in[along], g.stride = strides[along];
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    copy_bytes(data.data(operands), operands.outputs[0].data, g.bytes, stream);
    if (g.outer == 0) return;
    indices.read(operands, [&](const auto* numbers) {
      with_reduction(reduction, dtype, [&]<class T, ScatterReduction kReduction>() {
        scatter<T, kReduction>(g, operands, numbers, stream);
      });
    });
  }

  template <class T, ScatterReduction kReduction, class I>
  void scatter(const Geometry& g, const Operands& operands, const I* numbers,
               Stream& stream) const {
    const T* from = updates.as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    // Pieces of the lanes that lie side by side.
    const int64_t wide = std::clamp<int64_t>(kTile / g.count, 64, 4096);
    const int64_t pieces = ceil_div(g.inner, wide);
    const int64_t grain = kTile / (g.count * std::min(wide, g.inner));
    parallel_ranges(stream, g.outer * pieces, grain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t begin = i % pieces * wide, end = std::min(g.inner, begin + wide);
        const int64_t own = i / pieces * g.count * g.inner;
        T* lanes = to + offset(g.before, i / pieces);
        for (int64_t k = 0; k < g.count; ++k)
          for (int64_t j = begin; j < end; ++j) {
            const int64_t at = own + k * g.inner + j;
            T& element =
                lanes[indices.place(int64_t{numbers[at]}, g.size) * g.stride + offset(g.after, j)];
            element = combined<kReduction>(element, from[at]);
          }
      }
    });
  }

  static int64_t offset(const std::vector<MoveDim>& dims, int64_t i) {
    if (dims.size() == 1) return i * dims[0].from;
    int64_t at = 0;
    for (size_t d = dims.size(); d-- > 0;) {
      at += i % dims[d].size * dims[d].from;
      i /= dims[d].size;
    }
    return at;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<ScatterElementsShared>(problem);
  shared->axis = op_of<ScatterElements>(problem)->axis;
  shared->reduction = op_of<ScatterElements>(problem)->reduction;
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace scatter_elements_kernel

void register_scatter_elements(KernelRegistry& registry) {
  using namespace scatter_elements_kernel;
  registry.add({"cpu.scatter_elements", 1, supports, no_tunings, scatter_recipe, prepare});
}

}  // namespace hone::cpu
