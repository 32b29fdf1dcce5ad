#pragma once
// Draws fields and operands for one node of a random graph.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/random_graph.hpp"
#include "support/rng.hpp"

namespace hone::test {

/// The graph as far as it is drawn, with the contents of every value.
struct DrawnGraph {
  Graph& graph;
  Rng& rng;
  const RandomGraphOptions& options;
  std::vector<Value*> pool{};    // tensors that nodes may read: inputs and results
  std::vector<Value*> others{};  // sequences and optionals
  std::map<const Value*, Tensor> contents{};
  Bindings symbols{};
  std::set<const Value*> rounded{};  // that may differ between two right evaluations
  std::vector<Tensor> inputs{};      // of the graph, in order
  int64_t* constants = nullptr;      // drawn for the graph and all bodies: no two have one name
  bool closed = false;               // no inputs are added: the body of a control flow op

  const Tensor& of(const Value* value) const { return contents.at(value); }
  /// Error(unsupported) where sizes are given and there would be too many elements.
  void expect_few(const std::vector<int64_t>& shape) const;
  /// Small numbers: floats are multiples of 1/4.
  Tensor numbers(DType type, const std::vector<int64_t>& shape, int64_t low, int64_t high);
  Tensor numbers(DType type, const std::vector<int64_t>& shape);
  Value* constant(Tensor tensor);
  /// An input whose dimensions are, here and there, symbols.
  Value* input(DType type, const std::vector<int64_t>& shape);
  DType any_dtype();
  std::vector<int64_t> any_shape();
};

/// An op whose fields are drawn blindly, some left at their defaults, or as the hint has them.
Op draw_op(const OpClass& op_class, const Hint* hint, const std::map<char, int64_t>& letters,
           Rng& rng);
/// Operands as the arity allows, mostly of one dtype.
std::vector<Value*> draw_operands(DrawnGraph& drawn, const OpClass& op_class);
/// Operands as the hint has them; `letters` tells what its letters became, `steps` what the nodes
/// of the motif so far gave. Empty: there is no operand as the hint wants it.
std::vector<Value*> draw_operands(DrawnGraph& drawn, const Hint& hint,
                                  std::map<char, int64_t>& letters,
                                  const std::vector<std::vector<Value*>>& steps = {});
/// A tensor, the later ones more often: graphs are to be deep. Where there is none: a constant.
Value* recent(DrawnGraph& drawn);

}  // namespace hone::test
