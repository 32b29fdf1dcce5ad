#include "passes/quantized_value.hpp"

#include "ops/quantize.hpp"

namespace hone {
namespace {

bool is_byte(const Value* value) {
  const auto type = dtype_of(value);
  return type == DType::u8 || type == DType::i8;
}

}  // namespace

const Tensor* contents_of(const Value* value) {
  if (value == nullptr || !value->is_constant() || value->weight->is_absent() ||
      value->weight->is_random())
    return nullptr;
  return &value->weight->tensor();
}

double number_at(const Tensor& tensor, int64_t i) {
  return tensor.number(tensor.count() == 1 ? 0 : i);
}

bool Quantized::same_numbers(const Quantized& other) const {
  return scale_number == other.scale_number && zero_number == other.zero_number &&
         dtype_of(value) == dtype_of(other.value);
}

std::optional<Quantized> quantized(Node* node, Value* integers, int64_t block_size) {
  Quantized found{node, integers, node->inputs[1], node->input(2), 0, 0};
  const Tensor* scale = contents_of(found.scale);
  const Tensor* zero = contents_of(found.zero);
  if (!is_byte(integers) || block_size != 0 || scale == nullptr || scale->count() != 1 ||
      scale->dtype() != DType::f32 || (found.zero != nullptr && zero == nullptr) ||
      (zero != nullptr && zero->count() != 1) || !(scale->number(0) > 0))
    return std::nullopt;
  found.scale_number = scale->number(0);
  found.zero_number = zero == nullptr ? 0 : zero->number(0);
  return found;
}

std::optional<Quantized> dequantized(const Value* value, const PassOptions& options) {
  Node* node = producer_of<DequantizeLinear>(value);
  if (node == nullptr || options.keep(*node)) return std::nullopt;
  const auto& op = *node->op.as<DequantizeLinear>();
  if (op.output_dtype != DType::f32) return std::nullopt;
  return quantized(node, node->inputs[0], op.block_size);
}

std::optional<QuantizedWeight> dequantized_weight(const Value* value, int64_t axis,
                                                  const PassOptions& options) {
  const Node* node = producer_of<DequantizeLinear>(value);
  if (node == nullptr || options.keep(*node) || !is_byte(node->inputs[0])) return std::nullopt;
  const auto& op = *node->op.as<DequantizeLinear>();
  const Tensor *scales = contents_of(node->inputs[1]), *zeros = contents_of(node->input(2));
  const Dims* dims = dims_of(node->inputs[0]);
  if (dims == nullptr || scales == nullptr || scales->dtype() != DType::f32 || op.block_size != 0 ||
      op.output_dtype != DType::f32 || (node->input(2) != nullptr && zeros == nullptr))
    return std::nullopt;
  const bool along = op.axis == axis || op.axis + std::ssize(*dims) == axis;
  if (scales->count() != 1 && (!along || !(*dims)[static_cast<size_t>(axis)].is(scales->count())))
    return std::nullopt;
  return QuantizedWeight{node->inputs[0], node->inputs[1], node->input(2), scales};
}

}  // namespace hone
