#include "device/cpu/moves.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/size.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kTileBytes = 64 * 1024;  // that one worker takes at a time
/// What a transpose goes by: lines of the source end in cache lines of their own, columns of them
/// become lines of the result that are long enough to be written at speed.
constexpr int64_t kRows = 16, kColumns = 64;

/// Elements as they are: 16 bytes stand for complex numbers.
struct Wide {
  uint64_t parts[2];
};

/// Several elements, wherever they lie.
template <class T>
struct __attribute__((packed)) Joined {
  T parts;
};

template <class T>
void copy_line(const MoveDim& line, const T* from, T* to) {
  if (line.from == 1 && line.to == 1) {
    copy_few(reinterpret_cast<const std::byte*>(from), line.size * int64_t{sizeof(T)},
             reinterpret_cast<std::byte*>(to));
  } else if (line.from == 0 && line.to == 1) {
    std::fill_n(to, line.size, *from);
  } else {
    for (int64_t i = 0; i < line.size; ++i) to[i * line.to] = from[i * line.from];
  }
}

/// Four elements of each of four lines, lines becoming columns: to[i][j] = from[j][i].
void transpose_square(const uint32_t* from, int64_t from_line, uint32_t* to, int64_t to_line) {
  typedef uint32_t Four __attribute__((vector_size(16)));
  Four lines[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&lines[i], from + i * from_line, sizeof(Four));
  const auto low = [](Four x, Four y) { return __builtin_shufflevector(x, y, 0, 4, 1, 5); };
  const auto high = [](Four x, Four y) { return __builtin_shufflevector(x, y, 2, 6, 3, 7); };
  const Four a = low(lines[0], lines[2]), b = low(lines[1], lines[3]);
  const Four c = high(lines[0], lines[2]), d = high(lines[1], lines[3]);
  const Four columns[4] = {low(a, b), high(a, b), low(c, d), high(c, d)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_line, &columns[i], sizeof(Four));
}

/// Eight of each of eight.
void transpose_square(const uint16_t* from, int64_t from_line, uint16_t* to, int64_t to_line) {
  typedef uint16_t Eight __attribute__((vector_size(16)));
  Eight lines[8], next[8];
  for (int i = 0; i < 8; ++i) std::memcpy(&lines[i], from + i * from_line, sizeof(Eight));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      const Eight x = lines[i], y = lines[i + 4];
      next[2 * i] = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * i + 1] = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
    }
    std::memcpy(lines, next, sizeof lines);
  }
  for (int i = 0; i < 8; ++i) std::memcpy(to + i * to_line, &lines[i], sizeof(Eight));
}

/// Sixteen of each of sixteen.
void transpose_square(const uint8_t* from, int64_t from_line, uint8_t* to, int64_t to_line) {
  typedef uint8_t Sixteen __attribute__((vector_size(16)));
  Sixteen lines[16], next[16];
  for (int i = 0; i < 16; ++i) std::memcpy(&lines[i], from + i * from_line, sizeof(Sixteen));
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      const Sixteen x = lines[i], y = lines[i + 8];
      next[2 * i] =
          __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
    std::memcpy(lines, next, sizeof lines);
  }
  for (int i = 0; i < 16; ++i) std::memcpy(to + i * to_line, &lines[i], sizeof(Sixteen));
}

/// Pairs become two lines: to[i * line + j] = from[i + j * 2] for i < 2.
void part_pairs(int64_t count, const uint32_t* from, uint32_t* to, int64_t line) {
  typedef uint32_t Four __attribute__((vector_size(16)));
  int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    Four pairs[2];
    std::memcpy(pairs, from + j * 2, sizeof pairs);
    const Four even = __builtin_shufflevector(pairs[0], pairs[1], 0, 2, 4, 6);
    const Four odd = __builtin_shufflevector(pairs[0], pairs[1], 1, 3, 5, 7);
    std::memcpy(to + j, &even, sizeof even);
    std::memcpy(to + line + j, &odd, sizeof odd);
  }
  for (; j < count; ++j) to[j] = from[j * 2], to[line + j] = from[j * 2 + 1];
}

