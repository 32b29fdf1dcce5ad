// GatherND: coordinates pick elements or slices.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/moves.hpp"
#include "ops/gather.hpp"

namespace hone::cpu {
namespace gather_nd_kernel {
namespace {

constexpr int64_t kTile = 64 * 1024;  // bytes that one worker takes at a time

Verdict supports(const Problem& problem) {
  if (op_of<GatherND>(problem) == nullptr) return Verdict::no("GatherND only");
  for (size_t i = 0; i < 2; ++i)
    if (!operand_type(problem, i)->has_rank() || operand_type(problem, i)->rank() == 0)
      return Verdict::no("an operand of rank 0 or unknown");
  if (bits(operand_type(problem, 0)->dtype) < 8)
    return Verdict::no("elements of less than a byte, or strings");
  return {};
}

struct GatherNdShared final : Shared<GatherNdShared> {
  Region region;
  Source data;
  Indices indices;
  size_t batch_dims = 0;
  int64_t width = 1;

  explicit GatherNdShared(const Problem& problem)
      : region(problem.region), data(problem, 0), indices(problem, 1) {}

  struct Geometry {
    int64_t tuples = 0, in_batch = 1;     // coordinates; of one batch
    int64_t batch = 0;                    // elements of the data
    int64_t bytes = 0;                    // of a slice
    std::vector<int64_t> sizes, strides;  // of the axes that coordinates name
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = data.shape(operands), &at = indices.shape(operands);
    const auto numbers = static_cast<size_t>(at.back());
    check(batch_dims < std::min(in.size(), at.size()) && numbers >= 1 &&
              batch_dims + numbers <= in.size() &&
              std::equal(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(batch_dims),
                         in.begin()),
          Code::invalid_model, "indices ", shape_text(at), " do not fit data ", shape_text(in),
          " (", describe(*region.single()), ")");
    const std::vector<int64_t> strides = dense_strides(in);
    const std::span<const int64_t> sizes(in);
    Geometry g;
    g.bytes = element_count(sizes.subspan(batch_dims + numbers)) * width;
    if (g.bytes == 0) return g;
    g.tuples = element_count(std::span(at).first(at.size() - 1));
    g.in_batch = element_count(std::span(at).subspan(batch_dims)) / at.back();
    g.batch = element_count(sizes.subspan(batch_dims));
    for (size_t d = batch_dims; d < batch_dims + numbers; ++d)
      g.sizes.push_back(in[d]), g.strides.push_back(strides[d]);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const std::byte* from = data.data(operands);
    std::byte* to = operands.outputs[0].data;
    indices.read(operands, [&](const auto* numbers) {
      // A small slice costs as much as some bytes more.
      parallel_ranges(stream, g.tuples, kTile / (g.bytes + 8), [&](int64_t first, int64_t last) {
        if (g.bytes == width && width <= 8)
          with_width(width, [&](auto element) {
            using T = decltype(element);
            for (int64_t i = first; i < last; ++i)
              reinterpret_cast<T*>(to)[i] = reinterpret_cast<const T*>(from)[place(g, i, numbers)];
          });
        else
          for (int64_t i = first; i < last; ++i)
            std::memcpy(to + i * g.bytes, from + place(g, i, numbers) * width,
                        static_cast<size_t>(g.bytes));
      });
    });
  }

  /// The element at which the slice of tuple `i` begins.
  template <class I>
  int64_t place(const Geometry& g, int64_t i, const I* numbers) const {
    const size_t count = g.sizes.size();
    const I* own = numbers + i * static_cast<int64_t>(count);
    int64_t at = i / g.in_batch * g.batch;
    for (size_t d = 0; d < count; ++d)
      at += indices.place(int64_t{own[d]}, g.sizes[d]) * g.strides[d];
    return at;
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<GatherNdShared>(problem);
  const int64_t batch_dims = op_of<GatherND>(problem)->batch_dims;
  shared->batch_dims = static_cast<size_t>(std::max<int64_t>(0, batch_dims));
  shared->width = bits(operand_type(problem, 0)->dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace gather_nd_kernel

void register_gather_nd(KernelRegistry& registry) {
  using namespace gather_nd_kernel;
  registry.add({"cpu.gather_nd", 1, supports, no_tunings, streaming_recipe<4>, prepare});
}

}  // namespace hone::cpu
