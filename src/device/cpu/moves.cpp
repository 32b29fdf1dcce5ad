#include "device/cpu/moves.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kTileBytes = 64 * 1024;  // that one worker takes at a time
constexpr int64_t kBlock = 16;             // side of the squares that a transpose goes by

/// Elements as they are: 16 bytes stand for complex numbers.
struct Wide {
  uint64_t parts[2];
};

template <class T>
void copy_line(const MoveDim& line, const T* from, T* to) {
  if (line.from == 1 && line.to == 1) {
    std::memcpy(to, from, static_cast<size_t>(line.size) * sizeof(T));
  } else if (line.from == 0 && line.to == 1) {
    std::fill_n(to, line.size, *from);
  } else {
    for (int64_t i = 0; i < line.size; ++i) to[i * line.to] = from[i * line.from];
  }
}

/// Two dimensions in squares, so that both sides stay within the first-level cache.
template <class T>
void copy_plane(const MoveDim& rows, const MoveDim& columns, const T* from, T* to) {
  for (int64_t r = 0; r < rows.size; r += kBlock) {
    const int64_t last_row = std::min(rows.size, r + kBlock);
    for (int64_t c = 0; c < columns.size; c += kBlock) {
      const int64_t last_column = std::min(columns.size, c + kBlock);
      for (int64_t i = r; i < last_row; ++i)
        for (int64_t j = c; j < last_column; ++j)
          to[i * rows.to + j * columns.to] = from[i * rows.from + j * columns.from];
    }
  }
}

/// The last `inner` dimensions are copied at once, the others walked: items [first, last) of them.
template <class T>
void copy_items(const Move& move, size_t inner, const T* from, T* to, int64_t first, int64_t last) {
  const size_t outer = move.dims.size() - inner;
  for (int64_t item = first; item < last; ++item) {
    const T* source = from + move.from;
    T* target = to + move.to;
    int64_t rest = item;
    for (size_t d = outer; d-- > 0;) {
      const int64_t index = rest % move.dims[d].size;
      rest /= move.dims[d].size;
      source += index * move.dims[d].from;
      target += index * move.dims[d].to;
    }
    if (inner == 2) copy_plane(move.dims[outer], move.dims[outer + 1], source, target);
    else copy_line(move.dims[outer], source, target);
  }
}

template <class T>
void run_typed(const Move& move, const T* from, T* to, Stream& stream) {
  const MoveDim& line = move.dims.back();
  constexpr auto kTile = kTileBytes / static_cast<int64_t>(sizeof(T));
  if (move.dims.size() == 1) {
    stream.parallel(ceil_div(line.size, kTile), [&](int64_t tile) {
      const MoveDim part{std::min(kTile, line.size - tile * kTile), line.from, line.to};
      copy_line(part, from + move.from + tile * kTile * line.from,
                to + move.to + tile * kTile * line.to);
    });
    return;
  }
  // A transpose: the neighbouring dimension runs through the source line by line.
  const MoveDim& other = move.dims[move.dims.size() - 2];
  const bool square = line.from != 0 && line.from != 1 && other.from == 1;
  const size_t inner = square ? 2 : 1;
  int64_t items = 1;
  for (size_t d = 0; d + inner < move.dims.size(); ++d) items *= move.dims[d].size;
  const int64_t each = square ? line.size * other.size : line.size;
  const int64_t grain = std::max<int64_t>(1, kTile / std::max<int64_t>(1, each));
  stream.parallel(ceil_div(items, grain), [&](int64_t tile) {
    copy_items(move, inner, from, to, tile * grain, std::min(items, (tile + 1) * grain));
  });
}

}  // namespace

int64_t Move::count() const {
  int64_t count = 1;
  for (const MoveDim& dim : dims) count = checked_mul(count, dim.size);
  return count;
}

bool Move::within(int64_t operand_count, int64_t result_count) const {
  int64_t least = from, most = from, last = to;
  for (const MoveDim& dim : dims) {
    const int64_t reach = checked_mul(dim.size - 1, dim.from);
    (reach < 0 ? least : most) += reach;
    last += checked_mul(dim.size - 1, dim.to);
  }
  return least >= 0 && most < operand_count && to >= 0 && last < result_count;
}

void Move::simplify() {
  std::vector<MoveDim> kept;
  for (const MoveDim& dim : dims) {
    if (dim.size == 1) continue;
    if (!kept.empty() && kept.back().from == dim.size * dim.from &&
        kept.back().to == dim.size * dim.to)
      kept.back() = {kept.back().size * dim.size, dim.from, dim.to};
    else kept.push_back(dim);
  }
  if (kept.empty()) kept.push_back({1, 1, 1});
  // A dimension that runs through the source comes next to the innermost, for squares.
  if (kept.size() > 2 && kept.back().from != 1)
    for (size_t d = 0; d + 2 < kept.size(); ++d)
      if (kept[d].from == 1)
        std::rotate(kept.begin() + static_cast<std::ptrdiff_t>(d),
                    kept.begin() + static_cast<std::ptrdiff_t>(d) + 1, kept.end() - 1);
  dims = std::move(kept);
}

std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

std::vector<MoveDim> dense_dims(const std::vector<int64_t>& shape) {
  const std::vector<int64_t> strides = dense_strides(shape);
  std::vector<MoveDim> dims;
  for (size_t d = 0; d < shape.size(); ++d) dims.push_back({shape[d], strides[d], 0});
  return dims;
}

void run_move(const Move& move, int64_t width, const std::byte* from, std::byte* to,
              Stream& stream) {
  const auto run = [&]<class T>(T) {
    run_typed(move, reinterpret_cast<const T*>(from), reinterpret_cast<T*>(to), stream);
  };
  if (width == 1) run(uint8_t{});
  else if (width == 2) run(uint16_t{});
  else if (width == 4) run(uint32_t{});
  else if (width == 8) run(uint64_t{});
  else run(Wide{});
}

}  // namespace hone::cpu
