#include "device/cpu/patch.hpp"

#include <algorithm>
#include <limits>

#include "base/size.hpp"
#include "device/cpu/shares.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kPatchFloats = 80 * 1024;  // of all channels, where one row of pixels allows it
constexpr int64_t kLeastColumns = 96;        // of a tile, where more channels would mean fewer
constexpr int64_t kFewChannels = 32;         // in one step of the depth, at least
constexpr int64_t kBlockPixels = 32;         // a multiple of every vector
constexpr auto kFloat = static_cast<int64_t>(sizeof(float));

/// Parts of `size` of at most `most`, about equal.
int64_t equal_part(int64_t size, int64_t most) {
  return ceil_div(size, ceil_div(size, std::max<int64_t>(1, most)));
}

/// As many rows of pixels that the vectors of their tiles are filled best; about the most when that
/// makes no difference.
int64_t rows_of_tile(int64_t rows, int64_t columns, int64_t reach, int64_t least, int64_t most) {
  const int64_t half = Contraction::lanes(gemm_core().isa) / 2;
  const auto vectors = [&](int64_t count) {  // in halves
    return count == 0 ? 0 : ceil_div((count - 1) * (columns + reach) + columns, half);
  };
  int64_t best = most, least_cost = std::numeric_limits<int64_t>::max();
  for (int64_t count = most; count >= least; --count) {
    const int64_t tiles = ceil_div(rows, count);
    // What a tile copies twice counts a little.
    const int64_t cost = tiles + (tiles - 1) * vectors(count) + vectors(rows - (tiles - 1) * count);
    if (cost >= least_cost) continue;
    least_cost = cost;
    best = count;
  }
  return best;
}

}  // namespace

namespace {

/// Floats of one channel of a patch of a row of so many pixels; at most about `most`.
int64_t floats_of_channel(const Filters& filters, int64_t columns, int64_t most) {
  const Window& window = filters.window;
  int64_t floats = 1;
  const size_t axes = filters.one_dimensional ? 1 : 2;
  for (size_t axis = 0; axis < axes && floats <= most; ++axis) {
    const int64_t taps = filters.kernel[axis + 2 - axes];
    const int64_t stride = window.stride(axis), dilation = window.dilation(axis);
    if (taps > most || dilation > most || stride > most) return most + 1;
    const int64_t reach = (taps - 1) * dilation / stride;
    floats *= std::min(stride, taps) * ((axis + 1 == axes ? columns : 1) + reach);
  }
  return floats;
}

}  // namespace

bool Patches::refuses(const Filters& filters) {
  return floats_of_channel(filters, kLeastColumns, kPatchFloats) > kPatchFloats;
}

bool Patches::refuses_depth(const Filters& filters, int64_t channels) {
  return floats_of_channel(filters, 1, kPatchFloats) * std::min(channels, kPatchFloats) >
         kPatchFloats;
}

Patches::Patches(const Filters& filters, const ConvGeometry& given, int64_t wanted,
                 bool whole_depth)
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
  // Input rows a multiple of 4 KiB apart share one set of the first-level cache.
  reads_input_ = !whole_depth && g.plain && g.columns >= Contraction::lanes(gemm_core().isa) &&
                 g.columns % 1024 != 0 && g.channels * g.columns < (1 << 28);
  if (reads_input_) plan_reading(wanted);
  else plan_copies(filters, wanted, whole_depth);
}

void Patches::plan_reading(int64_t wanted) {
  const ConvGeometry& g = geometry_;
  channels_ = g.channels;
  const int64_t fitting = std::max(kLeastColumns, kPatchFloats / channels_);
  const int64_t most = std::min(fitting, std::max(kBlockPixels, ceil_div(g.columns, wanted)));
  tile_columns_ = ceil_to(equal_part(g.columns, most), kBlockPixels);
  pitch_ = g.columns;
  tile_rows_ = row_tiles_ = 1;
  column_tiles_ = ceil_div(g.columns, tile_columns_);
  for (int64_t c = 0; c < channels_; ++c)
    offsets_.push_back(static_cast<int32_t>(c * g.width * kFloat));
}

