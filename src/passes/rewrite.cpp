#include "passes/rewrite.hpp"

#include <algorithm>

#include "ir/dim/sizes.hpp"
#include "ir/inference.hpp"

namespace hone {

Value* add_before(Graph& graph, Node* before, std::string_view by, Origins origin, Op op,
                  std::vector<Value*> inputs, std::string_view name) {
  Node* node = graph.add_node(std::move(op), std::move(inputs), {std::string(name)},
                              std::move(origin), std::string(by), before);
  infer(graph, *node);
  return node->output();
}

Value* add_literal(Graph& graph, std::string_view name, Tensor contents) {
  return graph.add_constant(name, Weight::of(std::move(contents)));
}

bool read_once(const Graph& graph, const Value* value) {
  return value->users.size() == 1 && !graph.is_output(value);
}

bool in_use(const Graph& graph, const Node& node, size_t index) {
  const Value* value = node.output(index);
  return value != nullptr && (!value->users.empty() || graph.is_output(value));
}

namespace {

/// What symbols that `from` defines are in `to`, which takes its place.
SymbolSizes handed_over(const Graph& graph, const Value* from, const Value* to) {
  SymbolSizes sizes;
  learn_sizes(from->type, to->type, sizes);
  if (sizes.empty()) return sizes;
  const auto definitions = symbol_definitions(graph);
  std::erase_if(sizes, [&](const auto& size) {
    const auto found = definitions.find(size.first);
    return found == definitions.end() || found->second.value != from;
  });
  return sizes;
}

}  // namespace

void replace_node(Graph& graph, Node* node, Value* value) {
  const std::string name = node->output()->name;
  const SymbolSizes sizes = handed_over(graph, node->output(), value);
  const bool defines = std::any_of(sizes.begin(), sizes.end(), [](const auto& size) {
    return size.second.complexity() > kShortSize;
  });
  graph.replace_uses(node->output(), value);
  // Symbols that stay may be in use: then the node stays for them.
  if (defines || !substitute(graph, sizes).empty()) return;
  graph.erase(node);
  if (value->producer != nullptr && value->name.starts_with(name + ".")) graph.rename(value, name);
}

const Dims* dims_of(const Value* value) {
  if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
    return nullptr;
  return &value->type.tensor().shape();
}

std::optional<DType> dtype_of(const Value* value) {
  if (value == nullptr || !value->type.is_tensor()) return std::nullopt;
  return value->type.tensor().dtype;
}

std::optional<double> scalar_of(const Value* value) {
  if (value == nullptr || !value->is_literal() || value->weight->count() == 0) return std::nullopt;
  const Tensor& tensor = value->weight->tensor();
  if (tensor.dtype() == DType::string || is_complex(tensor.dtype())) return std::nullopt;
  for (int64_t i = 1; i < tensor.count(); ++i)
    if (!(tensor.number(i) == tensor.number(0))) return std::nullopt;
  return tensor.number(0);
}

std::optional<std::vector<int64_t>> numbers_of(const std::optional<Dims>& field) {
  if (!field) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Dim& dim : *field) {
    const auto number = dim.constant();
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace hone
