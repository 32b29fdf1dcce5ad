#pragma once
// Convolution in one to three spatial dimensions as a matrix product: the sizes, the packed filters
// and the gathering of input windows into panels, for f32 and for quantized elements.

#include <array>
#include <optional>
#include <vector>

#include "device/cpu/gemm.hpp"
#include "device/cpu/plane.hpp"
#include "ir/graph.hpp"

namespace hone::cpu {

/// What is known of a convolution before its input.
struct Filters {
  Window window;
  int64_t group = 1, count = 0, depth = 0;  // filters and elements of one group
  std::array<int64_t, 2> kernel = {1, 1};
  int64_t slices = 1;  // of the kernel, along a third spatial dimension
  bool one_dimensional = false;

  Filters() = default;
  Filters(Window window, int64_t group, const std::vector<int64_t>& weight);
  /// Floats of the packed filters of one group.
  int64_t packed() const { return packed_floats(count, depth, gemm_core().rows); }
  int64_t taps() const { return slices * kernel[0] * kernel[1]; }
  /// Channels whose windows are gathered at a time: about kDepthBlock elements.
  int64_t block_channels() const;
  /// Floats of a gathered panel block of kTileColumns columns.
  int64_t block_floats() const { return kTileColumns * block_channels() * taps(); }
  /// Packs values [group * filter][depth] as panels, group after group.
  void pack(const float* values, float* to) const;
};

/// One convolution; images is 0 when there is nothing to do. Rows and columns are those of one
/// slice where there is a third spatial dimension.
struct ConvGeometry {
  int64_t images = 0;
  int64_t channels = 0, height = 1, width = 1;  // of one group's input
  int64_t rows = 1, columns = 1;                // of the output
  WindowAxis z = kNoAxis, y = kNoAxis, x = kNoAxis;
  bool plain = false;  // an output pixel sees the input pixel of its place

  ConvGeometry() = default;
  ConvGeometry(const Filters& filters, const std::vector<int64_t>& in,
               const std::vector<int64_t>& out);
  int64_t pixels() const { return z.output * rows * columns; }
  /// Elements of a channel of the input.
  int64_t channel() const { return z.input * height * width; }
};

/// Sizes of a value for one image, where all others are known.
std::optional<std::vector<int64_t>> known_sizes(const Value* value);

/// Gathers the windows of output pixels [first, first + count) over some channels, less `zero`, as
/// a panel of `width` columns; padding and missing columns are 0. `from`: the first of the
/// channels. T: float, uint8_t, int8_t.
template <class T>
void gather_windows(const Filters& filters, const ConvGeometry& g, const T* from, int64_t channels,
                    int64_t first, int64_t count, int width, T zero, float* to);

}  // namespace hone::cpu
