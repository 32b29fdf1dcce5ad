#include "device/cpu/band.hpp"

#include <algorithm>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in slide_ISA.cpp, each compiled for its instruction set.
extern const SlideFunctions kSlideAvx512, kSlideAvx2, kSlideGeneric;

const SlideFunctions& slide_functions() {
  switch (isa()) {
    case Isa::avx512: return kSlideAvx512;
    case Isa::avx2: return kSlideAvx2;
    case Isa::generic: break;
  }
  return kSlideGeneric;
}

BandLayout::BandLayout(const WindowAxis& rows_axis, const WindowAxis& columns)
    : y(rows_axis), x(columns) {
  const int64_t band = std::min(kBandRows, y.output);
  rows = (band - 1) * y.stride + (y.kernel - 1) * y.dilation + 1;
  const int64_t last = (x.output - 1) * x.stride + (x.kernel - 1) * x.dilation + 1;
  pitch = std::max(x.pad_begin + x.input, last) / x.stride + 1;
}

std::vector<long> BandLayout::offsets() const {
  std::vector<long> result;
  for (int64_t ky = 0; ky < y.kernel; ++ky)
    for (int64_t kx = 0; kx < x.kernel; ++kx)
      result.push_back(ky * y.dilation * row() + place(kx * x.dilation));
  return result;
}

void BandLayout::copy(const SlideFunctions& functions, const float* plane, int64_t first,
                      float frame, float* to) const {
  int64_t at = y.start(first);
  for (int64_t i = 0; i < rows; ++i, ++at, to += row()) {
    if (at < 0 || at >= y.input) {
      std::fill_n(to, row(), frame);
      continue;
    }
    const float* from = plane + at * x.input;
    if (x.stride == 1) std::copy_n(from, x.input, to + x.pad_begin);
    else if (x.stride == 2)
      functions.part(x.input, from, to + place(x.pad_begin), to + place(x.pad_begin + 1));
    else
      for (int64_t c = 0; c < x.input; ++c) to[place(x.pad_begin + c)] = from[c];
  }
}

int64_t BandLayout::grain(int64_t planes, int64_t workers) const {
  constexpr int64_t kReadsPerTile = 200'000;  // 5 to 20 us
  const int64_t reads = std::min(kBandRows, y.output) * x.output * y.kernel * x.kernel;
  const int64_t share = planes * bands() / (4 * workers);
  return std::max<int64_t>(1, std::min(share, kReadsPerTile / reads));
}

Dim band_floats(const Window& window, const Dim& width, const std::vector<int64_t>& kernel) {
  const bool plane = kernel.size() == 2;  // else rows alone: kNoAxis
  const size_t across = kernel.size() - 1;
  const int64_t reach_x = (kernel[across] - 1) * window.dilation(across) + 1;
  int64_t rows = 1;
  if (plane) rows = (kBandRows - 1) * window.stride(0) + (kernel[0] - 1) * window.dilation(0) + 1;
  // Padding that the op chooses is less than the window and a stride.
  int64_t padding = reach_x + window.stride(across);
  if (!window.pads.empty())
    padding = std::max(padding, window.pads[across] + window.pads[across + kernel.size()]);
  return Dim(rows) * (width + Dim(reach_x + padding + 2 * window.stride(across))) +
         Dim(kMostSlideLanes);
}

}  // namespace hone::cpu
