#pragma once
// A box of pixels of several planes, side by side: for kernels that read each pixel several times.

#include "device/cpu/side_by_side.hpp"
#include "ops/common/window.hpp"

namespace hone::cpu {

/// Those of isa().
const SideBySideFunctions& side_by_side_functions();

class JoinedBox {
 public:
  JoinedBox() = default;
  /// Of planes whose rows have `width` pixels; [first, last) of both axes. It may get more columns.
  JoinedBox(const Taps& rows, const Taps& columns, int64_t width);
  int64_t pixels() const { return (rows_.last - rows_.first) * pitch(); }
  /// From one row to the next.
  int64_t pitch() const { return columns_.last - columns_.first; }
  /// Which pixel of the box it is.
  int64_t place(int64_t row, int64_t column) const {
    return (row - rows_.first) * pitch() + column - columns_.first;
  }
  /// `from`: the first of `channels` planes of `plane` floats, at most as many as a vector has.
  void fill(const float* from, int64_t plane, int64_t channels, float* to) const;

 private:
  Taps rows_{0, 0}, columns_{0, 0};
  int64_t width_ = 0;
};

/// The first of `many` planes of `each` floats; behind the last one it again.
template <class Float>
void planes_from(Float* first, int64_t each, int64_t many, Float* (&planes)[kMostSideBySide]) {
  for (int64_t i = 0; i < kMostSideBySide; ++i)
    planes[i] = first + (i < many ? i : many - 1) * each;
}

}  // namespace hone::cpu
