#pragma once
// Windows over one to three spatial axes of planes that lie side by side (side_by_side.hpp): bands
// of the planes are joined in a frame with padded rows, what is made of it is parted again.

#include <array>

#include "device/cpu/joined_box.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/stream.hpp"

namespace hone::cpu {

class JoinedWindows {
 public:
  static constexpr int64_t kScratch = 56 * 1024;  // floats that a worker needs
  static constexpr int64_t kMostRows = 128;       // of a window

  JoinedWindows() = default;
  /// `axes`: those along which windows go, at most three, of images of `channels` planes.
  JoinedWindows(const std::vector<WindowAxis>& axes, int64_t channels);

  /// Null: there are bands for these sizes; else why there are none.
  const char* refusal() const;
  const WindowAxis& z() const { return axes_[0]; }
  const WindowAxis& y() const { return axes_[1]; }
  const WindowAxis& x() const { return axes_[2]; }
  int64_t volume() const { return z().input * y().input * x().input; }
  int64_t results() const { return z().output * y().output * x().output; }
  int64_t taps() const { return z().kernel * y().kernel * x().kernel; }
  int64_t channels() const { return channels_; }
  int64_t planes() const { return functions_->planes; }
  int64_t blocks() const { return (channels_ + planes() - 1) / planes(); }
  const SideBySideFunctions& functions() const { return *functions_; }

  /// Seconds for so many images to join and part, and for elements of windows, each `element`.
  double seconds(double images, double element) const;

  /// The results of a tile: of some lines of some slices of a block of planes.
  struct Tile {
    int64_t image, block, channels;  // of the block
    Taps z, y;
    Taps slices, lines;  // that they read
  };
  struct Tiling {
    int64_t images = 0;
    int64_t slices = 1, lines = 1;            // of a tile's results
    int64_t slice_tiles = 1, line_tiles = 1;  // of a block
    int64_t tiles = 0;
  };
  Tiling tiling(int64_t images, int64_t workers) const;
  Tile tile(const Tiling& tiling, int64_t index) const;
  /// Of planes of inputs and of results.
  Touched touched(const Tile& tile, const float* from, const float* to) const;

  /// `work`: kScratch floats. line(rows, z, y) sees, of each line of results, the rows its window
  /// reads: `row.rows`, and where they are in the window; it fills in the rest and calls a
  /// function. Results are in `to`, planes of all images. `frame`: what padding counts as.
  template <class Line>
  void run(const Tile& tile, const float* from, float frame, float* work, float* to,
           const Line& line) const {
    fill(tile, from, frame, work);
    float* results = work + frame_floats(tile);
    Row row;
    for (int64_t z = tile.z.first; z < tile.z.last; ++z)
      for (int64_t y = tile.y.first; y < tile.y.last; ++y) {
        find_rows(tile, z, y, work, row);
        row.window.to = results;
        line(row, z, y);
        results += x().output * planes();
      }
    part(tile, work + frame_floats(tile), to);
  }
  struct Row {
    const float* rows[kMostRows];
    int64_t places[kMostRows];  // of each row in the window: slice * rows of a slice + row
    WindowRow window{};
  };
  /// Where the results of slice `z` of the tile begin in the first of its planes.
  int64_t place(const Tile& tile, int64_t z) const {
    return (tile.image * channels_ + tile.block * planes()) * results() +
           (z * y().output + tile.y.first) * x().output;
  }

 private:
  int64_t pitch() const;
  static int64_t rows(const WindowAxis& axis, int64_t outputs);
  int64_t floats(int64_t slices, int64_t lines) const;
  int64_t frame_floats(const Tile& tile) const {
    return (tile.slices.last - tile.slices.first) * (tile.lines.last - tile.lines.first) * pitch() *
           planes();
  }
  void fill(const Tile& tile, const float* from, float frame, float* to) const;
  void find_rows(const Tile& tile, int64_t z, int64_t y, const float* frame, Row& row) const;
  void part(const Tile& tile, const float* results, float* to) const;

  int64_t channels_ = 0;
  std::vector<Taps> slice_taps_, line_taps_;  // by place of the result
  std::array<WindowAxis, 3> axes_{kNoAxis, kNoAxis, kNoAxis};
  const SideBySideFunctions* functions_ = &side_by_side_functions();
};

}  // namespace hone::cpu
