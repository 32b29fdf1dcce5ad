#include "device/cpu/patch.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kBeyond = 128;             // floats that vectors may read beyond a patch
constexpr int64_t kPatchFloats = 80 * 1024;  // of all channels, where one row of pixels allows it
constexpr int64_t kLeastColumns = 96;        // of a tile, where more channels would mean fewer

int64_t ceil_to(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

/// Parts of `size` of at most `most`, about equal.
int64_t equal_part(int64_t size, int64_t most) {
  return ceil_div(size, ceil_div(size, std::max<int64_t>(1, most)));
}

}  // namespace

bool Patches::refuses(const Filters& filters) {
  const Window& window = filters.window;
  int64_t floats = 1;
  const size_t axes = filters.one_dimensional ? 1 : 2;
  for (size_t axis = 0; axis < axes; ++axis) {
    const int64_t taps = filters.kernel[axis + 2 - axes];
    const int64_t stride = window.stride(axis), dilation = window.dilation(axis);
    if (taps > kPatchFloats || dilation > kPatchFloats || stride > kPatchFloats) return true;
    const int64_t reach = (taps - 1) * dilation / stride;
    floats *= std::min(stride, taps) * ((axis + 1 == axes ? kLeastColumns : 1) + reach);
    if (floats > kPatchFloats) return true;
  }
  return false;
}

Patches::Patches(const Filters& filters, const ConvGeometry& given, int workers)
    : geometry_(given) {
  if (given.images == 0) return;
  ConvGeometry& g = geometry_;
  if (g.plain) {
    g.x = {g.height * g.width, g.rows * g.columns, 1, 1, 1, 0, 0};
    g.y = kNoAxis;
    g.width *= g.height;
    g.columns *= g.rows;
    g.height = g.rows = 1;
  }
  struct Tap {
    size_t phase;
    int64_t y, x;
  };
  std::vector<Tap> taps;
  int64_t reach_y = 0, reach_x = 0;
  for (int64_t ky = 0; ky < filters.kernel[0]; ++ky)
    for (int64_t kx = 0; kx < filters.kernel[1]; ++kx) {
      const int64_t dy = ky * g.y.dilation, dx = kx * g.x.dilation;
      const Phase phase{dy % g.y.stride, dx % g.x.stride};
      const auto found = std::find_if(phases_.begin(), phases_.end(), [&](const Phase& each) {
        return each.y == phase.y && each.x == phase.x;
      });
      taps.push_back(
          {static_cast<size_t>(found - phases_.begin()), dy / g.y.stride, dx / g.x.stride});
      if (found == phases_.end()) phases_.push_back(phase);
      reach_y = std::max(reach_y, taps.back().y);
      reach_x = std::max(reach_x, taps.back().x);
    }
  const auto phases = static_cast<int64_t>(phases_.size());

  // Whole rows of pixels, as many as fit; else a part of one row; else fewer channels.
  channels_ = g.channels;
  const int64_t line = channels_ * phases * (g.columns + reach_x);
  const int64_t wanted = ceil_div(4 * int64_t{workers}, g.images * filters.group);
  tile_columns_ = g.columns;
  tile_rows_ = 1;
  const int64_t fitting = kPatchFloats / line - reach_y;
  if (fitting >= 1) {
    int64_t most = std::min(fitting, g.rows);
    if (workers > 1) most = std::min(most, ceil_div(g.rows, wanted));
    // Halos are read twice, and short tiles leave vectors unused.
    most = std::max(most, std::min({g.rows, fitting, ceil_div(kLeastColumns, g.columns)}));
    tile_rows_ = equal_part(g.rows, most);
  } else {
    const int64_t row = phases * (1 + reach_y);
    const int64_t most = kPatchFloats / (channels_ * row) - reach_x;
    tile_columns_ = equal_part(g.columns, std::max(std::min(kLeastColumns, g.columns), most));
    channels_ = std::clamp<int64_t>(kPatchFloats / (row * (tile_columns_ + reach_x)), 1, channels_);
    channels_ = equal_part(g.channels, channels_);
  }
  if (g.rows == 1 && workers > 1)
    tile_columns_ = std::min(
        tile_columns_,
        ceil_to(equal_part(g.columns, std::max(kLeastColumns, ceil_div(g.columns, wanted))), 32));
  row_tiles_ = ceil_div(g.rows, tile_rows_);
  column_tiles_ = ceil_div(g.columns, tile_columns_);
  patch_rows_ = tile_rows_ + reach_y;
  pitch_ = tile_columns_ + reach_x;
  // The padding after a row is that before the next one.
  if (column_tiles_ == 1 && g.x.stride == 1)
    pitch_ = std::min(pitch_, g.width + std::max(g.x.pad_begin, g.x.pad_end));
  plane_ = patch_rows_ * pitch_;
  // Not all channels in one set of a cache.
  if (plane_ >= 512 && plane_ % 1024 < 16) plane_ += 16;
  for (int64_t c = 0; c < channels_; ++c)
    for (const Tap& tap : taps)
      offsets_.push_back(static_cast<int32_t>(
          ((c * phases + static_cast<int64_t>(tap.phase)) * plane_ + tap.y * pitch_ + tap.x) *
          static_cast<int64_t>(sizeof(float))));
}

Patches::Tile Patches::tile(int64_t index) const {
  const int64_t y = index / column_tiles_ * tile_rows_, x = index % column_tiles_ * tile_columns_;
  Tile tile{y, x, std::min(tile_rows_, geometry_.rows - y),
            std::min(tile_columns_, geometry_.columns - x), false};
  tile.whole_rows = tile.rows == 1 || pitch_ == geometry_.columns;
  return tile;
}

void Patches::fill(const Tile& tile, const float* from, int64_t channels, float* to) const {
  const ConvGeometry& g = geometry_;
  const int64_t rows = tile.rows + patch_rows_ - tile_rows_;
  for (int64_t c = 0; c < channels; ++c, from += g.height * g.width)
    for (const Phase& phase : phases_) {
      float* row = to;
      for (int64_t r = 0; r < rows; ++r, row += pitch_) {
        const int64_t y = g.y.start(tile.y + r) + phase.y;
        if (y < 0 || y >= g.height) std::fill_n(row, pitch_, 0.0F);
        else fill_row(from + y * g.width, phase, tile, row);
      }
      to += plane_;
    }
  // What vectors read beyond the last row counts for no output; it shall be a usual number.
  std::fill_n(to - (plane_ - rows * pitch_), kBeyond, 0.0F);
}

void Patches::fill_row(const float* line, const Phase& phase, const Tile& tile, float* to) const {
  const WindowAxis& axis = geometry_.x;
  const int64_t start = axis.start(tile.x) + phase.x, stride = axis.stride;
  const int64_t before = start >= 0 ? 0 : ceil_div(-start, stride);
  const int64_t inside = std::clamp<int64_t>(before, 0, pitch_);
  const int64_t behind = geometry_.width - start;  // of the first element to the line's end
  const int64_t outside =
      std::clamp<int64_t>(behind > 0 ? ceil_div(behind, stride) : 0, inside, pitch_);
  std::fill_n(to, inside, 0.0F);
  if (stride == 1) {
    std::memcpy(to + inside, line + start + inside,
                static_cast<size_t>(outside - inside) * sizeof(float));
  } else {
    for (int64_t j = inside; j < outside; ++j) to[j] = line[start + j * stride];
  }
  std::fill_n(to + outside, pitch_ - outside, 0.0F);
}

}  // namespace hone::cpu
