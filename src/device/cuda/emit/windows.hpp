#pragma once
// Pictures of few channels for blocks that stay: spread in the working memory so that what a row of
// a filter sees lies side by side.
//
// As many pixels as a filter moves by, down and to the right, become one place, whose channels
// follow each other, zeros behind them: [pictures][down][right][channels]. A window is a run of
// places to the right; the filter has as many windows as places down. Where a window is longer than
// what the filter sees, weights are zeros.

#include <optional>

#include "device/cuda/emit/brought.hpp"
#include "device/cuda/emit/contract_buffers.hpp"

namespace hone::cuda::emitter {

struct Windows {
  struct Along {
    int64_t taps = 1, step = 1, before = 0;  // of the filter
    size_t axis = 0;                         // of the depth
    Dim results = 1;
    int64_t places() const { return (taps + step - 1) / step; }  // that the filter sees
  };
  Along height, width;
  int64_t channels = 1;     // of the picture
  size_t channel_axis = 0;  // of the depth
  Dim pictures = 1;
  int run = 8, block_depth = 64;  // elements of 16 bytes, and of a tile of the depth

  int64_t of_place() const { return (height.step * width.step * channels + run - 1) / run * run; }
  /// Elements of a window: a multiple of the depth of a tile.
  int64_t window() const {
    return (width.places() * of_place() + block_depth - 1) / block_depth * block_depth;
  }
  int64_t tiles() const { return height.places() * (window() / block_depth); }  // of the depth
  Dim down() const { return height.results + Dim(height.places() - 1); }
  Dim right() const { return width.results + Dim((window() + of_place() - 1) / of_place() - 1); }
  Dim elements() const { return pictures * down() * right() * Dim(of_place()); }
  /// The spread picture as the copy engine is told of it: a window is a pixel of many channels.
  Brought brought() const;
};

/// Of a first operand that is computed of one picture, whose second operand is a constant; nullopt:
/// it is not, or windows would be mostly zeros.
std::optional<Windows> windows_of(const HalfProduct& product);

/// Threads of the function that spreads take 16 bytes each.
inline constexpr int kSpreadThreads = 256;
/// Its body; `scratch` is where to.
std::string spread_text(const HalfProduct& product, const Windows& windows,
                        const ContractBuffers& buffers, DimText& dims);

/// The second operand for windows, in the form of pack_halves().
Tensor pack_windows(const HalfProduct& product, const Windows& windows, const Tensor& weight,
                    const PackedForm& form);
std::string packing_name(const HalfProduct& product, const Windows& windows,
                         const PackedForm& form);
int64_t packed_bytes(const HalfProduct& product, const Windows& windows, const PackedForm& form);
int64_t sums_begin(const HalfProduct& product, const Windows& windows, const PackedForm& form);

}  // namespace hone::cuda::emitter
