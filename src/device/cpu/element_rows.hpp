#pragma once
// Row functions made of the loops of device/cpu/element_loops.hpp.

#include <algorithm>
#include <array>

#include "device/cpu/element_loops.hpp"
#include "device/cpu/elementwise.hpp"

namespace hone::cpu {

/// One operand that does not step, as often as a piece has elements.
template <class T>
struct Spread {
  static constexpr int64_t kPiece = 256;
  std::array<T, kPiece> elements;
  Spread(const std::byte* at, int64_t count) {
    if (count > 0)
      std::fill_n(elements.begin(), std::min(count, kPiece), *reinterpret_cast<const T*>(at));
  }
};

/// loop(count, a, b, to) over a row of T, whose operands `first` and `first` + 1 step or not.
template <class T, class R, class Loop>
void run_pair(const Row& row, size_t first, const Loop& loop) {
  const std::byte *a = row.at[first], *b = row.at[first + 1];
  const int64_t a_step = row.step[first], b_step = row.step[first + 1];
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  constexpr auto kMade = static_cast<int64_t>(sizeof(R));
  if (a_step != 0 && b_step != 0) return loop(row.count, 0, a, b, row.to);
  const Spread<T> left(a, a_step == 0 ? row.count : 0), right(b, b_step == 0 ? row.count : 0);
  for (int64_t done = 0; done < row.count; done += Spread<T>::kPiece) {
    const int64_t count = std::min(Spread<T>::kPiece, row.count - done);
    const void* x = a_step == 0 ? static_cast<const void*>(left.elements.data()) : a + done * kSize;
    const void* y =
        b_step == 0 ? static_cast<const void*>(right.elements.data()) : b + done * kSize;
    loop(count, done, x, y, row.to + done * kMade);
  }
}

/// The unsigned number that is 2^kWidth bytes wide.
template <int kWidth>
using BitsOfWidth = std::conditional_t<
    kWidth == 0, uint8_t,
    std::conditional_t<kWidth == 1, uint16_t, std::conditional_t<kWidth == 2, uint32_t, uint64_t>>>;

/// kLoops[kIndex] of pairs whose elements have 2^kWidth bytes; kSwapped: of (b, a). R: of results.
template <auto kLoops, int kIndex, int kWidth, class R, bool kSwapped>
void pair_row(const void*, const RowFunctions&, const Row& row) {
  const ElementLoops::Pair loop = (element_loops().*kLoops)[kIndex];
  run_pair<BitsOfWidth<kWidth>, R>(
      row, 0, [loop](int64_t count, int64_t, const void* a, const void* b, void* to) {
        if constexpr (kSwapped) loop(count, b, a, to);
        else loop(count, a, b, to);
      });
}
template <auto kLoops, int kIndex>
void single_row(const void*, const RowFunctions&, const Row& row) {
  (element_loops().*kLoops)[kIndex](row.count, row.at[0], row.to);
}

/// f.operator()<width>(), or nullptr for what is no whole number of bytes.
template <class F>
RowFunction for_width(DType type, F f) {
  switch (bits(type)) {
    case 8: return f.template operator()<0>();
    case 16: return f.template operator()<1>();
    case 32: return f.template operator()<2>();
    case 64: return f.template operator()<3>();
    default: return nullptr;
  }
}
/// f.operator()<ElementLoops::Number>() of integers, else nullptr.
template <class F>
RowFunction for_whole(DType type, F f) {
  switch (type) {
    case DType::i8: return f.template operator()<ElementLoops::i8>();
    case DType::u8: return f.template operator()<ElementLoops::u8>();
    case DType::i16: return f.template operator()<ElementLoops::i16>();
    case DType::u16: return f.template operator()<ElementLoops::u16>();
    case DType::i32: return f.template operator()<ElementLoops::i32>();
    case DType::u32: return f.template operator()<ElementLoops::u32>();
    case DType::i64: return f.template operator()<ElementLoops::i64>();
    case DType::u64: return f.template operator()<ElementLoops::u64>();
    default: return nullptr;
  }
}

}  // namespace hone::cpu
