#pragma once
// What passes that replace nodes share.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.hpp"
#include "ir/origins.hpp"

namespace hone {

/// Puts a node with one result in front of `before` and infers its type. Its result.
Value* add_before(Graph& graph, Node* before, std::string_view by, Origins origin, Op op,
                  std::vector<Value*> inputs, std::string_view name);

/// A literal of these elements.
Value* add_literal(Graph& graph, std::string_view name, Tensor contents);

/// The node that gives result 0 of an op T and is that value's producer; null: another.
template <class T>
Node* producer_of(const Value* value) {
  if (value == nullptr || value->producer == nullptr || value->index != 0) return nullptr;
  return value->producer->op.as<T>() == nullptr ? nullptr : value->producer;
}

/// One node reads it, once, and it is no output.
bool read_once(const Graph& graph, const Value* value);

/// Whether somebody wants result `index`.
bool in_use(const Graph& graph, const Node& node, size_t index);

/// Readers of the node's only result read `value` instead; the node goes. A value that was named
/// after that result gets its name.
void replace_node(Graph& graph, Node* node, Value* value);

/// The dims of a ranked tensor; null: no such value or type.
const Dims* dims_of(const Value* value);
std::optional<DType> dtype_of(const Value* value);

/// The only number that a constant consists of; nullopt: it is none, or absent, or has others.
std::optional<double> scalar_of(const Value* value);

/// The numbers of a parameter given as a field.
std::optional<std::vector<int64_t>> numbers_of(const std::optional<Dims>& field);

}  // namespace hone
