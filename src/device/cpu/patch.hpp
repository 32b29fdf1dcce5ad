#pragma once
// The input that a tile of output pixels of a convolution reads, copied so that no border is left:
// one plane for each channel and each remainder of the strides, padded. In it the pixels that one
// kernel element sees lie side by side, for all pixels of the tile: pixel (y, x) is at
// y * pitch + x, further by a distance that depends on the kernel element only. What lies between
// two rows of pixels belongs to no output.

#include <cstdint>
#include <iterator>
#include <vector>

#include "device/cpu/im2col.hpp"

namespace hone::cpu {

class Patches {
 public:
  Patches() = default;
  /// Chooses tiles whose patches fit the second-level cache, about `wanted` for an image and group,
  /// or more where that many are too large.
  Patches(const Filters& filters, const ConvGeometry& geometry, int64_t wanted);

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
  /// Even one row of pixels and one channel take more.
  static bool refuses(const Filters& filters);
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

  /// Copies `channels` from `from`, the first of them.
  void fill(const Tile& tile, const float* from, int64_t channels, float* to) const;
  /// Behind the last channel of a patch: what vectors read there counts for no output; it shall be
  /// a usual number. `to`: the patch, with so many channels.
  void fill_end(const Tile& tile, int64_t channels, float* to) const;

 private:
  static constexpr int64_t kBeyond = 128;  // floats that vectors may read beyond a patch
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
  void plan_copies(const Filters& filters, int64_t wanted);
  /// Of the elements of a row of a patch: which of the input's row would be the first; those in
  /// [inside, outside) lie in it.
  struct Reach {
    int64_t start, inside, outside;
  };
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

}  // namespace hone::cpu
