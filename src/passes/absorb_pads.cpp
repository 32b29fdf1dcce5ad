// Padding that the window op behind it can do itself.

#include <algorithm>
#include <limits>

#include "ir/inference.hpp"
#include "ops/activation.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/pooling.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Constant padding of spatial axes: begins, then ends.
struct Padding {
  std::vector<int64_t> widths;
  double value = 0;
};

std::optional<Padding> padding_of(const Node& node) {
  const Pad& op = *node.op.as<Pad>();
  const Dims* dims = dims_of(node.inputs[0]);
  const auto given = numbers_of(op.pads);
  if (op.mode != Pad::Mode::constant || dims == nullptr || dims->size() < 3 || !given ||
      node.input(1) != nullptr || node.input(3) != nullptr)
    return std::nullopt;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < given->size() / 2; ++i) axes.push_back(static_cast<int64_t>(i));
  if (op.axes) {
    const auto numbers = numbers_of(op.axes);
    if (!numbers) return std::nullopt;
    axes = *numbers;
  }
  const size_t spatial = dims->size() - 2;
  Padding padding{std::vector<int64_t>(2 * spatial, 0), 0};
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t begin = (*given)[i], end = (*given)[i + axes.size()];
    const int64_t axis = axes[i] < 0 ? axes[i] + std::ssize(*dims) : axes[i];
    if (begin < 0 || end < 0 || (axis < 2 && (begin > 0 || end > 0))) return std::nullopt;
    if (axis < 2) continue;
    padding.widths[static_cast<size_t>(axis) - 2] = begin;
    padding.widths[static_cast<size_t>(axis) - 2 + spatial] = end;
  }
  if (node.input(2) == nullptr) return padding;
  const auto value = scalar_of(node.inputs[2]);
  if (!value) return std::nullopt;
  padding.value = *value;
  return padding;
}

bool has_no_pads(const Window& window) {
  return window.auto_pad == AutoPad::valid ||
         std::all_of(window.pads.begin(), window.pads.end(), [](int64_t pad) { return pad == 0; });
}

/// nullopt: somebody else chooses the padding.
std::optional<Window> padded(Window window, const Padding& padding) {
  if (window.auto_pad != AutoPad::notset && window.auto_pad != AutoPad::valid) return std::nullopt;
  if (window.pads.empty() || window.auto_pad == AutoPad::valid)
    window.pads.assign(padding.widths.size(), 0);
  for (size_t i = 0; i < padding.widths.size(); ++i) window.pads[i] += padding.widths[i];
  window.auto_pad = AutoPad::notset;
  return window;
}

/// Each window reaches an element that is no padding.
bool is_narrow(const Padding& padding, const Window& window) {
  const size_t spatial = padding.widths.size() / 2;
  for (size_t i = 0; i < padding.widths.size(); ++i)
    if (padding.widths[i] >= window.kernel_shape[i % spatial]) return false;
  return window.dilations.empty() || std::all_of(window.dilations.begin(), window.dilations.end(),
                                                 [](int64_t dilation) { return dilation == 1; });
}

/// The window op with the padding in it; nullopt: it would give something else.
std::optional<Op> with_padding(const Node& reader, const Node& pad, const Padding& padding) {
  if (const auto* conv = reader.op.as<Conv>()) {
    auto window = padded(conv->window, padding);
    if (!window || padding.value != 0) return std::nullopt;
    Conv changed = *conv;
    changed.window = *std::move(window);
    return changed;
  }
  if (const auto* pool = reader.op.as<AveragePool>()) {
    auto window = padded(pool->window, padding);
    if (!window || padding.value != 0 || pool->ceil_mode) return std::nullopt;
    if (!pool->count_include_pad && !has_no_pads(pool->window)) return std::nullopt;
    AveragePool changed = *pool;
    changed.window = *std::move(window);
    changed.count_include_pad = true;
    return changed;
  }
  if (const auto* pool = reader.op.as<MaxPool>()) {
    const auto type = dtype_of(pad.inputs[0]);
    const bool least =
        type && is_float(*type) && padding.value == -std::numeric_limits<double>::infinity();
    // Zeros are never larger than what a Relu gives.
    const bool hidden = padding.value == 0 && producer_of<Relu>(pad.inputs[0]) != nullptr;
    auto window = padded(pool->window, padding);
    if (!window || !(least || hidden) || pool->ceil_mode || reader.output(1) != nullptr ||
        !has_no_pads(pool->window) || !is_narrow(padding, pool->window))
      return std::nullopt;
    MaxPool changed = *pool;
    changed.window = *std::move(window);
    return changed;
  }
  return std::nullopt;
}

