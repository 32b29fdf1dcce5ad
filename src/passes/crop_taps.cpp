// Kernel elements at the ends that see padding only, whatever the place of the window.

#include <algorithm>

#include "ir/inference.hpp"
#include "ops/convolution.hpp"
#include "ops/slice.hpp"
#include "passes/channel_affine.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// One spatial axis with taps [first, last) of its kernel left.
struct Crop {
  int64_t first, last, pad_begin, pad_end;
};

std::optional<Crop> crop_of(const Window& window, size_t at, int64_t input, int64_t kernel) {
  const SymbolicAxis symbolic = window_axis(window, at, input, kernel);
  const auto output = symbolic.output.constant(), begin = symbolic.pad_begin.constant(),
             end = symbolic.pad_end.constant();
  if (!output || !begin || !end || *output < 1) return std::nullopt;
  const WindowAxis axis{input,  *output, kernel, window.stride(at), window.dilation(at),
                        *begin, *end};
  const auto sees_input = [&](int64_t tap) {
    const Taps outputs = axis.outputs(tap);
    return outputs.first < outputs.last;
  };
  Crop crop{0, kernel, *begin, *end};
  // A tap goes with as much padding as it reached into.
  while (crop.last - crop.first > 1 && crop.pad_begin >= axis.dilation && !sees_input(crop.first))
    ++crop.first, crop.pad_begin -= axis.dilation;
  while (crop.last - crop.first > 1 && crop.pad_end >= axis.dilation && !sees_input(crop.last - 1))
    --crop.last, crop.pad_end -= axis.dilation;
  return crop;
}

bool crop(Graph& graph, Node& node) {
  const Conv& conv = *node.op.as<Conv>();
  const Dims *input = dims_of(node.inputs[0]), *weight = dims_of(node.inputs[1]);
  if (input == nullptr || weight == nullptr || !is_weight(node.inputs[1])) return false;
  Conv changed = conv;
  Window& window = changed.window;
  window.auto_pad = AutoPad::notset;
  const size_t spatial = weight->size() - 2;
  window.pads.assign(2 * spatial, 0);
  Slice slice{Dims(), Dims(), Dims(), std::nullopt};
  for (size_t i = 0; i < spatial; ++i) {
    const auto size = (*input)[i + 2].constant(), kernel = (*weight)[i + 2].constant();
    if (!size || !kernel) return false;
    const auto crop = crop_of(conv.window, i, *size, *kernel);
    if (!crop) return false;
    window.pads[i] = crop->pad_begin;
    window.pads[i + spatial] = crop->pad_end;
    if (crop->last - crop->first == *kernel) continue;
    if (!window.kernel_shape.empty()) window.kernel_shape[i] = crop->last - crop->first;
    slice.starts->emplace_back(crop->first);
    slice.ends->emplace_back(crop->last);
    slice.axes->emplace_back(static_cast<int64_t>(i) + 2);
  }
  if (slice.starts->empty()) return false;
  graph.set_input(&node, 1,
                  add_before(graph, &node, "crop_taps", node.origin, slice, {node.inputs[1]},
                             node.output()->name + "_taps"));
  graph.set_op(&node, changed);
  infer(graph, node);
  return true;
}

}  // namespace

bool crop_taps(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes())
    if (node.op.as<Conv>() != nullptr && !options.keep(node)) changed |= crop(graph, node);
  return changed;
}

}  // namespace hone
