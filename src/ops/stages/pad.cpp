// Padding in closed terms: loads through index maps.

#include "ops/pad.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

/// padding_source for a place as it is known; `at` may lie anywhere.
Dim source_of(Pad::Mode mode, const Dim& at, const Dim& size) {
  switch (mode) {
    case Pad::Mode::constant: return at;
    case Pad::Mode::edge: return max(min(at, size - 1), 0);
    case Pad::Mode::wrap: return mod(at, divisor(size));
    case Pad::Mode::reflect: break;
  }
  // A mirror image has a period of 2 * (size - 1); one element is its own.
  const Dim phase = mod(at, max(size * 2 - 2, 1));
  return min(phase, size * 2 - 2 - phase);
}

}  // namespace

void Pad::express(Expression& e) const {
  const auto given = e.parameter(pads, 1);
  const auto chosen = e.parameter(axes, 3);
  if (!given || (e.has(3) && !chosen)) return e.decline("pads that only running tells");
  double outside = 0;
  if (const Value* value = e.node().input(2)) {
    if (!value->is_literal()) return e.decline("a value that only running tells");
    const Tensor& number = value->weight->tensor();
    if (number.count() > 0)
      outside =
          is_float(number.dtype()) ? number.number(0) : static_cast<double>(number.integer(0));
  }
  Dims indices = loops(e.rank(0));
  const size_t count = given->size() / 2;
  for (size_t i = 0; i < count; ++i) {
    const auto axis = chosen ? (*chosen)[i].constant() : std::optional(static_cast<int64_t>(i));
    if (!axis) return e.decline("axes that only running tells");
    const auto place = static_cast<size_t>(*axis < 0 ? *axis + e.rank(0) : *axis);
    const Dim &begin = (*given)[i], &end = (*given)[count + i];
    if (mode == Mode::constant) {
      indices[place] = indices[place] - begin;
      continue;
    }
    // What is cropped is gone before the rest is mirrored or repeated.
    const Dim cropped = max(0 - begin, 0);
    const Dim kept = e.shape(0)[place] + min(begin, 0) + min(end, 0);
    indices[place] = cropped + source_of(mode, indices[place] - max(begin, 0), kept);
  }
  if (mode == Mode::constant) e.set(0, e.at(0, indices, outside));
  else e.set(0, e.at(0, indices));
}

void CenterCropPad::express(Expression& e) const {
  Dims indices = loops(e.rank(0));
  for (size_t i = 0; i < indices.size(); ++i) {
    const Dim &size = e.shape(0)[i], &wanted = e.result_shape()[i];
    const auto grows = provably_less_equal(size, wanted);
    if (!grows) return e.decline("it may crop or pad");
    if (*grows) indices[i] = indices[i] - floor_div(wanted - size, 2);
    else indices[i] = indices[i] + floor_div(size - wanted, 2);
  }
  e.set(0, e.at(0, indices, 0.0));
}

}  // namespace hone
