#include "device/cpu/joined_box.hpp"

#include <algorithm>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in side_by_side_ISA.cpp, each compiled for its instruction set.
extern const SideBySideFunctions kSideBySideAvx512, kSideBySideAvx2, kSideBySideGeneric;

const SideBySideFunctions& side_by_side_functions() {
  switch (isa()) {
    case Isa::avx512: return kSideBySideAvx512;
    case Isa::avx2: return kSideBySideAvx2;
    case Isa::generic: break;
  }
  return kSideBySideGeneric;
}

JoinedBox::JoinedBox(const Taps& rows, const Taps& columns, int64_t width)
    : rows_(rows), columns_(columns), width_(width) {
  // A vector of columns, where a row has as many: fewer are joined one by one.
  const int64_t least = std::min<int64_t>(side_by_side_functions().planes, width);
  columns_.first = std::min(columns.first, width - least);
  columns_.last = std::max(columns.last, columns_.first + least);
}

void JoinedBox::fill(const float* from, int64_t plane, int64_t channels, float* to) const {
  const SideBySideFunctions& functions = side_by_side_functions();
  const int64_t begin = rows_.first * width_ + columns_.first, rows = rows_.last - rows_.first;
  const float* planes[kMostSideBySide];
  if (rows == 0) return;
  if (pitch() == width_) {  // rows follow one another
    planes_from(from + begin, plane, channels, planes);
    functions.join(rows * width_, planes, width_, width_, to);
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    planes_from(from + begin + row * width_, plane, channels, planes);
    functions.join(pitch(), planes, pitch(), pitch(), to + row * pitch() * functions.planes);
  }
}

}  // namespace hone::cpu
