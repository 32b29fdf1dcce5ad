#pragma once
// Operators on words (i16) exactly as TFLite's reference kernels compute them, in integers.
// (Source: tensorflow/lite/kernels/internal/reference.)

#include "import/tflite/op_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::tflite {

/// Each gives output 0 where the operator is of words with zero points of 0 (is_words); false: it
/// is not, and nothing is done.
bool give_word_convolution(OpReader& op, const Window& window, const std::vector<int64_t>& perm,
                           int64_t group, Activation then);
/// x + y, or x - y.
bool give_word_sum(OpReader& op, bool subtracts, Activation then);
bool give_word_leaky_relu(OpReader& op, float alpha);
/// From integers of one scale to those of another.
bool give_requantized(OpReader& op);

/// Sums of a transposed convolution (i64, channels last) times the scales, for is_words(op, 2).
void give_word_sums(OpReader& op, Value* sums, int input, int weights, int bias, Activation then);
/// Input `i` as f64, in which products of words and bytes are exact, its axes reordered.
Value* exact(OpReader& op, int i, const std::vector<int64_t>& perm);

}  // namespace hone::tflite
