#pragma once

#include <optional>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// Every symbol in the fields of the body's nodes is a size of one of the body's inputs, and no
/// node has a body of its own whose fields would have to be looked through.
bool sizes_are_of_inputs(const Graph& body);

/// inline_body() in front of `before`; symbols of the body's inputs and nodes in fields become what
/// those sizes are here. Types are inferred. nullopt: a field would be too long to write, nothing
/// was done.
std::optional<std::vector<Value*>> inline_sized(Graph& graph, const Graph& body,
                                                const std::vector<Value*>& inputs, Node* before);

/// What was put in front of a node, for nothing reads it.
class Inlined {
 public:
  /// Before anything is put there.
  Inlined(Graph& graph, Node& node);
  void take_back();

 private:
  Graph& graph_;
  Node& node_;
  std::optional<std::list<Node>::iterator> last_;  // in front of it; nullopt: nothing was
};

}  // namespace hone
