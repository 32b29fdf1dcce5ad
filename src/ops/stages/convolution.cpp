// Convolutions in closed terms: sums of products over windows.

#include "ops/convolution.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"
#include "ops/stateful.hpp"

namespace hone {

void Conv::express(Expression& e) const {
  const Contraction map = convolution_of(e, window, group, 0, 1);
  const Expr sum = map.sum(e.at(0, map.a, 0.0) * e.at(1, map.b));
  e.set(0, e.has(2) ? sum + e.at(2, Dims{Dim(loop(1))}) : sum);
}

void ConvTranspose::express(Expression& e) const {
  const Dims &x = e.shape(0), &w = e.shape(1);
  const Dim channels = floor_div(w[0], group);  // of a group, in the input
  std::vector<Axis> axes{e.axis(channels)};
  const Dim own = group == 1 ? Dim(0) : floor_div(loop(1), divisor(w[1]));
  const Dim channel = own * channels + axes[0].variable;
  Dims from{loop(0), channel}, weight{channel, loop(1) - own * w[1]};
  std::optional<Expr> meets;  // the tap falls on an element of the input, on every axis
  for (size_t i = 2; i < x.size(); ++i) {
    const size_t axis = i - 2;
    axes.push_back(e.axis(w[i]));
    const Dim& tap = axes.back().variable;
    const Dim begin =
        transposed_axis(window, axis, x[i], w[i], output_padding, output_shape).pad_begin;
    const Dim place = loop(static_cast<int>(i)) + begin - tap * window.dilation(axis);
    const int64_t stride = window.stride(axis);
    from.push_back(floor_div(place, stride));
    weight.push_back(tap);
    if (stride == 1) continue;
    const Expr here = call(Function::equal, Expr::index(mod(place, stride)), Expr::integer(0));
    meets = meets ? call(Function::bit_and, *meets, here) : here;
  }
  const Expr element = e.at(0, from, 0.0);
  const Expr factor = meets ? select(*meets, element, like(element, 0)) : element;
  const Expr sum = Expr::reduce(Function::add, std::move(axes), factor * e.at(1, weight));
  e.set(0, e.has(2) ? sum + e.at(2, Dims{Dim(loop(1))}) : sum);
}

void CausalConvWithState::express(Expression& e) const {
  const DType dtype = e.type(0).dtype, wide = bits(dtype) < 32 ? DType::f32 : dtype;
  const Dims here = loops(3);
  const Dim length = e.shape(0)[2], before = e.shape(1)[2] - 1;
  // Of the line of what was before and x: one of the two is 0.
  const auto at = [&](const Dim& place) {
    const Expr x = Expr::cast(wide, e.at(0, Dims{here[0], here[1], place - before}, 0.0));
    if (!e.has(3)) return x;
    return x + Expr::cast(wide, e.at(3, Dims{here[0], here[1], place}, 0.0));
  };
  const Axis tap = e.axis(e.shape(1)[2]);
  const Expr weight = Expr::cast(wide, e.at(1, Dims{here[1], 0, tap.variable}));
  Expr sum = Expr::reduce(Function::add, {tap}, weight * at(here[2] + tap.variable));
  if (e.has(2)) sum = sum + Expr::cast(wide, e.at(2, Dims{Dim(here[1])}));
  const bool silu = activation == Activation::silu;
  e.set(0, silu ? sum / (like(sum, 1) + call(Function::exp, like(sum, 0) - sum)) : sum);
  e.set(1, at(here[2] + length));
}

}  // namespace hone
