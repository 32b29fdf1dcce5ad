#pragma once
// Generated kernels for depthwise convolution of padded planes of 8-bit integers, exact, and
// quantized again: for AVX2, which masks no bytes. A window reads a plane at fixed distances; with
// strides a plane lies in its phases, each behind the other, so that neighbours stay neighbours.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hone::cpu {

struct IntegerPaddedForm {
  std::vector<int32_t> taps;  // where each reads from, seen from the place of an output
  bool is_signed = false;     // what is written
  auto operator<=>(const IntegerPaddedForm&) const = default;
};

/// What one call works on: lines of outputs of some channels. A line is made 16 outputs at a time,
/// the last ones over some that are there already: one of fewer is written beyond its end.
struct IntegerPaddedCall {
  const uint8_t* in = nullptr;  // 16 bytes may be read from each place on, and each tap of it
  uint8_t* out = nullptr;
  const int32_t* weights = nullptr;  // [channel][pairs of taps], two words each; the last may be 0
  const int32_t* bias = nullptr;     // of each channel
  const float* scale = nullptr;
  int64_t channels = 0, lines = 0;
  int64_t last = 0;                     // where the last 16 outputs of a line begin
  int64_t in_bytes = 0, out_bytes = 0;  // from a channel to the next
  int64_t in_line = 0, out_line = 0;    // from a line to the next
  float low = 0, high = 0;              // less the zero point
  int32_t zero = 0;
};

class IntegerPadded {
 public:
  using Function = void (*)(const IntegerPaddedCall*);
  static constexpr int kAtOnce = 16;  // outputs
  static constexpr size_t kMostTaps = 49;
  /// Null where there can be none. Any thread may call this.
  static std::shared_ptr<const IntegerPadded> of(const IntegerPaddedForm& form);
  void operator()(const IntegerPaddedCall& call) const { function_(&call); }

 private:
  IntegerPadded() = default;
  Function function_ = nullptr;
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
