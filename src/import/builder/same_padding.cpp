#include "import/builder/same_padding.hpp"

namespace hone::builder {

Window with_known_pads(Window window, const Dims& image, const Dims& kernel) {
  const size_t rank = image.size();
  if (window.auto_pad != AutoPad::same_upper || !window_problem(window, rank).empty())
    return window;
  std::vector<int64_t> pads(2 * rank);
  for (size_t i = 0; i < rank; ++i) {
    const SymbolicAxis axis = window_axis(window, i, image[i], kernel[i]);
    const auto begin = axis.pad_begin.constant(), end = axis.pad_end.constant();
    if (!begin || !end) return window;
    pads[i] = *begin, pads[i + rank] = *end;
  }
  window.auto_pad = AutoPad::notset;
  if (pads != std::vector<int64_t>(2 * rank)) window.pads = std::move(pads);
  return window;
}

TransposedPads transposed_pads(int64_t left_over, bool same) {
  if (left_over < 0) return {0, 0, -left_over};
  const int64_t begin = same ? left_over / 2 : 0;
  return {begin, left_over - begin, 0};
}

}  // namespace hone::builder
