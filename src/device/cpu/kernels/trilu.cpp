// Trilu: each row of a matrix is a copied part and zeros.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/unique.hpp"

namespace hone::cpu {
namespace trilu_kernel {
namespace {

constexpr int64_t kTile = 128 * 1024;  // bytes that one worker takes at a time

Verdict supports(const Problem& problem) {
  const auto* op = op_of<Trilu>(problem);
  if (op == nullptr) return Verdict::no("Trilu only");
  if (operand_type(problem, 1) != nullptr) return Verdict::no("the diagonal is computed");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.rank() < 2) return Verdict::no("an operand of rank below 2 or unknown");
  if (bits(x.dtype) < 8) return Verdict::no("elements of less than a byte, or strings");
  return {};
}

struct TriluShared final : Shared<TriluShared> {
  Trilu op;
  Source source;
  int64_t width = 1;

  explicit TriluShared(const Problem& problem) : op(*op_of<Trilu>(problem)), source(problem, 0) {}

  struct Geometry {
    int64_t lines = 0, rows = 1, columns = 1, right = 0;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    Geometry g;
    g.rows = shape[shape.size() - 2], g.columns = shape.back();
    if (element_count(shape) == 0) return g;
    g.lines = element_count(shape) / g.columns;
    const int64_t k = op.k ? evaluated(*op.k, operands.symbols).front() : 0;
    g.right = std::clamp(k, -g.rows, g.columns);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const std::byte* from = source.data(operands);
    std::byte* to = operands.outputs[0].data;
    const int64_t bytes = g.columns * width;
    parallel_ranges(
        stream, g.lines, kTile / std::max<int64_t>(1, bytes), [&](int64_t first, int64_t last) {
          for (int64_t line = first; line < last; ++line) {
            const int64_t diagonal = line % g.rows + g.right + (op.upper ? 0 : 1);
            const auto before =
                static_cast<size_t>(std::clamp<int64_t>(diagonal, 0, g.columns) * width);
            const size_t after = static_cast<size_t>(bytes) - before;
            const std::byte* own = from + line * bytes;
            std::byte* row = to + line * bytes;
            if (op.upper) {
              std::memset(row, 0, before);
              std::memcpy(row + before, own + before, after);
            } else {
              std::memcpy(row, own, before);
              std::memset(row + before, 0, after);
            }
          }
        });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<TriluShared>(*recipe.problem);
  shared->width = bits(operand_type(*recipe.problem, 0)->dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace trilu_kernel

void register_trilu(KernelRegistry& registry) {
  using namespace trilu_kernel;
  registry.add({"cpu.trilu", 1, supports, no_tunings, streaming_recipe<>, prepare});
}

}  // namespace hone::cpu
