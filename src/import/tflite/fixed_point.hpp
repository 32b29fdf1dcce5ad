#pragma once
// How TFLite's integer kernels scale: products by a number of 32 bits and a shift, rounded as its
// reference kernels round them, written in ops on i64. (Source: tensorflow/lite/kernels/internal,
// common.h and quantization_util.h.)

#include <vector>

#include "import/tflite/op_reader.hpp"

namespace hone::tflite {

/// scale = multiplier / 2^31 * 2^shift, the multiplier in [2^30, 2^31) or 0.
struct FixedPoint {
  int64_t multiplier = 0;
  int64_t shift = 0;
};
FixedPoint fixed_point(double scale);

/// x (i64, numbers that 32 bits hold) times scales, one for all or one for each channel (the last
/// axis): rounded to nearest twice, halves first upwards, then away from zero.
Value* scaled_narrow(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                     std::string_view hint);
/// The same rounded once, halves upwards.
Value* scaled_once(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                   std::string_view hint);
/// The same for sums of 48 bits: the multiplier cut to 16 bits, rounded once, halves upwards.
Value* scaled_wide(OpReader& op, Value* x, const std::vector<FixedPoint>& scales,
                   std::string_view hint);

/// The least and the largest integer that an activation leaves of output 0.
struct Range {
  int64_t least, most;
};
Range activation_range(OpReader& op, Activation activation);
/// The integer that stands for 0.
int64_t zero_of(const TensorInfo& stated);
/// Clips integers (i64, counted from output 0's zero point) and gives them as output 0.
void give_integers(OpReader& op, Value* x, Range range);

/// Input `i` less its zero point, as i64.
Value* integers(OpReader& op, int i);
/// Gives output 0 = inputs 0 + 1, or 0 - 1: each times 2^shift and scaled to twice the larger
/// scale, so that the sum of both fits, then scaled to the output's.
void give_sum(OpReader& op, bool subtracts, int64_t shift, Activation then);
/// Input `i` and output 0 are of i16, each with one scale and a zero point of 0: what these kernels
/// take.
bool is_words(OpReader& op, int i);

}  // namespace hone::tflite
