// ReverseSequence: lines of elements in another order, of any type whose elements are whole bytes.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/unique.hpp"

namespace hone::cpu {
namespace reverse_sequence_kernel {
namespace {

constexpr int64_t kTile = 64 * 1024;  // bytes that one worker copies at a time

Verdict supports(const Problem& problem) {
  if (op_of<ReverseSequence>(problem) == nullptr) return Verdict::no("ReverseSequence only");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank()) return Verdict::no("the operand is of unknown rank");
  if (const char* why = width_refusal(x.dtype)) return Verdict::no(why);
  return {};
}

struct ReverseShared final : Shared<ReverseShared> {
  Source x, lengths;
  bool batch_first;
  int64_t width;

  explicit ReverseShared(const Problem& problem)
      : x(problem, 0),
        lengths(problem, 1),
        batch_first(op_of<ReverseSequence>(problem)->batch_axis == 0),
        width(bits(operand_type(problem, 0)->dtype) / 8) {}

  struct Geometry {
    int64_t batch = 0, time = 0, line = 0;  // line: bytes
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = x.shape(operands);
    Geometry g{shape[batch_first ? 0 : 1], shape[batch_first ? 1 : 0], 0};
    check(element_count(lengths.shape(operands)) == g.batch, Code::usage, "sequence_lens has ",
          element_count(lengths.shape(operands)), " elements, wanted ", g.batch);
    if (g.batch * g.time > 0) g.line = element_count(shape) * width / (g.batch * g.time);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const auto* all = lengths.as<int64_t>(operands);
    for (int64_t b = 0; b < g.batch; ++b)
      check(all[b] >= 0 && all[b] <= g.time, Code::invalid_model, "sequence_lens has ", all[b],
            ", wanted 0 to ", g.time);
    if (g.line == 0) return;
    const std::byte* from = x.data(operands);
    std::byte* to = operands.outputs[0].data;
    parallel_ranges(stream, g.batch * g.time, kTile / g.line, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t b = batch_first ? i / g.time : i % g.batch;
        const int64_t t = batch_first ? i % g.time : i / g.batch;
        const int64_t of = t < all[b] ? all[b] - 1 - t : t;
        const int64_t at = batch_first ? b * g.time + of : of * g.batch + b;
        std::memcpy(to + i * g.line, from + at * g.line, static_cast<size_t>(g.line));
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<ReverseShared>(*recipe.problem);
}

}  // namespace
}  // namespace reverse_sequence_kernel

void register_reverse_sequence(KernelRegistry& registry) {
  using namespace reverse_sequence_kernel;
  registry.add({"cpu.reverse_sequence", 1, supports, no_tunings, streaming_recipe<>, prepare});
}

}  // namespace hone::cpu
