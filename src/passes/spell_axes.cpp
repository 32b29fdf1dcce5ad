// Axes counted from the front, those of a reduction in ascending order; parts of known sizes by
// these; slices by the axes that they cut.

#include <algorithm>

#include "ops/common/shapes.hpp"
#include "ops/layout.hpp"
#include "ops/slice.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Ops whose field `axis` counts the axes of operand 0.
constexpr std::string_view kOfOperand[] = {
    "ArgMax",           "ArgMin",  "Concat",     "Gather",
    "GatherElements",   "Hardmax", "LogSoftmax", "LayerNormalization",
    "RMSNormalization", "Softmax", "Split",      "TopK"};

bool counts_operand_axes(std::string_view op) {
  return std::find(std::begin(kOfOperand), std::end(kOfOperand), op) != std::end(kOfOperand);
}

/// true: the list was spelled otherwise.
bool spell(Dims& axes, int rank) {
  const auto numbers = constants(axes);
  if (!numbers) return false;
  std::vector<int64_t> spelled;
  for (const int64_t axis : *numbers) spelled.push_back(axis < 0 ? axis + rank : axis);
  std::sort(spelled.begin(), spelled.end());
  Dims dims(spelled.begin(), spelled.end());
  if (dims == axes) return false;
  axes = std::move(dims);
  return true;
}

bool spell(const Field& field, std::string_view op, int rank) {
  if (auto* axis = std::get_if<int64_t*>(&field.ref);
      axis != nullptr && field.name == "axis" && counts_operand_axes(op) && **axis < 0) {
    **axis += rank;
    return true;
  }
  auto* axes = std::get_if<std::optional<Dims>*>(&field.ref);
  return axes != nullptr && **axes && field.name == "axes" && op.starts_with("Reduce") &&
         spell(***axes, rank);
}

/// A split told by how many parts there are: by their sizes, as rules have it.
std::optional<Split> by_sizes(const Node& node) {
  const auto* split = node.op.as<Split>();
  if (split == nullptr || split->split || node.input(1) != nullptr || split->axis < 0)
    return std::nullopt;
  Dims sizes;
  for (const Value* part : node.outputs) {
    const Dims* dims = dims_of(part);
    if (dims == nullptr || !dims->at(static_cast<size_t>(split->axis)).is_constant())
      return std::nullopt;
    sizes.push_back((*dims)[static_cast<size_t>(split->axis)]);
  }
  return Split{.axis = split->axis, .split = sizes};
}

/// A place counted from the front, at most `size`.
int64_t from_front(int64_t place, int64_t size) {
  return std::clamp<int64_t>(place < 0 ? place + size : place, 0, size);
}

/// A slice without the axes of which it takes all; of known sizes its places are counted from the
/// front.
std::optional<Slice> of_cut_axes(const Node& node) {
  const auto* slice = node.op.as<Slice>();
  const Dims& sizes = *dims_of(node.inputs[0]);
  if (slice == nullptr || node.inputs.size() > 1 || !slice->starts || !slice->ends)
    return std::nullopt;
  const auto starts = constants(*slice->starts), ends = constants(*slice->ends);
  const auto axes = constants(slice->axes.value_or(Dims())),
             steps = constants(slice->steps.value_or(Dims()));
  if (!starts || !ends || !axes || axes->size() != starts->size() || !steps) return std::nullopt;
  Slice kept{Dims(), Dims(), Dims(), std::nullopt};
  Dims kept_steps;
  for (size_t i = 0; i < starts->size(); ++i) {
    const int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + std::ssize(sizes) : (*axes)[i];
    const auto size = sizes[static_cast<size_t>(axis)].constant();
    const int64_t step = steps->empty() ? 1 : (*steps)[i];
    int64_t start = (*starts)[i], end = (*ends)[i];
    if (size && step > 0) start = from_front(start, *size), end = from_front(end, *size);
    if (start == 0 && step == 1 && end >= size.value_or(INT64_MAX)) continue;
    kept.starts->emplace_back(start);
    kept.ends->emplace_back(end);
    kept.axes->emplace_back(axis);
    kept_steps.emplace_back(step);
  }
  if (slice->steps) kept.steps = std::move(kept_steps);
  if (kept.axes->empty() || Op(kept) == Op(*slice)) return std::nullopt;
  return kept;
}

}  // namespace

bool spell_axes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.input(0) == nullptr || options.keep(node)) continue;
    const Dims* operand = dims_of(node.inputs[0]);
    if (operand == nullptr || operand->empty()) continue;
    std::shared_ptr<void> copy = node.op.op_class().copy(node.op.data());
    FieldList list;
    node.op.op_class().fields(copy.get(), list);
    bool spelled = false;
    for (const Field& field : list.list())
      spelled |= spell(field, node.op.name(), static_cast<int>(operand->size()));
    if (spelled) graph.set_op(&node, Op::of(node.op.op_class(), std::move(copy)));
    const auto split = by_sizes(node);
    if (split) graph.set_op(&node, *split);
    const auto slice = of_cut_axes(node);
    if (slice) graph.set_op(&node, *slice);
    changed |= spelled || split.has_value() || slice.has_value();
  }
  return changed;
}

}  // namespace hone