/// Makes the change when the result's type stays.
bool change(Graph& graph, Node& reader, Node& pad, Op op) {
  const Op before = reader.op;
  const Type type = reader.output()->type;
  graph.set_op(&reader, std::move(op));
  graph.set_input(&reader, 0, pad.inputs[0]);
  infer(graph, reader);
  if (reader.output()->type == type) {
    reader.origin = origins_of({&pad, &reader});
    return true;
  }
  graph.set_op(&reader, before);
  graph.set_input(&reader, 0, pad.output());
  reader.output()->type = type;
  return false;
}

/// The padding of axes that `perm` reorders afterwards; nullopt: it is not told by numbers, or not
/// of spatial axes alone.
std::optional<Pad> behind(const Pad& op, const std::vector<int64_t>& perm) {
  const auto given = numbers_of(op.pads);
  if (op.mode != Pad::Mode::constant || !given || op.axes || given->size() != 2 * perm.size())
    return std::nullopt;
  Pad moved = op;
  Dims pads;
  for (const size_t side : {size_t{0}, perm.size()})
    for (const int64_t axis : perm) pads.emplace_back((*given)[side + static_cast<size_t>(axis)]);
  for (const size_t at : {size_t{0}, size_t{1}})
    if (!pads[at].is(0) || !pads[perm.size() + at].is(0)) return std::nullopt;
  moved.pads = std::move(pads);
  return moved;
}

/// conv(transpose(pad(x))) becomes conv(pad(transpose(x))): so are images with their channels last
/// padded in front of the first convolution.
bool bring_behind_transpose(Graph& graph, Node& conv, const PassOptions& options) {
  const Node* transpose = producer_of<Transpose>(conv.inputs[0]);
  const auto* op = conv.op.as<Conv>();
  if (op == nullptr || transpose == nullptr || options.keep(*transpose) ||
      !read_once(graph, conv.inputs[0]) || !padded(op->window, {}))
    return false;
  const Node* pad = producer_of<Pad>(transpose->inputs[0]);
  if (pad == nullptr || options.keep(*pad) || !read_once(graph, transpose->inputs[0]) ||
      pad->input(1) != nullptr || pad->input(3) != nullptr ||
      (pad->input(2) != nullptr && scalar_of(pad->inputs[2]) != 0.0))
    return false;
  const std::vector<int64_t>& perm = transpose->op.as<Transpose>()->perm;
  const bool is_plain =
      !perm.empty() && std::all_of(perm.begin(), perm.end(), [](int64_t a) { return a >= 0; });
  auto moved = is_plain ? behind(*pad->op.as<Pad>(), perm) : std::nullopt;
  if (!moved) return false;
  const auto add = [&](const Node& of, Op op, std::vector<Value*> inputs) {
    return add_before(graph, &conv, of.by, of.origin, std::move(op), std::move(inputs),
                      of.output()->name);
  };
  std::vector<Value*> operands{add(*transpose, transpose->op, {pad->inputs[0]})};
  if (pad->input(2) != nullptr) operands.insert(operands.end(), {nullptr, pad->inputs[2]});
  graph.set_input(&conv, 0, add(*pad, *std::move(moved), std::move(operands)));
  return true;
}

}  // namespace

bool absorb_pads(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.inputs.empty() || options.keep(node)) continue;
    changed |= bring_behind_transpose(graph, node, options);
    Node* pad = producer_of<Pad>(node.inputs[0]);
    if (pad == nullptr || options.keep(*pad)) continue;
    const auto padding = padding_of(*pad);
    if (!padding) continue;
    if (auto op = with_padding(node, *pad, *padding))
      changed |= change(graph, node, *pad, *std::move(op));
  }
  return changed;
}

}  // namespace hone
