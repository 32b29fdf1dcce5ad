#pragma once
// Operators on bytes (i8, u8) exactly as TFLite's reference kernels compute them, in integers.
// (Source: tensorflow/lite/kernels/internal/reference.)

#include "import/tflite/op_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::tflite {

/// Each gives output 0 where the caller asks for these kernels' rounding
/// (ImportOptions::reference_rounding) and the operator is of bytes; false: it is not, and nothing
/// is done.
bool give_byte_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                           int64_t group, Activation then);
/// Inputs: data, weights, the result's bias (`bias` may be absent) of a transposed convolution.
bool give_byte_transposed(OpReader& op, const Op& transposed, Activation then);
bool give_byte_product(OpReader& op, const Dims& shape, Activation then);
/// x + y, or x - y; x * y.
bool give_byte_sum(OpReader& op, bool subtracts, Activation then);
bool give_byte_mul(OpReader& op, Activation then);
bool give_byte_average(OpReader& op, const Window& window, Activation then);
/// From integers of one scale to those of another.
bool give_byte_requantized(OpReader& op);

}  // namespace hone::tflite