/// A block, or what the end of a plane leaves of one.
template <class T>
void copy_block(const MoveDim& rows, const MoveDim& columns, const T* from, T* to) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, uint32_t>)
    if (rows.size == 2 && rows.from == 1 && columns.from == 2 && columns.to == 1)
      return part_pairs(columns.size, from, to, rows.to);
  if constexpr (std::is_same_v<T, uint32_t> || std::is_same_v<T, uint16_t> ||
                std::is_same_v<T, uint8_t>) {
    constexpr int64_t kSide = 16 / sizeof(T);
    if (rows.from == 1 && columns.to == 1) {
      for (; i + kSide <= rows.size; i += kSide) {
        int64_t j = 0;
        for (; j + kSide <= columns.size; j += kSide)
          transpose_square(from + i + j * columns.from, columns.from, to + i * rows.to + j,
                           rows.to);
        for (; j < columns.size; ++j)
          for (int64_t k = i; k < i + kSide; ++k) to[k * rows.to + j] = from[k + j * columns.from];
      }
    }
  }
  for (; i < rows.size; ++i)
    for (int64_t j = 0; j < columns.size; ++j)
      to[i * rows.to + j * columns.to] = from[i * rows.from + j * columns.from];
}

/// Two dimensions in blocks, so that both sides stay within the first-level cache.
template <class T>
void copy_plane(const MoveDim& rows, const MoveDim& columns, const T* from, T* to) {
  for (int64_t r = 0; r < rows.size; r += kRows)
    for (int64_t c = 0; c < columns.size; c += kColumns)
      copy_block<T>({std::min(kRows, rows.size - r), rows.from, rows.to},
                    {std::min(kColumns, columns.size - c), columns.from, columns.to},
                    from + r * rows.from + c * columns.from, to + r * rows.to + c * columns.to);
}

/// Where the items of some dimensions begin, one after the other.
class Walk {
 public:
  Walk(std::span<const MoveDim> dims, int64_t item) : dims_(dims), index_(dims.size()) {
    for (size_t d = dims.size(); d-- > 0; item /= dims[d].size) {
      index_[d] = item % dims[d].size;
      from_ += index_[d] * dims[d].from;
      to_ += index_[d] * dims[d].to;
    }
  }
  int64_t from() const { return from_; }
  int64_t to() const { return to_; }
  void next() {
    for (size_t d = dims_.size(); d-- > 0;) {
      from_ += dims_[d].from;
      to_ += dims_[d].to;
      if (++index_[d] < dims_[d].size) return;
      from_ -= dims_[d].size * dims_[d].from;
      to_ -= dims_[d].size * dims_[d].to;
      index_[d] = 0;
    }
  }

 private:
  std::span<const MoveDim> dims_;
  std::vector<int64_t> index_;
  int64_t from_ = 0, to_ = 0;
};

/// The bytes from the first to the last element of a box of these dimensions.
template <class T>
Box hull(const T* start, std::span<const std::pair<int64_t, int64_t>> sizes_and_strides) {
  int64_t least = 0, most = 0;
  for (const auto& [size, stride] : sizes_and_strides)
    (stride < 0 ? least : most) += (size - 1) * stride;
  return Box::of(start, least, most + 1);
}

/// What is copied from and to in dimensions around, `outer` in all: by each of [first, last).
template <class T>
Touched touched_by(std::span<const MoveDim> outer, int64_t first, int64_t last, const T* from,
                   const T* to, const MoveDim& rows, const MoveDim& columns) {
  Walk walk(outer, first);
  int64_t least[2] = {INT64_MAX, INT64_MAX}, most[2] = {INT64_MIN, INT64_MIN};
  for (int64_t i = first; i < last; ++i, walk.next()) {
    const int64_t at[2] = {walk.from(), walk.to()};
    for (size_t side = 0; side < 2; ++side) {
      least[side] = std::min(least[side], at[side]);
      most[side] = std::max(most[side], at[side]);
    }
  }
  const auto side = [&](const T* start, size_t i, int64_t row, int64_t column) {
    const std::pair<int64_t, int64_t> sizes[] = {
        {most[i] - least[i] + 1, 1}, {rows.size, row}, {columns.size, column}};
    return hull(start + least[i], sizes);
  };
  return {{side(from, 0, rows.from, columns.from)}, {side(to, 1, rows.to, columns.to)}};
}

