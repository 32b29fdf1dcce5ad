// Squeeze, Unsqueeze, Flatten and Reshape in one spelling.

#include <algorithm>

#include "passes/clean.hpp"
#include "passes/reshape_spelling.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

std::optional<Dim> product_of(const Dims& dims, const Dim* but = nullptr) {
  try {
    Dim total = 1;
    for (const Dim& dim : dims)
      if (&dim != but) total = total * dim;
    return total.is_too_long() ? std::nullopt : std::optional(total);
  } catch (const Error&) {  // more than a Dim holds
    return std::nullopt;
  }
}

/// Every symbol is a size of one of the graph's inputs.
bool of_inputs(const Graph& graph, const Dims& dims) {
  std::set<std::string, std::less<>> wanted;
  for (const Dim& dim : dims) dim.collect_symbols(wanted);
  for (const Value* input : graph.inputs()) {
    if (wanted.empty()) break;
    const Dims* sizes = dims_of(input);
    for (size_t i = 0; sizes != nullptr && i < sizes->size(); ++i)
      if (const auto symbol = (*sizes)[i].as_symbol()) wanted.erase(std::string(*symbol));
  }
  return wanted.empty();
}

}  // namespace

std::optional<Reshape> spelled_reshape(const Graph& graph, const Dims& from, const Dims& to) {
  const auto total = product_of(from);
  if (!total) return std::nullopt;
  Reshape spelled{to, false};
  const auto is_open = [](const Dim& dim) { return !dim.is_constant(); };
  const bool empty = std::any_of(to.begin(), to.end(), [](const Dim& dim) { return dim.is(0); });
  if (!empty && std::count_if(to.begin(), to.end(), is_open) == 1) {
    const auto open = std::find_if(to.begin(), to.end(), is_open);
    const auto rest = product_of(to, &*open);
    if (!rest || exact_div(*total, *rest) != *open) return std::nullopt;
    (*spelled.shape)[static_cast<size_t>(open - to.begin())] = -1;
    return spelled;
  }
  // A symbol may be 0, which else would say "as the operand has it".
  spelled.allowzero = empty || std::any_of(to.begin(), to.end(), is_open);
  if (product_of(to) != total || !of_inputs(graph, to)) return std::nullopt;
  return spelled;
}

namespace {

/// A size that a symbol stands for is a size where it turns out as 0, and 0 may then stand in its
/// place: the field says so. The number 0 becomes the operand's size, which it stands for.
std::optional<Reshape> with_zeros_as_sizes(const Reshape& reshape, const Dims& from) {
  const auto is_open = [](const Dim& dim) { return !dim.is_constant(); };
  if (!reshape.shape || reshape.allowzero ||
      std::none_of(reshape.shape->begin(), reshape.shape->end(), is_open))
    return std::nullopt;
  Reshape spelled{reshape.shape, true};
  for (size_t i = 0; i < spelled.shape->size(); ++i)
    if ((*spelled.shape)[i].is(0)) (*spelled.shape)[i] = from.at(i);
  return spelled;
}

}  // namespace

bool spell_reshapes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    const auto* reshape = node.op.as<Reshape>();
    if (reshape == nullptr && node.op.as<Flatten>() == nullptr &&
        node.op.as<Squeeze>() == nullptr && node.op.as<Unsqueeze>() == nullptr)
      continue;
    const Dims *from = dims_of(node.inputs[0]), *to = dims_of(node.output());
    if (from == nullptr || to == nullptr || options.keep(node)) continue;
    auto spelled = spelled_reshape(graph, *from, *to);
    if (!spelled && reshape != nullptr) spelled = with_zeros_as_sizes(*reshape, *from);
    if (!spelled || node.op == Op(*spelled)) continue;
    graph.set_op(&node, *spelled);
    if (node.input(1) != nullptr) graph.set_input(&node, 1, nullptr);
    changed = true;
  }
  return changed;
}

}  // namespace hone
