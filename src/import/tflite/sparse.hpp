#pragma once
// Weights of which a file holds only what is not zero.

#include "import/tflite/model.hpp"
#include "ir/tensor.hpp"

namespace hone::tflite {

/// All elements of a tensor whose `sparsity` says which are stored: axes in an order of their own,
/// blocks as axes of their own at the end, each axis whole or as lists of places.
/// Error(unsupported): of more than `most_bytes`, or of a type of less than a byte;
/// Error(invalid_model).
Tensor densified(const TensorInfo& stated, size_t most_bytes);

}  // namespace hone::tflite
