#pragma once
// Windows that slide over planes of f32: rows are copied into a frame, where a window that hangs
// over the edge finds what padding counts as, and results are made a vector at a time.

#include "device/cpu/plane.hpp"
#include "device/cpu/slide.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {

/// Those of isa().
const SlideFunctions& slide_functions();

/// A band: rows of results that are made of one copy of the rows they read.
inline constexpr int64_t kBandRows = 16;

/// The rows of a plane that a band reads. Columns are parted by their place modulo the stride, so
/// that neighbouring results read neighbouring floats.
struct BandLayout {
  WindowAxis y{}, x{};
  int64_t rows = 0, pitch = 0;  // of a band; floats of one part of a row

  BandLayout() = default;
  BandLayout(const WindowAxis& rows_axis, const WindowAxis& columns);
  int64_t row() const { return pitch * x.stride; }
  int64_t floats() const { return rows * row() + kMostSlideLanes; }  // at most band_floats()
  int64_t bands() const { return (y.output + kBandRows - 1) / kBandRows; }
  /// Of column `c`, counted from where the first window begins.
  int64_t place(int64_t c) const { return c % x.stride * pitch + c / x.stride; }
  /// From where a result's window begins to each of its elements, row by row.
  std::vector<long> offsets() const;
  /// Copies what the band of results from `first` on reads to `to`, which was filled with `frame`
  /// and holds that or an earlier band.
  void copy(const SlideFunctions& functions, const float* plane, int64_t first, float frame,
            float* to) const;
  /// Bands of a tile: enough work that claiming it is nothing, and several tiles for each worker.
  int64_t grain(int64_t planes, int64_t workers) const;
};

/// Floats that a worker copies a band to, for input rows of `width` and a window of `kernel`.
Dim band_floats(const Window& window, const Dim& width, const std::vector<int64_t>& kernel);

/// Every band of `planes` dense planes: work(plane, slide) with what is the same for all windows
/// filled in; `slide.weights` and `slide.start` are left to it.
template <class Work>
void each_band(const BandLayout& band, const std::vector<long>& offsets, int64_t planes,
               int64_t grain, const float* input, float* results, float frame,
               std::span<std::byte> scratch, Stream& stream, const Work& work) {
  const SlideFunctions& functions = slide_functions();
  const int64_t bands = band.bands();
  parallel_ranges(stream, planes * bands, grain, [&](int64_t from, int64_t to) {
    float* copied = scratch_of(scratch, band.floats());
    std::fill_n(copied, band.floats(), frame);
    for (int64_t i = from; i < to; ++i) {
      const int64_t plane = i / bands, first = i % bands * kBandRows;
      band.copy(functions, input + plane * band.y.input * band.x.input, first, frame, copied);
      Slide slide{copied,
                  band.y.stride * band.row(),
                  offsets.data(),
                  nullptr,
                  static_cast<long>(offsets.size()),
                  0.0f,
                  results + (plane * band.y.output + first) * band.x.output,
                  std::min(kBandRows, band.y.output - first),
                  band.x.output};
      if (band.y.dilation == 1) {
        slide.lines = band.y.kernel, slide.columns = band.x.kernel;
        slide.pitch = band.row(), slide.stride = band.y.stride;
      }
      work(plane, first, slide);
    }
  });
}

}  // namespace hone::cpu