/// Where each kernel element reads; finds the phases.
std::vector<Patches::Tap> Patches::taps_of(const Filters& filters) {
  const ConvGeometry& g = geometry_;
  std::vector<Tap> taps;
  for (int64_t ky = 0; ky < filters.kernel[0]; ++ky)
    for (int64_t kx = 0; kx < filters.kernel[1]; ++kx) {
      const int64_t dy = ky * g.y.dilation, dx = kx * g.x.dilation;
      const Phase phase{dy % g.y.stride, dx % g.x.stride};
      const auto found = std::find(phases_.begin(), phases_.end(), phase);
      taps.push_back(
          {static_cast<size_t>(found - phases_.begin()), dy / g.y.stride, dx / g.x.stride});
      if (found == phases_.end()) phases_.push_back(phase);
    }
  return taps;
}

/// Whole rows of pixels, as many as fit; else a part of one row; else fewer channels.
void Patches::plan_copies(const Filters& filters, int64_t wanted, bool whole_depth) {
  const ConvGeometry& g = geometry_;
  const std::vector<Tap> taps = taps_of(filters);
  const auto phases = static_cast<int64_t>(phases_.size());
  const int64_t reach_y = (filters.kernel[0] - 1) * g.y.dilation / g.y.stride;
  const int64_t reach_x = (filters.kernel[1] - 1) * g.x.dilation / g.x.stride;
  channels_ = g.channels;
  tile_columns_ = g.columns;
  tile_rows_ = 1;
  const int64_t row = phases * (g.columns + reach_x);  // floats a channel
  const int64_t fitting = kPatchFloats / (channels_ * row) - reach_y;
  // Halos are read twice, and short tiles leave vectors unused.
  const int64_t least = std::min(g.rows, ceil_div(kLeastColumns, g.columns));
  const int64_t few = whole_depth ? channels_ : std::min(kFewChannels, channels_);
  const int64_t fitting_few = kPatchFloats / (few * row) - reach_y;
  if (fitting >= (whole_depth ? 1 : least) || fitting_few >= least) {
    const int64_t most = fitting >= least || whole_depth
                             ? std::min(fitting, std::max(least, ceil_div(g.rows, wanted)))
                             : std::min(fitting_few, std::max(least, reach_y));
    tile_rows_ = rows_of_tile(g.rows, g.columns, reach_x, least, std::min(most, g.rows));
    channels_ = std::min(channels_, kPatchFloats / ((tile_rows_ + reach_y) * row));
    channels_ = equal_part(g.channels, channels_);
  } else {
    const int64_t line = phases * (1 + reach_y);
    const int64_t most = kPatchFloats / (channels_ * line) - reach_x;
    const int64_t columns = whole_depth ? 1 : std::min(kLeastColumns, g.columns);
    tile_columns_ = equal_part(g.columns, std::max(columns, most));
    channels_ =
        std::clamp<int64_t>(kPatchFloats / (line * (tile_columns_ + reach_x)), 1, channels_);
    channels_ = equal_part(g.channels, channels_);
  }
  if (g.rows == 1) {
    const int64_t most = std::max(kLeastColumns, ceil_div(g.columns, wanted));
    tile_columns_ = std::min(tile_columns_, ceil_to(equal_part(g.columns, most), kBlockPixels));
  }
  row_tiles_ = ceil_div(g.rows, tile_rows_);
  column_tiles_ = ceil_div(g.columns, tile_columns_);
  patch_rows_ = tile_rows_ + reach_y;
  pitch_ = tile_columns_ + reach_x;
  // The padding after a row is that before the next one.
  if (column_tiles_ == 1 && g.x.stride == 1)
    pitch_ =
        std::min(pitch_, std::max(tile_columns_, g.width + std::max(g.x.pad_begin, g.x.pad_end)));
  behind_ = tile_columns_ + reach_x - pitch_;
  plane_ = patch_rows_ * pitch_;
  // Not all channels in one set of a cache.
  if (plane_ >= 512 && plane_ % 1024 < 16) plane_ += 16;
  for (int64_t tile = 0; tile < column_tiles_; ++tile)
    for (const Phase& phase : phases_) reaches_.push_back(reach_of(phase, tile * tile_columns_));
  for (int64_t c = 0; c < channels_; ++c)
    for (const Tap& tap : taps)
      offsets_.push_back(static_cast<int32_t>(
          ((c * phases + static_cast<int64_t>(tap.phase)) * plane_ + tap.y * pitch_ + tap.x) *
          kFloat));
}

