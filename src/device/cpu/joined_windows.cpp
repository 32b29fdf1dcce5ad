#include "device/cpu/joined_windows.hpp"

#include <algorithm>

#include "base/size.hpp"

namespace hone::cpu {

JoinedWindows::JoinedWindows(const std::vector<WindowAxis>& axes, int64_t channels)
    : channels_(channels) {
  std::copy(axes.begin(), axes.end(), axes_.end() - std::ssize(axes));
  if (refusal() != nullptr) return;  // planes may be too long to count their places
  for (int64_t i = 0; i < z().output; ++i) slice_taps_.push_back(z().taps(i));
  for (int64_t i = 0; i < y().output; ++i) line_taps_.push_back(y().taps(i));
}

constexpr double kCached = 512 * 1024;  // floats that a second-level cache holds

/// Columns of a row of the frame.
int64_t JoinedWindows::pitch() const {
  const int64_t reach = (x().output - 1) * x().stride + (x().kernel - 1) * x().dilation + 1;
  return std::max(x().pad_begin + x().input, reach);
}

/// Inputs that so many outputs read at most.
int64_t JoinedWindows::rows(const WindowAxis& axis, int64_t outputs) {
  return std::min(axis.input, (outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1);
}

int64_t JoinedWindows::floats(int64_t slices, int64_t lines) const {
  return (rows(z(), slices) * rows(y(), lines) * pitch() + slices * lines * x().output) * planes();
}

const char* JoinedWindows::refusal() const {
  constexpr int64_t kLongest = 1 << 20;  // of an axis
  for (const WindowAxis& axis : axes_)
    if (axis.input < 1 || axis.output < 1) return "there is nothing to do";
  for (const WindowAxis& axis : axes_)
    if (axis.input > kLongest || axis.output > kLongest) return "an axis is too long";
  if (z().kernel * y().kernel > kMostRows || floats(1, 1) > kScratch)
    return "one row of results reads too much";
  return nullptr;
}

double JoinedWindows::seconds(double images, double element) const {
  int64_t slices = 0, lines = 0;  // of windows over all places of results
  for (const Taps& taps : slice_taps_) slices += taps.last - taps.first;
  for (const Taps& taps : line_taps_) lines += taps.last - taps.first;
  const double all = images * static_cast<double>(blocks() * planes());
  const auto elements = static_cast<double>(slices * lines * x().kernel * x().output);
  const auto moved = static_cast<double>(volume() + results());
  const double move = all * moved > kCached ? 3.6e-10 : 2.2e-10;
  return all * (moved * move + elements * element);
}

JoinedWindows::Tiling JoinedWindows::tiling(int64_t images, int64_t workers) const {
  Tiling made;
  made.images = images;
  made.slices = z().output, made.lines = y().output;
  const auto count = [&] {
    made.slice_tiles = ceil_div(z().output, made.slices);
    made.line_tiles = ceil_div(y().output, made.lines);
    made.tiles = images * blocks() * made.slice_tiles * made.line_tiles;
    return made.tiles;
  };
  const auto divide = [&](int64_t least) {
    if (made.slices > least) made.slices = (made.slices + 1) / 2;
    else if (made.lines > least) made.lines = (made.lines + 1) / 2;
    else return false;
    return true;
  };
  while (floats(made.slices, made.lines) > kScratch && divide(1)) {
  }
  // Not smaller than so: tiles read rows that their neighbours read, too.
  while (workers > 1 && count() < 2 * workers && divide(4)) {
  }
  count();
  return made;
}

JoinedWindows::Tile JoinedWindows::tile(const Tiling& tiling, int64_t index) const {
  const int64_t line = index % tiling.line_tiles, rest = index / tiling.line_tiles;
  const int64_t slice = rest % tiling.slice_tiles, piece = rest / tiling.slice_tiles;
  Tile made{};
  made.image = piece / blocks(), made.block = piece % blocks();
  made.channels = std::min(planes(), channels_ - made.block * planes());
  made.z = {slice * tiling.slices, std::min(z().output, (slice + 1) * tiling.slices)};
  made.y = {line * tiling.lines, std::min(y().output, (line + 1) * tiling.lines)};
  made.slices = seen_by(z(), made.z.first, made.z.last);
  made.lines = seen_by(y(), made.y.first, made.y.last);
  return made;
}

Touched JoinedWindows::touched(const Tile& tile, const float* from, const float* to) const {
  const int64_t plane = tile.image * channels_ + tile.block * planes();
  // Of several slices whole ones are said to be touched.
  const auto box = [&](const float* tensor, const Taps& slices, const Taps& lines, int64_t height,
                       int64_t width, int64_t size) {
    const bool one = slices.last - slices.first == 1;
    const int64_t first = slices.first * height + (one ? lines.first : 0);
    const int64_t last = (slices.last - 1) * height + (one ? lines.last : height);
    return Box::of(tensor + plane * size, first * width, last * width, tile.channels, size);
  };
  Touched all{{}, {box(to, tile.z, tile.y, y().output, x().output, results())}};
  if (tile.slices.first < tile.slices.last)
    all.reads.push_back(box(from, tile.slices, tile.lines, y().input, x().input, volume()));
  return all;
}

void JoinedWindows::fill(const Tile& tile, const float* from, float frame, float* to) const {
  const int64_t width = x().input, many = tile.lines.last - tile.lines.first, row = pitch();
  const int64_t behind = x().pad_begin + width;
  const float* first =
      from + (tile.image * channels_ + tile.block * planes()) * volume() + tile.lines.first * width;
  for (int64_t slice = tile.slices.first; slice < tile.slices.last; ++slice) {
    const float* all[kMostSideBySide];
    planes_from(first + slice * y().input * width, volume(), tile.channels, all);
    functions_->join(many * width, all, width, row, to + x().pad_begin * planes());
    functions_->edges(many, row, x().pad_begin, behind, frame, to);
    to += many * row * planes();
  }
}

void JoinedWindows::find_rows(const Tile& tile, int64_t z_at, int64_t y_at, const float* frame,
                              Row& row) const {
  const Taps slices = slice_taps_[static_cast<size_t>(z_at)];
  const Taps lines = line_taps_[static_cast<size_t>(y_at)];
  const int64_t many = tile.lines.last - tile.lines.first;
  int64_t count = 0;
  for (int64_t kz = slices.first; kz < slices.last; ++kz)
    for (int64_t ky = lines.first; ky < lines.last; ++ky, ++count) {
      const int64_t slice = z().start(z_at) + kz * z().dilation - tile.slices.first;
      const int64_t line = y().start(y_at) + ky * y().dilation - tile.lines.first;
      row.rows[count] = frame + (slice * many + line) * pitch() * planes();
      row.places[count] = kz * y().kernel + ky;
    }
  row.window.rows = row.rows;
  row.window.many = count;
  row.window.columns = x().kernel;
  row.window.stride = x().stride;
  row.window.dilation = x().dilation;
  row.window.count = x().output;
}

void JoinedWindows::part(const Tile& tile, const float* made, float* to) const {
  const int64_t count = (tile.y.last - tile.y.first) * x().output;
  for (int64_t slice = tile.z.first; slice < tile.z.last; ++slice, made += count * planes()) {
    float* all[kMostSideBySide];
    planes_from(to + place(tile, slice), results(), tile.channels, all);
    functions_->part(count, made, tile.channels, all);
  }
}

}  // namespace hone::cpu
