#pragma once
// Values of integers that stand for floats, as the quantizing passes see them.

#include <optional>

#include "passes/pass.hpp"
#include "passes/rewrite.hpp"

namespace hone {

/// Contents that are here to be read; null: no constant, or one that is absent or made from a seed.
const Tensor* contents_of(const Value* value);

/// The element at `i` of one number for all, or of one for each.
double number_at(const Tensor& tensor, int64_t i);

/// A value of 8-bit integers with one scale, and what they stand for.
struct Quantized {
  Node* node = nullptr;                     // what converts
  Value* value = nullptr;                   // the integers
  Value *scale = nullptr, *zero = nullptr;  // zero: null for 0
  double scale_number = 0, zero_number = 0;

  bool same_numbers(const Quantized& other) const;
};

/// What a DequantizeLinear or QuantizeLinear says of `integers`; nullopt: not 8 bits, scales along
/// an axis or in blocks, or numbers that are not known.
std::optional<Quantized> quantized(Node* node, Value* integers, int64_t block_size);

/// The integers that `value`, in f32, is made of.
std::optional<Quantized> dequantized(const Value* value, const PassOptions& options);

/// Integers with one scale for all or for each index of an axis, the numbers known.
struct QuantizedWeight {
  Value *value = nullptr, *scale = nullptr, *zero = nullptr;  // zero: null for 0
  const Tensor* scales = nullptr;
};
/// The integers that `value`, in f32, is made of; scales, if not one, are along `axis`.
std::optional<QuantizedWeight> dequantized_weight(const Value* value, int64_t axis,
                                                  const PassOptions& options);

}  // namespace hone
