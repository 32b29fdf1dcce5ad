#include "ir/dim/late_sizes.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"

namespace hone {
namespace {

/// Strings, sequences, optionals and tensors of unknown rank have none that could be counted.
bool has_counted_bytes(const Type& type) {
  return type.is_tensor() && type.tensor().has_rank() && type.tensor().dtype != DType::string;
}

/// Kernels see bytes; strings, sequences and optionals have none.
bool reads_no_bytes(const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [](const Value* input) {
    return input != nullptr &&
           (!input->type.is_tensor() || input->type.tensor().dtype == DType::string);
  });
}

}  // namespace

LateSizes::LateSizes(const Graph& graph) {
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer != nullptr) told_by_.emplace(name, definition.value->producer);
}

bool LateSizes::early(const Type& type) const {
  if (!has_counted_bytes(type)) return false;
  Names names;
  collect_symbols(type, names);
  return early(names);
}

bool LateSizes::early(const Dim& dim) const {
  Names names;
  dim.collect_symbols(names);
  return early(names);
}

bool LateSizes::early(const Names& names) const {
  return std::none_of(names.begin(), names.end(),
                      [&](const auto& name) { return told_by_.contains(name); });
}

bool LateSizes::tells(const Node& node) const {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* output) {
    if (output == nullptr) return false;
    if (!has_counted_bytes(output->type)) return true;
    Names names;
    collect_symbols(output->type, names);
    return std::any_of(names.begin(), names.end(), [&](const auto& name) {
      const auto found = told_by_.find(name);
      return found != told_by_.end() && found->second == &node;
    });
  });
}

bool LateSizes::runs_on_kernel(const Node& node) const {
  return control_bodies(node.op).empty() && !tells(node) && !reads_no_bytes(node);
}

}  // namespace hone