/// The last two dimensions are transposed. Planes larger than a tile are cut across their longer
/// dimension.
template <class T>
void run_planes(const Move& move, const T* from, T* to, int64_t planes, int64_t most,
                Stream& stream) {
  const std::span outer(move.dims.data(), move.dims.size() - 2);
  const MoveDim rows = move.dims[outer.size()], columns = move.dims.back();
  const bool by_rows = rows.size >= columns.size;
  const MoveDim& cut = by_rows ? rows : columns;
  const int64_t across = by_rows ? columns.size : rows.size;
  const int64_t part = ceil_div(std::max<int64_t>(1, most / across), kRows) * kRows;
  const int64_t parts = ceil_div(cut.size, part);
  const int64_t grain = std::max<int64_t>(1, most / (rows.size * columns.size));
  launch_ranges(
      stream, planes * parts, grain,
      [=, &move](int64_t first, int64_t last) {
        Walk walk(outer, first / parts);
        for (int64_t i = first; i < last; ++i) {
          const int64_t begin = i % parts * part, size = std::min(part, cut.size - begin);
          const T* source = from + move.from + walk.from() + begin * cut.from;
          T* target = to + move.to + walk.to() + begin * cut.to;
          if (by_rows) copy_plane({size, rows.from, rows.to}, columns, source, target);
          else copy_plane(rows, {size, columns.from, columns.to}, source, target);
          if ((i + 1) % parts == 0) walk.next();
        }
      },
      [&](int64_t first, int64_t last) {
        return touched_by(outer, first / parts, (last - 1) / parts + 1, from + move.from,
                          to + move.to, rows, columns);
      });
}

template <class T>
void run_typed(const Move& move, const T* from, T* to, Stream& stream) {
  const MoveDim& line = move.dims.back();
  constexpr auto kTile = kTileBytes / static_cast<int64_t>(sizeof(T));
  if (move.dims.size() == 1) {
    const T* source = from + move.from;
    T* target = to + move.to;
    launch_ranges(
        stream, line.size, kTile,
        [=](int64_t first, int64_t last) {
          copy_line<T>({last - first, line.from, line.to}, source + first * line.from,
                       target + first * line.to);
        },
        [&](int64_t first, int64_t last) {
          return touched_by<T>({}, 0, 1, source + first * line.from, target + first * line.to,
                               {1, 0, 0}, {last - first, line.from, line.to});
        });
    return;
  }
  int64_t lines = 1;
  for (size_t d = 0; d + 1 < move.dims.size(); ++d) lines *= move.dims[d].size;
  // A transpose: the neighbouring dimension runs through the source line by line.
  const MoveDim& other = move.dims[move.dims.size() - 2];
  if (line.from != 0 && line.from != 1 && other.from == 1)
    return run_planes(move, from, to, lines / other.size, kTile, stream);
  const std::span outer(move.dims.data(), move.dims.size() - 1);
  launch_ranges(
      stream, lines, kTile / line.size,
      [=, &move, &line](int64_t first, int64_t last) {
        Walk walk(outer, first);
        for (int64_t i = first; i < last; ++i, walk.next())
          copy_line(line, from + move.from + walk.from(), to + move.to + walk.to());
      },
      [&](int64_t first, int64_t last) {
        return touched_by(outer, first, last, from + move.from, to + move.to, {1, 0, 0}, line);
      });
}

}  // namespace

void transpose_lines(int64_t lines, int64_t size, const float* from, float* to) {
  copy_block<uint32_t>({size, 1, lines}, {lines, size, 1}, reinterpret_cast<const uint32_t*>(from),
                       reinterpret_cast<uint32_t*>(to));
}

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

