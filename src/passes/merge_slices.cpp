// A slice of a slice is one.

#include <algorithm>

#include "ops/slice.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Elements first, first + step, ... of one axis, `count` of them.
struct Cut {
  int64_t axis, first, step, count;
};

/// One cut an axis, when everything about it is a number and steps go forward.
std::optional<std::vector<Cut>> cuts_of(const Node& node) {
  const Slice& op = *node.op.as<Slice>();
  const Dims *from = dims_of(node.inputs[0]), *to = dims_of(node.output());
  const auto starts = numbers_of(op.starts);
  if (node.inputs.size() > 1 || from == nullptr || to == nullptr || !starts) return std::nullopt;
  std::vector<int64_t> axes, steps(starts->size(), 1);
  for (size_t i = 0; i < starts->size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (op.axes) {
    const auto given = numbers_of(op.axes);
    if (!given) return std::nullopt;
    axes = *given;
  }
  if (op.steps) {
    const auto given = numbers_of(op.steps);
    if (!given) return std::nullopt;
    steps = *given;
  }
  std::vector<Cut> cuts;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + std::ssize(*from) : axes[i];
    const auto size = (*from)[static_cast<size_t>(axis)].constant();
    const auto count = (*to)[static_cast<size_t>(axis)].constant();
    if (!size || !count || *count < 1 || steps[i] < 1) return std::nullopt;
    const int64_t start =
        (*starts)[i] < 0 ? std::max<int64_t>((*starts)[i] + *size, 0) : (*starts)[i];
    // The step over a single element may be huge: products of steps would overflow.
    cuts.push_back({axis, start, *count == 1 ? 1 : steps[i], *count});
  }
  return cuts;
}

Slice slice_of(const std::vector<Cut>& cuts) {
  Slice slice{Dims(), Dims(), Dims(), std::nullopt};
  Dims steps;
  for (const Cut& cut : cuts) {
    slice.starts->emplace_back(cut.first);
    slice.ends->emplace_back(cut.first + (cut.count - 1) * cut.step + 1);
    slice.axes->emplace_back(cut.axis);
    steps.emplace_back(cut.step);
  }
  if (std::any_of(cuts.begin(), cuts.end(), [](const Cut& cut) { return cut.step != 1; }))
    slice.steps = std::move(steps);
  return slice;
}

}  // namespace

bool merge_slices(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.op.as<Slice>() == nullptr || options.keep(node)) continue;
    const Node* before = producer_of<Slice>(node.inputs[0]);
    if (before == nullptr || options.keep(*before)) continue;
    auto cuts = cuts_of(*before);
    const auto later = cuts_of(node);
    if (!cuts || !later) continue;
    for (const Cut& cut : *later) {
      const auto same = std::find_if(cuts->begin(), cuts->end(),
                                     [&](const Cut& other) { return other.axis == cut.axis; });
      if (same == cuts->end()) cuts->push_back(cut);
      else
        *same = {cut.axis, same->first + cut.first * same->step, same->step * cut.step, cut.count};
    }
    std::sort(cuts->begin(), cuts->end(),
              [](const Cut& a, const Cut& b) { return a.axis < b.axis; });
    node.origin = origins_of({before, &node});
    graph.set_op(&node, slice_of(*cuts));
    graph.set_input(&node, 0, before->inputs[0]);
    changed = true;
  }
  return changed;
}

}  // namespace hone
