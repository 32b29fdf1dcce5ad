// QLinearAdd and QLinearMul of 8-bit integers: in double and f32 as the reference does, rounded
// once.

#include "base/size.hpp"
#include "device/cpu/broadcast_rows.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/qlinear.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time

Verdict supports(const Problem& problem) {
  if (op_of<QLinearAdd>(problem) == nullptr && op_of<QLinearMul>(problem) == nullptr)
    return Verdict::no("QLinearAdd and QLinearMul only");
  if (!is_byte(*operand_type(problem, 0)) || !is_byte(*operand_type(problem, 3)))
    return Verdict::no("integers of 8 bits only");
  for (const size_t scale : {1, 4, 6})
    if (operand_type(problem, scale)->dtype != DType::f32) return Verdict::no("scales of f32 only");
  return {};
}

struct PointwiseShared final : Shared<PointwiseShared> {
  bool adds = true;
  std::vector<Source> operands_of;
  DType dtype = DType::u8;

  BroadcastRows geometry(const Operands& operands) const {
    check_scalars(operands_of, {1, 2, 4, 5, 6, 7}, operands);
    return {operands.outputs[0].shape,
            std::array{&operands_of[0].shape(operands), &operands_of[3].shape(operands)}};
  }

  void run(const BroadcastRows& rows, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (dtype == DType::u8) run_typed<uint8_t>(rows, operands, stream);
    else run_typed<int8_t>(rows, operands, stream);
  }

  template <class T>
  void run_typed(const BroadcastRows& rows, const Operands& operands, Stream& stream) const {
    const auto scale = [&](size_t i) { return *operands_of[i].as<float>(operands); };
    const auto zero = [&](size_t i) {
      const T* at = operands_of[i].as<T>(operands);
      return at == nullptr ? 0 : static_cast<int32_t>(*at);
    };
    const double a_ratio = double{scale(1) / scale(6)}, b_ratio = double{scale(4) / scale(6)};
    const float ratio = scale(1) * scale(4) / scale(6);
    const int32_t a_zero = zero(2), b_zero = zero(5), y_zero = zero(7);
    const T *a = operands_of[0].as<T>(operands), *b = operands_of[3].as<T>(operands);
    T* to = operands.outputs[0].as<T>();
    const auto pair = [&](T x, T y) {
      const int32_t p = x - a_zero, q = y - b_zero;
      return adds ? p * a_ratio + q * b_ratio + y_zero
                  : double{static_cast<float>(p * q) * ratio + static_cast<float>(y_zero)};
    };
    parallel_ranges(stream, rows.count(), kTile, [&](int64_t first, int64_t last) {
      rows.range(first, last, [&](int64_t at, int64_t count, const int64_t* offsets) {
        const T *from_a = a + offsets[0], *from_b = b + offsets[1];
        for (int64_t i = 0; i < count; ++i)
          to[at + i] = rounded<T>(pair(from_a[i * rows.step(0)], from_b[i * rows.step(1)]));
      });
    });
  }

  template <class T>
  static T rounded(double value) {
    constexpr double kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
    value = value > kLeast ? value : kLeast;  // NaN too
    value = value < kMost ? value : kMost;
    constexpr double kRounding = 6755399441055744.0;  // 1.5 * 2^52: no place for a fraction
    return static_cast<T>(static_cast<int32_t>((value + kRounding) - kRounding));
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<PointwiseShared>();
  const Problem& problem = *recipe.problem;
  shared->adds = op_of<QLinearAdd>(problem) != nullptr;
  for (size_t i = 0; i < 8; ++i) shared->operands_of.emplace_back(problem, i);
  shared->dtype = operand_type(problem, 0)->dtype;
  return shared;
}

}  // namespace

void register_qlinear_pointwise(KernelRegistry& registry) {
  registry.add({"cpu.qlinear_pointwise", 1, supports, no_tunings, streaming_recipe<8>, prepare});
}

}  // namespace hone::cpu
