#pragma once

#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// Every symbol in the fields of the body's nodes is a size of one of the body's inputs, and no
/// node has a body of its own whose fields would have to be looked through.
bool sizes_are_of_inputs(const Graph& body);

/// inline_body() in front of `before`; symbols of the body's inputs in fields become the sizes of
/// `inputs`. Types are inferred.
std::vector<Value*> inline_sized(Graph& graph, const Graph& body, const std::vector<Value*>& inputs,
                                 Node* before);

}  // namespace hone
