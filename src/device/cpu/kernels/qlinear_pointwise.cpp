// QLinearAdd and QLinearMul of 8-bit integers: in double and f32 as the reference does, rounded
// once.

#include "base/size.hpp"
#include "device/cpu/broadcast_rows.hpp"
#include "device/cpu/bytes.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/qlinear.hpp"

namespace hone::cpu {
namespace qlinear_pointwise_kernel {
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
    const auto scale = [&](size_t i) { return *operands_of[i].as<float>(operands); };
    const auto zero = [&](size_t i) {
      const auto* at = operands_of[i].as<uint8_t>(operands);
      if (at == nullptr) return 0;
      return dtype == DType::u8 ? int{*at} : int{static_cast<int8_t>(*at)};
    };
    const double a_ratio = double{scale(1) / scale(6)}, b_ratio = double{scale(4) / scale(6)};
    const float ratio = scale(1) * scale(4) / scale(6);
    const int y_zero = zero(7);
    const BytePair whole{operands_of[0].as<uint8_t>(operands),
                         operands_of[3].as<uint8_t>(operands),
                         rows.step(0) == 0,
                         rows.step(1) == 0,
                         dtype == DType::i8,
                         zero(2),
                         zero(5),
                         0,
                         operands.outputs[0].as<uint8_t>()};
    parallel_ranges(stream, rows.count(), kTile, [&](int64_t first, int64_t last) {
      rows.range(first, last, [&](int64_t at, int64_t count, const int64_t* offsets) {
        BytePair pair = whole;
        pair.a += offsets[0];
        pair.b += offsets[1];
        pair.to += at;
        pair.count = count;
        if (adds) byte_functions().add(pair, a_ratio, b_ratio, y_zero);
        else byte_functions().multiply(pair, ratio, static_cast<float>(y_zero));
      });
    });
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
}  // namespace qlinear_pointwise_kernel

void register_qlinear_pointwise(KernelRegistry& registry) {
  using namespace qlinear_pointwise_kernel;
  registry.add({"cpu.qlinear_pointwise", 1, supports, no_tunings, streaming_recipe<8>, prepare});
}

}  // namespace hone::cpu