void Move::join_lines(int64_t width) {
  const MoveDim line = dims.back();
  const int64_t bytes = line.size * width;
  const bool fits = bytes == 2 || bytes == 4 || bytes == 8 || bytes == 16;
  if (dims.size() < 2 || line.size < 2 || line.from != 1 || line.to != 1 || !fits) return;
  if (from % line.size != 0 || to % line.size != 0) return;
  for (size_t d = 0; d + 1 < dims.size(); ++d)
    if (dims[d].from % line.size != 0 || dims[d].to % line.size != 0) return;
  dims.pop_back();
  for (MoveDim& dim : dims) dim.from /= line.size, dim.to /= line.size;
  from /= line.size, to /= line.size;
  joined = line.size;
  simplify();
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

namespace {

/// run(T{}) for what is moved as one.
template <class Run>
void with_element(const Move& move, int64_t width, const Run& run) {
  if (move.joined > 1) {
    const int64_t bytes = width * move.joined;
    if (bytes == 2) run(Joined<uint16_t>{});
    else if (bytes == 4) run(Joined<uint32_t>{});
    else if (bytes == 8) run(Joined<uint64_t>{});
    else run(Joined<Wide>{});
  } else if (width == 1) {
    run(uint8_t{});
  } else if (width == 2) {
    run(uint16_t{});
  } else if (width == 4) {
    run(uint32_t{});
  } else if (width == 8) {
    run(uint64_t{});
  } else {
    run(Wide{});
  }
}

}  // namespace

void run_move(const Move& move, int64_t width, const std::byte* from, std::byte* to,
              Stream& stream) {
  with_element(move, width, [&]<class T>(T) {
    run_typed(move, reinterpret_cast<const T*>(from), reinterpret_cast<T*>(to), stream);
  });
}

std::vector<Move> around(const Move& box, int64_t count, int64_t width, size_t operand) {
  constexpr int64_t kRunBytes = 256;  // that are written in the time that a run costs
  std::vector<Move> gaps;
  const auto add = [&](int64_t to, std::vector<MoveDim> dims) {
    Move gap;
    gap.operand = operand, gap.result = box.result, gap.to = to, gap.dims = std::move(dims);
    if (gap.count() == 0) return;
    gap.simplify();
    gaps.push_back(std::move(gap));
  };
  int64_t span = 1, runs = 1;  // elements from the first to the last of the box; lines of all gaps
  for (size_t d = box.dims.size(); d-- > 0;) {
    std::vector<MoveDim> dims(box.dims.begin(), box.dims.begin() + static_cast<long>(d) + 1);
    for (MoveDim& dim : dims) dim.from = 0;
    --dims.back().size;
    const int64_t line = dims.back().to - span;
    if (line > 0) {
      Move lines;
      lines.dims = dims;
      runs += lines.count();
      dims.push_back({line, 0, 1});
      add(box.to + span, std::move(dims));
    }
    span += (box.dims[d].size - 1) * box.dims[d].to;
  }
  if (runs * kRunBytes < box.count() * width) {
    add(0, {{box.to, 0, 1}});
    add(box.to + span, {{count - box.to - span, 0, 1}});
    return gaps;
  }
  Move all;
  all.operand = operand, all.result = box.result, all.dims = {{count, 0, 1}};
  return {all};
}

bool part_together(std::span<const Move> moves) {
  return moves.size() > 1 && std::ranges::all_of(moves, [&](const Move& move) {
           const size_t rank = move.dims.size();
           return move.dims[0].size == moves[0].dims[0].size &&
                  (rank == 1 || (rank == 2 && move.dims[1].from == 1 && move.dims[1].to == 1));
         });
}

void copy_part(const Move& move, int64_t width, int64_t first, int64_t last, const std::byte* from,
               std::byte* to) {
  with_element(move, width, [&]<class T>(T) {
    const MoveDim& outer = move.dims.front();
    const T* source = reinterpret_cast<const T*>(from) + move.from + first * outer.from;
    T* target = reinterpret_cast<T*>(to) + move.to + first * outer.to;
    if (move.dims.size() == 1)
      return copy_line<T>({last - first, outer.from, outer.to}, source, target);
    for (int64_t i = first; i < last; ++i, source += outer.from, target += outer.to)
      copy_line(move.dims[1], source, target);
  });
}

Touched touched_by_part(const Move& move, int64_t width, int64_t first, int64_t last,
                        const std::byte* from, const std::byte* to) {
  Touched touched;
  with_element(move, width, [&]<class T>(T) {
    const MoveDim& outer = move.dims.front();
    const MoveDim inner = move.dims.size() == 1 ? MoveDim{1, 0, 0} : move.dims[1];
    touched =
        touched_by<T>({}, 0, 1, reinterpret_cast<const T*>(from) + move.from + first * outer.from,
                      reinterpret_cast<const T*>(to) + move.to + first * outer.to,
                      {last - first, outer.from, outer.to}, inner);
  });
  return touched;
}

void copy_bytes(const std::byte* from, std::byte* to, int64_t bytes, Stream& stream) {
  constexpr int64_t kTile = 256 * 1024;  // bytes that one worker takes at a time
  if (from == to) return;
  launch_ranges(stream, bytes, kTile, [=](int64_t first, int64_t last) {
    std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
  });
}

}  // namespace hone::cpu
