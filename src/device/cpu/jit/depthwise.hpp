#pragma once
// Generated kernels for depthwise convolution of f32 planes as they lie, without a padded copy:
// what a vector of outputs reads outside of the plane is masked.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

struct DepthwiseForm {
  int8_t rows = 1, columns = 1;  // of the window
  int8_t stride = 1;             // along a row: 1 or 2
  int8_t dilation = 1;           // along a row
  // What follows: plus a tensor that lies as the output does, not below `low`, not above `high`.
  bool adds = false, clips_low = false, clips_high = false;
  auto operator<=>(const DepthwiseForm&) const = default;

  int taps() const { return rows * columns; }
  /// Vectors that are read for each tap.
  int reads() const { return taps() * stride; }
};

/// What one call works on: some vectors of the outputs of some channels.
struct DepthwiseCall {
  const float *in = nullptr, *weights = nullptr, *bias = nullptr, *added = nullptr;
  float* out = nullptr;
  int64_t channels = 0;
  int64_t in_bytes = 0, out_bytes = 0;  // of a plane
  int64_t row_bytes = 0;                // from one row of the window to the next
  const std::byte* table = nullptr;     // an entry for each vector
  int64_t vectors = 0;
  float low = 0, high = 0;
};

/// An entry of the table: where the vector's first output reads with the first tap, and where it
/// lies, in bytes from the planes' begins; which of its lanes are outputs; and for each tap which
/// lanes of what it reads (of two vectors for a stride of 2) lie in the plane: a bit a lane in 16
/// bits for AVX-512, a byte a lane for AVX2. Where all of these are set the place that is read
/// first has kWhole added.
struct DepthwiseEntry {
  static constexpr int kWhole = 1;
  static size_t mask_bytes(Isa isa) { return isa == Isa::avx512 ? 2 : 8; }
  static size_t bytes(Isa isa, const DepthwiseForm& form) {
    return (8 + mask_bytes(isa) * static_cast<size_t>(1 + form.reads()) + 3) / 4 * 4;
  }
};

class Depthwise {
 public:
  using Function = void (*)(const DepthwiseCall*);
  static constexpr int kMostRows = 7, kMostColumns = 7;
  /// Windows up to those sizes. Null where there can be none. Any thread may call this.
  static std::shared_ptr<const Depthwise> of(Isa isa, const DepthwiseForm& form);
  void operator()(const DepthwiseCall& call) const { function_(&call); }

 private:
  Depthwise() = default;
  Function function_ = nullptr;
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
