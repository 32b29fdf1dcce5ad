// Between f32 and 8-bit integers: QuantizeLinear and DequantizeLinear with a scale for all or for
// each index of an axis.

#include "ops/quantize.hpp"

#include "base/size.hpp"
#include "device/cpu/broadcast_rows.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace quantize_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time

struct Fields {
  int64_t axis;
  bool quantizes;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<QuantizeLinear>(problem)) {
    const bool usual = op->block_size == 0 && op->precision == DType::f32;
    return usual ? std::optional(Fields{op->axis, true}) : std::nullopt;
  }
  if (const auto* op = op_of<DequantizeLinear>(problem))
    return op->block_size == 0 ? std::optional(Fields{op->axis, false}) : std::nullopt;
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
  if (!fields) return Verdict::no("QuantizeLinear in f32 and DequantizeLinear only, no blocks");
  const TensorType& x = *operand_type(problem, 0);
  const TensorType& y = problem.region.single()->outputs[0]->type.tensor();
  if (!x.has_rank() || !y.has_rank() || !operand_type(problem, 1)->has_rank())
    return Verdict::no("an operand is of unknown rank");
  if (operand_type(problem, 1)->dtype != DType::f32) return Verdict::no("scales of f32 only");
  const TensorType &wide = fields->quantizes ? x : y, &narrow = fields->quantizes ? y : x;
  const bool known = is_byte(narrow) || (!fields->quantizes && narrow.dtype == DType::i32);
  if (wide.dtype != DType::f32 || !known)
    return Verdict::no("between f32 and integers of 8 bits only; from 32 bits too");
  return {};
}

struct QuantizeShared final : Shared<QuantizeShared> {
  Fields fields{};
  std::vector<Source> operands_of;
  DType from = DType::f32, to = DType::u8;

  BroadcastRows geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands_of[0].shape(operands);
    std::vector<int64_t> scales = operands_of[1].shape(operands);
    if (operands_of[2].present())
      check(element_count(scales) == element_count(operands_of[2].shape(operands)), Code::usage,
            "as many zero points as scales are wanted");
    if (element_count(scales) == 1) scales.clear();
    check(scales.size() <= 1, Code::usage, "scales of shape ", shape_text(scales));
    if (!scales.empty()) scales.resize(shape.size() - axis_index(fields.axis, shape.size()), 1);
    return {shape, std::array<const std::vector<int64_t>*, 2>{&shape, &scales}};
  }

  void run(const BroadcastRows& rows, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    parallel_ranges(stream, rows.count(), kTile, [&](int64_t first, int64_t last) {
      rows.range(first, last, [&](int64_t at, int64_t count, const int64_t* offsets) {
        const int64_t step = rows.step(1);
        // Where the scale changes with each element, element by element.
        const int64_t most = step == 0 ? count : 1;
        for (int64_t done = 0; done < count; done += most)
          piece(operands, at + done, std::min(most, count - done), offsets[1] + done * step);
      });
    });
  }

  void piece(const Operands& operands, int64_t at, int64_t count, int64_t scale_at) const {
    const float scale = operands_of[1].as<float>(operands)[scale_at];
    const std::byte* zeros = operands_of[2].data(operands);
    const DType narrow = fields.quantizes ? to : from;
    const int64_t zero = zeros == nullptr ? 0 : load_int(narrow, zeros, scale_at);
    if (fields.quantizes) {
      const float* values = operands_of[0].as<float>(operands) + at;
      quantize_row(values, count, zero, to, operands.outputs[0].data + at, scale);
      return;
    }
    float* result = operands.outputs[0].as<float>() + at;
    if (from == DType::u8)
      widen(operands_of[0].as<uint8_t>(operands) + at, count, zero, scale, result);
    else if (from == DType::i8)
      widen(operands_of[0].as<int8_t>(operands) + at, count, zero, scale, result);
    else widen(operands_of[0].as<int32_t>(operands) + at, count, zero, scale, result);
  }

  template <class T>
  static void widen(const T* values, int64_t count, int64_t zero, float scale, float* to) {
    if constexpr (sizeof(T) == 1) {
      const auto shift = static_cast<int32_t>(zero);
      for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(values[i] - shift) * scale;
    } else {
      for (int64_t i = 0; i < count; ++i)
        to[i] = static_cast<float>(static_cast<double>(values[i] - zero) * double{scale});
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<QuantizeShared>();
  const Problem& problem = *recipe.problem;
  shared->fields = *fields_of(problem);
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->from = operand_type(problem, 0)->dtype;
  shared->to = problem.region.single()->outputs[0]->type.tensor().dtype;
  return shared;
}

}  // namespace
}  // namespace quantize_kernel

void register_quantize(KernelRegistry& registry) {
  using namespace quantize_kernel;
  registry.add({"cpu.quantize", 1, supports, no_tunings, streaming_recipe<2>, prepare});
}

}  // namespace hone::cpu
