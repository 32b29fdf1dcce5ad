// GatherElements: each index picks one element, along one axis.

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/moves.hpp"
#include "ops/gather.hpp"

namespace hone::cpu {
namespace gather_elements_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time

Verdict supports(const Problem& problem) {
  if (op_of<GatherElements>(problem) == nullptr) return Verdict::no("GatherElements only");
  for (size_t i = 0; i < 2; ++i)
    if (!operand_type(problem, i)->has_rank() || operand_type(problem, i)->rank() == 0)
      return Verdict::no("an operand of rank 0 or unknown");
  if (const char* why = width_refusal(operand_type(problem, 0)->dtype)) return Verdict::no(why);
  return {};
}

struct GatherElementsShared final : Shared<GatherElementsShared> {
  Region region;
  Source data;
  Indices indices;
  int64_t axis = 0, width = 1;

  explicit GatherElementsShared(const Problem& problem)
      : region(problem.region), data(problem, 0), indices(problem, 1) {}

  struct Geometry {
    std::vector<MoveDim> outer;  // of the result, but for its last axis; `from`: of the data
    int64_t lines = 0, count = 0;
    int64_t size = 0, stride = 0;  // of the data along the axis
    int64_t step = 0;              // between neighbours that have the same index; 0 or 1
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = data.shape(operands), &out = indices.shape(operands);
    const size_t at = axis_index(axis, in.size());
    const std::vector<int64_t> strides = dense_strides(in);
    Geometry g;
    if (element_count(out) == 0) return g;
    for (size_t d = 0; d < in.size(); ++d) {
      check(d == at || out[d] <= in[d], Code::invalid_model, "the indices have shape ",
            shape_text(out), ", too large for data of ", shape_text(in), " (",
            describe(*region.single()), ")");
      g.outer.push_back({out[d], d == at ? 0 : strides[d], 0});
    }
    g.step = g.outer.back().from;
    g.outer.pop_back();
    g.count = out.back();
    g.lines = element_count(out) / g.count;
    g.size = in[at], g.stride = strides[at];
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.lines == 0) return;
    with_width(width, [&](auto element) {
      using T = decltype(element);
      const T* from = data.as<T>(operands);
      T* to = operands.outputs[0].as<T>();
      indices.read(operands, [&](const auto* numbers) {
        const int64_t pieces = ceil_div(g.count, kTile);  // of a line
        parallel_ranges(
            stream, g.lines * pieces, kTile / g.count, [&](int64_t first, int64_t last) {
              for (int64_t i = first; i < last; ++i) {
                const int64_t begin = i % pieces * kTile;
                const int64_t at = i / pieces * g.count + begin;
                pick(g, std::min(kTile, g.count - begin),
                     from + start(g, i / pieces) + begin * g.step, numbers + at, to + at);
              }
            });
      });
    });
  }

  static int64_t start(const Geometry& g, int64_t line) {
    int64_t at = 0;
    for (size_t d = g.outer.size(); d-- > 0;) {
      at += line % g.outer[d].size * g.outer[d].from;
      line /= g.outer[d].size;
    }
    return at;
  }

  template <class T, class I>
  void pick(const Geometry& g, int64_t count, const T* from, const I* numbers, T* to) const {
    const int64_t size = g.size, stride = g.stride;
    if (g.step == 0)  // along the last axis
      for (int64_t i = 0; i < count; ++i) to[i] = from[indices.place(int64_t{numbers[i]}, size)];
    else
      for (int64_t i = 0; i < count; ++i, ++from)
        to[i] = from[indices.place(int64_t{numbers[i]}, size) * stride];
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<GatherElementsShared>(problem);
  shared->axis = op_of<GatherElements>(problem)->axis;
  shared->width = bits(operand_type(problem, 0)->dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace gather_elements_kernel

void register_gather_elements(KernelRegistry& registry) {
  using namespace gather_elements_kernel;
  registry.add({"cpu.gather_elements", 1, supports, no_tunings, streaming_recipe<20>, prepare});
}

}  // namespace hone::cpu
