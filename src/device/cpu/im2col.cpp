#include "device/cpu/im2col.hpp"

#include <algorithm>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kMostColumns = 32;  // of a panel

/// Neighbouring columns of a panel whose elements lie `stride` apart in one line of the input.
struct Run {
  int64_t column, count;
  int64_t offset;  // in a plane of the input; -1: padding
};

/// How far an element of the kernel lies from the first one.
struct Tap {
  int64_t dz, dy, dx;
};

/// ceil(a / b), b > 0.
int64_t ceiling(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : a / b; }

/// The runs of one kernel element. Returns how many there are.
int runs_of(const ConvGeometry& g, const Tap& tap, int64_t first, int64_t count,
            std::array<Run, 3 * kMostColumns>& runs) {
  if (g.plain) {
    runs[0] = {0, count, first};
    return 1;
  }
  int found = 0;
  const auto add = [&](int64_t column, int64_t length, int64_t offset) {
    if (length > 0) runs[static_cast<size_t>(found++)] = {column, length, offset};
  };
  for (int64_t column = 0; column < count;) {
    const int64_t row = (first + column) / g.columns, begin = (first + column) % g.columns;
    const int64_t end = std::min(g.columns, begin + count - column);
    const int64_t z = g.z.start(row / g.rows) + tap.dz, y = g.y.start(row % g.rows) + tap.dy;
    // Outputs of this line that lie within the input.
    const int64_t reach = -(g.x.start(0) + tap.dx);
    int64_t inside = std::clamp(ceiling(reach, g.x.stride), begin, end);
    int64_t outside = std::clamp(ceiling(g.width + reach, g.x.stride), inside, end);
    if (y < 0 || y >= g.height || z < 0 || z >= g.z.input) inside = outside = end;
    add(column, inside - begin, -1);
    add(column + inside - begin, outside - inside,
        (z * g.height + y) * g.width + g.x.start(inside) + tap.dx);
    add(column + outside - begin, end - outside, -1);
    column += end - begin;
  }
  return found;
}

}  // namespace

Filters::Filters(Window fields, int64_t groups, const std::vector<int64_t>& weight)
    : window(std::move(fields)), group(groups), count(weight[0] / groups) {
  depth = element_count(std::span(weight).subspan(1));
  one_dimensional = weight.size() == 3;
  kernel = {one_dimensional ? 1 : weight[weight.size() - 2], weight.back()};
  if (weight.size() > 4) slices = weight[2];
}

int64_t Filters::block_channels() const {
  return std::clamp<int64_t>(kDepthBlock / taps(), 1, std::max<int64_t>(1, depth / taps()));
}

void Filters::pack(const float* values, float* to) const {
  for (int64_t g = 0; g < group; ++g)
    pack_panels(values + g * count * depth, count, depth, depth, 1, gemm_core().rows,
                to + g * packed());
}

ConvGeometry::ConvGeometry(const Filters& filters, const std::vector<int64_t>& in,
                           const std::vector<int64_t>& out) {
  if (element_count(out) == 0) return;
  images = in[0];
  channels = in[1] / filters.group;
  width = in.back();
  columns = out.back();
  const size_t last = in.size() - 3;  // of the spatial axes
  x = window_axis_of(filters.window, last, width, columns, filters.kernel[1]);
  if (last > 0) {
    height = in[last + 1];
    rows = out[last + 1];
    y = window_axis_of(filters.window, last - 1, height, rows, filters.kernel[0]);
  }
  if (last > 1) z = window_axis_of(filters.window, 0, in[2], out[2], filters.slices);
  plain = filters.taps() == 1;
  for (const WindowAxis& axis : {x, y, z})
    plain &= axis.stride == 1 && axis.pad_begin == 0 && axis.output == axis.input;
}

std::optional<std::vector<int64_t>> known_sizes(const Value* value) {
  const Dims& dims = value->type.tensor().shape();
  std::vector<int64_t> sizes{1};
  for (size_t axis = 1; axis < dims.size(); ++axis) {
    const std::optional<int64_t> size = dims[axis].constant();
    if (!size) return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

template <class T>
void gather_windows(const Filters& filters, const ConvGeometry& g, const T* from, int64_t channels,
                    int64_t first, int64_t count, int width, T zero, float* to) {
  const int64_t taps = filters.taps(), plane = g.channel();
  const auto shift = static_cast<float>(zero);
  std::array<Run, 3 * kMostColumns> runs;
  for (int64_t tap = 0; tap < taps; ++tap) {
    const int64_t row = tap / filters.kernel[1];
    const Tap at{row / filters.kernel[0] * g.z.dilation, row % filters.kernel[0] * g.y.dilation,
                 tap % filters.kernel[1] * g.x.dilation};
    const int found = runs_of(g, at, first, count, runs);
    for (int64_t c = 0; c < channels; ++c) {
      const T* source = from + c * plane;
      float* row = to + (c * taps + tap) * width;
      for (int r = 0; r < found; ++r) {
        const Run& run = runs[static_cast<size_t>(r)];
        float* place = row + run.column;
        if (run.offset < 0) {
          for (int64_t i = 0; i < run.count; ++i) place[i] = 0;
        } else if (g.x.stride == 1) {
          const T* line = source + run.offset;
          for (int64_t i = 0; i < run.count; ++i) place[i] = static_cast<float>(line[i]) - shift;
        } else {
          const T* line = source + run.offset;
          for (int64_t i = 0; i < run.count; ++i)
            place[i] = static_cast<float>(line[i * g.x.stride]) - shift;
        }
      }
      for (int64_t j = count; j < width; ++j) row[j] = 0;
    }
  }
}

template void gather_windows(const Filters&, const ConvGeometry&, const float*, int64_t, int64_t,
                             int64_t, int, float, float*);
template void gather_windows(const Filters&, const ConvGeometry&, const uint8_t*, int64_t, int64_t,
                             int64_t, int, uint8_t, float*);
template void gather_windows(const Filters&, const ConvGeometry&, const int8_t*, int64_t, int64_t,
                             int64_t, int, int8_t, float*);

}  // namespace hone::cpu
