#pragma once
// The input that a tile of output pixels of a convolution reads, copied so that no border is left:
// one plane for each channel and each remainder of the strides, padded. In it the pixels that one
// kernel element sees lie side by side, for all pixels of the tile: pixel (y, x) is at
// y * pitch + x, further by a distance that depends on the kernel element only. What lies between
// two rows of pixels belongs to no output.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "device/cpu/im2col.hpp"

namespace hone::cpu {

class Patches {
 public:
  Patches() = default;
  /// Chooses tiles whose patches fit the second-level cache, about `wanted` for an image and group,
  /// or more where that many are too large. `whole_depth`: a patch has all channels, and the input
  /// is not read as it lies.
  Patches(const Filters& filters, const ConvGeometry& geometry, int64_t wanted,
          bool whole_depth = false);

  /// A tile of output pixels: [y, y + rows) x [x, x + columns).
  struct Tile {
    int64_t y, x, rows, columns;
    bool whole_rows;  // they follow one another in the output as in the patch
  };
  int64_t tiles() const { return row_tiles_ * column_tiles_; }
  Tile tile(int64_t index) const;
  /// From one row of pixels to the next.
  int64_t pitch() const { return pitch_; }
  /// Floats that a patch takes at most, with what vectors may read beyond it.
  static constexpr int64_t kFloats = 96 * 1024;
  /// Even one row of pixels and one channel take more; or one pixel and so many channels.
  static bool refuses(const Filters& filters);
  static bool refuses_depth(const Filters& filters, int64_t channels);
  /// Channels of a patch; the depth is done in so many steps.
  int64_t channels() const { return channels_; }
  /// Of one channel, and of all, with what vectors may read beyond them.
  int64_t channel_floats() const { return std::ssize(phases_) * plane_; }
  int64_t floats() const { return channels_ * channel_floats() + kBeyond; }
  /// Of each element of a patch' depth, in bytes: [channels()][taps].
  const std::vector<int32_t>& offsets() const { return offsets_; }

  /// Pixels see the input pixels of their places: the input is read as it lies. Its last vector may
  /// reach into the next channel, so of the last channel it is to be read elsewhere.
  bool reads_input() const { return reads_input_; }
  static constexpr int64_t kBeyond = 128;  // floats that vectors may read beyond a patch

  /// Copies `channels` from `from`, the first of them.
  void fill(const Tile& tile, const float* from, int64_t channels, float* to) const;

  /// Of the elements of a row of a patch: which of the input's row would be the first; those in
  /// [inside, outside) lie in it.
  struct Reach {
    int64_t start, inside, outside;
  };
  /// What other elements of 4 bytes are copied with: row(channel, y, reach, to) for every row of
  /// channels [first, last), of pitch() elements; y is negative where it lies in the padding.
  /// `padding`: the bits of an element that lies there.
  template <class Row>
  void each_row(const Tile& tile, int64_t first, int64_t last, float padding, float* to,
                const Row& row) const;
  /// Behind the last channel of a patch with so many: what vectors read there counts for no output;
  /// it shall be a usual number.
  void fill_beyond(const Tile& tile, int64_t channels, float padding, float* to) const;
  /// Of the input, as patches see it.
  int64_t width() const { return geometry_.width; }
  int64_t stride() const { return geometry_.x.stride; }

 private:
  struct Phase {
    int64_t y, x;
    friend bool operator==(const Phase&, const Phase&) = default;
  };
  struct Tap {
    size_t phase;
    int64_t y, x;
  };
  std::vector<Tap> taps_of(const Filters& filters);
  void plan_reading(int64_t wanted);
  void plan_copies(const Filters& filters, int64_t wanted, bool whole_depth);
  Reach reach_of(const Phase& phase, int64_t x) const;
  void fill_row(const float* line, const Reach& reach, float* to) const;

  ConvGeometry geometry_;  // of a plain one: all pixels as one row
  std::vector<Phase> phases_;
  std::vector<Reach> reaches_;  // [column tile][phase]
  int64_t tile_rows_ = 0, tile_columns_ = 0, row_tiles_ = 0, column_tiles_ = 0;
  int64_t patch_rows_ = 0, pitch_ = 0, plane_ = 0, channels_ = 0;
  int64_t behind_ = 0;  // floats that the last row of a plane is read beyond its pitch
  std::vector<int32_t> offsets_;
  bool reads_input_ = false;
};

/// The patches of a convolution, and how workers share them out.
struct SharedPatches {
  Patches patches;
  int64_t parts = 1;  // of the blocks of the filters
  int64_t steps = 1;  // of the depth
  /// All patches, of all steps, are filled first, by all workers; then parts read the same ones.
  bool filled_before = false;
};
/// `blocks`: of the filters of a group; `depth`: multiplications for one sum; `most_pixels`: of a
/// tile, about.
SharedPatches share_patches(const Filters& filters, const ConvGeometry& geometry, int64_t blocks,
                            int64_t depth, int workers, bool whole_depth = false,
                            int64_t most_pixels = INT64_MAX);

template <class Row>
void Patches::each_row(const Tile& tile, int64_t first, int64_t last, float padding, float* to,
                       const Row& row) const {
  const ConvGeometry& g = geometry_;
  const auto phases = std::ssize(phases_);
  const int64_t rows = tile.rows + patch_rows_ - tile_rows_;
  const Reach* reaches = reaches_.data() + tile.x / tile_columns_ * phases;
  to += first * phases * plane_;
  for (int64_t c = first; c < last; ++c)
    for (std::ptrdiff_t phase = 0; phase < phases; ++phase, to += plane_) {
      int64_t y = g.y.start(tile.y) + phases_[static_cast<size_t>(phase)].y;
      for (int64_t r = 0; r < rows; ++r, y += g.y.stride)
        row(c, y >= 0 && y < g.height ? y : -1, reaches[phase], to + r * pitch_);
      // A plane that is not full has no next row whose padding would do.
      std::fill_n(to + rows * pitch_, std::min(behind_, plane_ - rows * pitch_), padding);
    }
}

}  // namespace hone::cpu
