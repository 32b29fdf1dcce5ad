#pragma once
// Generated kernels for depthwise convolution of planes of 8-bit integers as they lie, exact, and
// quantized again: as jit/depthwise.hpp, whose table they read. AVX-512 alone: bytes are masked.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cpu/jit/depthwise.hpp"

namespace hone::cpu {

struct IntegerPlanesForm {
  DepthwiseForm window;    // nothing follows
  bool is_signed = false;  // what is read
  bool vnni = false;       // the processor multiplies and adds at once
  auto operator<=>(const IntegerPlanesForm&) const = default;
};

/// What one call works on: some vectors of the outputs of some channels.
struct IntegerPlanesCall {
  const void* in = nullptr;
  void* out = nullptr;
  const int32_t* weights = nullptr;  // [channel][tap], each of 9 bits and a sign
  const int32_t* bias = nullptr;     // less the zero point of x times all weights
  const float* scale = nullptr;      // of each channel
  int64_t channels = 0;
  int64_t in_bytes = 0, out_bytes = 0;  // of a plane
  int64_t row_bytes = 0;                // from one row of the window to the next
  const std::byte* table = nullptr;     // an entry of DepthwisePlan for each vector
  int64_t vectors = 0;
  float low = 0, high = 0;  // less the zero point
  int32_t zero = 0;
  int32_t x_zero = 0;  // what lies outside of the plane; in all four bytes at a stride of 2
};

class IntegerPlanes {
 public:
  using Function = void (*)(const IntegerPlanesCall*);
  /// Null where there can be none. Any thread may call this.
  static std::shared_ptr<const IntegerPlanes> of(Isa isa, const IntegerPlanesForm& form);
  void operator()(const IntegerPlanesCall& call) const { function_(&call); }

 private:
  IntegerPlanes() = default;
  Function function_ = nullptr;
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
