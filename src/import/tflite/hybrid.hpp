#pragma once
// Weights of bytes beside data of floats ("dynamic range"): TFLite's kernels round the data to 8
// bits while they run and multiply integers. (Source: tensorflow/lite/kernels, conv.cc,
// depthwise_conv.cc, transpose_conv.cc, fully_connected.cc, and of internal/reference
// portable_tensor_utils.cc and integer_ops/conv.h.)

#include "import/tflite/op_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::tflite {

/// Where the steps of 8 bits lie, of each sample along the first axis.
enum class Steps {
  around_zero,  ///< -127 to 127 for the largest magnitude
  anywhere      ///< -128 to 127 for the least to the largest, 0 among them
};

/// Each gives output 0 where the caller asks for these kernels' rounding
/// (ImportOptions::reference_rounding) and the operator is of floats beside bytes; false: it is
/// not, and nothing is done.
bool give_hybrid_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                             int64_t group, Steps steps, Activation then);
/// Inputs 1 to 3: weights, data, the bias.
bool give_hybrid_transposed(OpReader& op, const Op& transposed, Activation then);
/// `rows`: input 0 as [count, depth]; `shape`: of the result, where that is not [count, results].
bool give_hybrid_product(OpReader& op, Value* rows, const Dims& shape, Steps steps,
                         Activation then);

}  // namespace hone::tflite