Patches::Tile Patches::tile(int64_t index) const {
  const int64_t y = index / column_tiles_ * tile_rows_, x = index % column_tiles_ * tile_columns_;
  Tile tile{y, x, std::min(tile_rows_, geometry_.rows - y),
            std::min(tile_columns_, geometry_.columns - x), false};
  tile.whole_rows = tile.rows == 1 || pitch_ == geometry_.columns;
  return tile;
}

void Patches::fill(const Tile& tile, const float* from, int64_t channels, float* to) const {
  const int64_t plane = geometry_.height * geometry_.width;
  each_row(tile, 0, channels, 0, to, [&](int64_t c, int64_t y, const Reach& reach, float* row) {
    if (y < 0) std::fill_n(row, pitch_, 0.0F);
    else fill_row(from + c * plane + y * geometry_.width, reach, row);
  });
}

void Patches::fill_beyond(const Tile& tile, int64_t channels, float padding, float* to) const {
  const int64_t rows = tile.rows + patch_rows_ - tile_rows_;
  const int64_t last = channels * std::ssize(phases_) - 1;
  std::fill_n(to + last * plane_ + rows * pitch_, kBeyond, padding);
}

/// Of a row of a patch that begins with the pixel `x`: what lies in the input.
Patches::Reach Patches::reach_of(const Phase& phase, int64_t x) const {
  const WindowAxis& axis = geometry_.x;
  const int64_t start = axis.start(x) + phase.x;
  const int64_t before = start >= 0 ? 0 : ceil_div(-start, axis.stride);
  const int64_t inside = std::clamp<int64_t>(before, 0, pitch_);
  const int64_t behind = geometry_.width - start;  // of the first element to the line's end
  const int64_t end = behind > 0 ? ceil_div(behind, axis.stride) : 0;
  return {start, inside, std::clamp(end, inside, pitch_)};
}

void Patches::fill_row(const float* line, const Reach& reach, float* to) const {
  const auto& [start, inside, outside] = reach;
  const int64_t stride = geometry_.x.stride;
  std::fill_n(to, inside, 0.0F);
  const float* from = line + start;
  if (stride == 1) {
    std::copy_n(from + inside, outside - inside, to + inside);
  } else if (stride == 2) {  // the compiler makes shuffles of it
    for (int64_t j = inside; j < outside; ++j) to[j] = from[2 * j];
  } else {
    for (int64_t j = inside; j < outside; ++j) to[j] = from[j * stride];
  }
  std::fill_n(to + outside, pitch_ - outside, 0.0F);
}

SharedPatches share_patches(const Filters& filters, const ConvGeometry& geometry, int64_t blocks,
                            int64_t depth, int workers, bool whole_depth, int64_t most_pixels) {
  SharedWork work{.pieces = geometry.images * filters.group, .columns = geometry.pixels()};
  work.unit = work.lanes = Contraction::lanes(gemm_core().isa);
  work.least_tiles = std::max<int64_t>(1, ceil_div(work.columns, most_pixels));
  work.most_tiles = workers == 1 ? work.least_tiles : ceil_div(work.columns, work.unit);
  work.blocks = blocks;
  work.rows = ceil_div(filters.count, blocks);
  work.depth = depth;
  work.workers = workers;
  SharedPatches made;
  made.patches = Patches(filters, geometry, share_out(work).tiles, whole_depth);
  made.steps = ceil_div(geometry.channels, made.patches.channels());
  if (workers == 1) return made;
  work.least_tiles = work.most_tiles = made.patches.tiles();
  made.parts = share_out(work).parts;
  const int64_t floats = work.pieces * made.patches.tiles() * made.steps * made.patches.floats();
  made.filled_before =
      made.parts > 1 && !made.patches.reads_input() && floats <= workers * Patches::kFloats;
  return made;
}

}  // namespace hone::cpu
