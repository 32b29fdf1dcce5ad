#pragma once
// Stages: what a node, or a region, computes in closed terms: a DAG of loops over elements, each of
// them one Expr. Code generators and fusion see these and never ops.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.hpp"
#include "ir/stages/expr.hpp"

namespace hone {

/// One loop nest: element [$i.0, $i.1, ...] of the result is `expr`, rounded to `dtype`.
struct Stage {
  std::string name;              // in text
  const Value* value = nullptr;  // what it computes; null: a value of the stages' own
  DType dtype = DType::f32;
  Dims extents;  // of the loops $i.0, $i.1, ...
  Expr expr;

  enum class Kind : uint8_t {
    map,       ///< no reduction
    reduce,    ///< folds elements along whole axes
    contract,  ///< a sum of products of two loads: matmul, convolution, einsum
    window,    ///< folds elements of a window that moves with a loop
  };
  Kind kind() const;
};
std::string_view name(Stage::Kind kind);

/// The stages in order. They refer to values of the graph that they were made from.
struct Stages {
  std::vector<std::shared_ptr<const Stage>> list;
  std::string declined;  // why there are none, in words; empty: there are

  explicit operator bool() const { return declined.empty(); }
  const Stage* find(const Value* value) const;  // null: not made here
};

/// What a node computes. Declines: an op that does not describe itself, or not for these operands.
Stages stages_of(const Node& node);
/// Of all nodes of a body, in order.
Stages stages_of(const Graph& body);

/// One stage a line:
/// `contract %y f32[2,3] = sum($r.0 < 4: mul(%a[$i.0, $r.0], %b[$r.0, $i.1]))`.
std::string print(const Stages& stages);

/// The results of a node's or body's stages by slow interpretation, for values `known` and symbols
/// bound. Contents of every value that a stage makes are added to `known`.
void evaluate(const Stages& stages, const Bindings& symbols,
              std::unordered_map<const Value*, Tensor>& known);

/// What an op's express() sees of one node, and where it puts its stages.
class Expression {
 public:
  explicit Expression(const Node& node) : node_(node) {}

  const Node& node() const { return node_; }
  int inputs() const { return static_cast<int>(node_.inputs.size()); }
  bool has(int input) const { return node_.input(static_cast<size_t>(input)) != nullptr; }
  bool wants(int output) const { return node_.output(static_cast<size_t>(output)) != nullptr; }
  const TensorType& type(int input) const;
  const Dims& shape(int input) const { return type(input).shape(); }
  int rank(int input) const { return type(input).rank(); }
  const TensorType& result_type(int output = 0) const;
  const Dims& result_shape(int output = 0) const { return result_type(output).shape(); }
  /// A parameter's contents: the field when set, else what is known of the operand.
  std::optional<Dims> parameter(const std::optional<Dims>& field, int operand) const;

  /// An element of an operand.
  Expr at(int input, std::vector<Expr> indices, std::optional<double> outside = {}) const;
  Expr at(int input, const Dims& indices, std::optional<double> outside = {}) const;
  /// The element of an operand that broadcasts to the loops of a stage with `rank` of them.
  Expr broadcast(int input, int rank) const;
  /// The element of operand 0 at the loops themselves.
  Expr here(int input = 0) const { return broadcast(input, rank(input)); }
  static Expr at(const std::shared_ptr<const Stage>& stage, const Dims& indices);
  /// A new reduction variable.
  Axis axis(const Dim& extent);

  /// A stage of the node's own.
  std::shared_ptr<const Stage> stage(DType dtype, Dims extents, Expr expr);
  /// Result `output`: a stage of its type and shape. Results that nobody wants are passed over.
  void set(int output, Expr expr);
  void decline(std::string why) { stages_.declined = std::move(why); }
  Stages take() { return std::move(stages_); }

 private:
  const Node& node_;
  Stages stages_;
  int axes_ = 0;
};

}  // namespace hone
