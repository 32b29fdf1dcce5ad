#pragma once
// The part of a graph that is still to run, once sizes are known that were not when it was planned.

#include "ir/graph.hpp"

namespace hone {

/// The type of these contents: sizes are numbers. `stated`: the type of their value.
Type type_of(const Tensor& contents, const Type& stated);

/// Values made before node `first` (null: before the end) that it or a later node reads, or that
/// are outputs: inputs of the graph first, then results, in order. Constants are none of them.
std::vector<const Value*> live_before(const Graph& graph, const Node* first);

/// The nodes from `first` on (null: none) as a graph of its own: `live` are its inputs, of `types`
/// without symbols; `symbols` known so far are numbers everywhere. Inferred, with the requirements
/// that numbers do not decide; Error(invalid_model) where these sizes contradict. The
/// outputs stay.
std::unique_ptr<Graph> rest_of(const Graph& graph, const Node* first,
                               const std::vector<const Value*>& live,
                               const std::vector<Type>& types, const Bindings& symbols);

/// The first requirement that these sizes break; nullopt: none that they decide.
std::optional<Require> broken_requirement(const Graph& graph, const Bindings& symbols);
/// A plan of the graph is not for these sizes: they break a requirement, or a size is 1 and
/// repeated where it is taken for equal to another one.
bool is_planned_otherwise(const Graph& graph, const Bindings& symbols);
/// Error(usage) telling it.
[[noreturn]] void fail_broken(const Require& require, const Bindings& symbols);

/// The inputs' types take these shapes, by place; `symbols` are bound.
bool takes(const Graph& graph, const std::vector<std::vector<int64_t>>& shapes, Bindings& symbols);

}  // namespace hone
