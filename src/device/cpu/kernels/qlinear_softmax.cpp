// QLinearSoftmax of 8-bit integers along rows that lie dense, as the reference: exponentials from a
// table, their sum in f32, element by element.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/quantization.hpp"
#include "ops/qlinear.hpp"

namespace hone::cpu {
namespace qlinear_softmax_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kPiece = 256;

Verdict supports(const Problem& problem) {
  const auto* op = op_of<QLinearSoftmax>(problem);
  if (op == nullptr) return Verdict::no("QLinearSoftmax only");
  const TensorType& x = *operand_type(problem, 0);
  if (!is_byte(x) || x.rank() == 0) return Verdict::no("integers of 8 bits only");
  if (!op->flatten && axis_index(op->axis, x.shape().size()) + 1 != x.shape().size())
    return Verdict::no("along the last axis only");
  for (const size_t scale : {1, 3})
    if (operand_type(problem, scale)->dtype != DType::f32) return Verdict::no("scales of f32 only");
  return {};
}

struct SoftmaxShared final : Shared<SoftmaxShared> {
  QLinearSoftmax op;
  std::vector<Source> operands_of;
  DType dtype = DType::u8;

  struct Geometry {
    int64_t rows = 0, size = 0;
  };
  Geometry geometry(const Operands& operands) const {
    check_scalars(operands_of, {1, 2, 3, 4}, operands);
    const std::vector<int64_t>& shape = operands_of[0].shape(operands);
    const int64_t count = element_count(shape);
    if (count == 0) return {};
    const size_t axis = axis_index(op.axis, shape.size());
    const int64_t size = element_count(std::span(shape).subspan(axis));
    return {count / size, size};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.rows == 0) return;
    const double scale = double{*operands_of[1].as<float>(operands)};
    float table[256];
    const std::vector<double> exponentials = quantized_exponentials(scale, g.size);
    std::copy(exponentials.begin(), exponentials.end(), table);
    parallel_ranges(stream, g.rows, kTile / g.size, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        if (dtype == DType::u8) run_row<uint8_t>(g, operands, row, table);
        else run_row<int8_t>(g, operands, row, table);
      }
    });
  }

  template <class T>
  void run_row(const Geometry& g, const Operands& operands, int64_t row, const float* table) const {
    const T* from = operands_of[0].as<T>(operands) + row * g.size;
    std::byte* to = operands.outputs[0].data + row * g.size;
    const T* zeros = operands_of[4].as<T>(operands);
    const int64_t zero = zeros == nullptr ? 0 : int64_t{*zeros};
    const float units = std::floor(1 / *operands_of[3].as<float>(operands));
    const int32_t largest = *std::max_element(from, from + g.size);
    float sum = 0;
    for (int64_t i = 0; i < g.size; ++i) sum += table[largest - from[i]];
    float values[kPiece];
    for (int64_t done = 0; done < g.size; done += kPiece) {
      const int64_t count = std::min(kPiece, g.size - done);
      for (int64_t i = 0; i < count; ++i) values[i] = table[largest - from[done + i]] * units / sum;
      quantize_row(values, count, zero, dtype, to + done);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<SoftmaxShared>();
  const Problem& problem = *recipe.problem;
  shared->op = *op_of<QLinearSoftmax>(problem);
  for (size_t i = 0; i < 5; ++i) shared->operands_of.emplace_back(problem, i);
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace
}  // namespace qlinear_softmax_kernel

void register_qlinear_softmax(KernelRegistry& registry) {
  using namespace qlinear_softmax_kernel;
  registry.add({"cpu.qlinear_softmax", 1, supports, no_tunings, streaming_recipe<8>, prepare});
}

}  // namespace hone::cpu
