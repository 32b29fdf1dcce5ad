#pragma once
// Types of results from types of operands, node by node.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

using SymbolNames = std::set<std::string, std::less<>>;

/// Known contents are kept for integer tensors of at most this many elements.
inline constexpr int64_t kKnownElements = 64;

/// What an op's type rule sees of one node, and where it puts what it finds.
class Inference {
 public:
  /// `input_symbols`: those of the graph's inputs, where many nodes ask; null: looked for.
  Inference(Graph& graph, Node& node, const SymbolNames* input_symbols = nullptr)
      : graph_(graph), node_(node), input_symbols_(input_symbols) {}

  int inputs() const { return static_cast<int>(node_.inputs.size()); }
  int outputs() const { return static_cast<int>(node_.outputs.size()); }
  bool has(int input) const { return node_.input(static_cast<size_t>(input)) != nullptr; }
  bool wants(int output) const { return node_.output(static_cast<size_t>(output)) != nullptr; }
  const Type& type(int input) const;
  const TensorType& tensor(int input) const;  // fails when it is no tensor
  DType dtype(int input) const { return tensor(input).dtype; }
  /// Known contents of a small integer (or bool) tensor; null: not known.
  const Dims* known(int input) const;
  /// Contents of a constant operand; null: not a constant (or absent/random data).
  const Tensor* constant(int input) const;
  /// A parameter's known contents: the field when set, else the known operand.
  const Dims* parameter(const std::optional<Dims>& field, int operand) const;
  /// The parameter is given at all (field or operand).
  bool given(const std::optional<Dims>& field, int operand) const { return field || has(operand); }

  /// Ignored for results nobody wants. A size that is too long to write becomes a new symbol, and
  /// so do the longest ones of a shape whose bytes would be too long to write.
  void set(int output, Type type);
  void set(int output, DType dtype, Dims dims) {
    set(output, Type::tensor(dtype, std::move(dims)));
  }
  /// Ignored above kKnownElements, and where an element is too long to write.
  void set_known(int output, Dims contents);
  /// A new symbol that this node defines for dimension `dim` of `output`; the symbol that stood
  /// there before (an earlier inference) is kept.
  Dim fresh(int output, int dim);
  /// Dims of `rank` fresh symbols for an output whose sizes only running tells.
  Dims fresh_dims(int output, int rank);
  /// Facts the result's type relies on: a contradiction fails, an identity is dropped, else
  /// recorded (but for what is too long to write: evaluation finds it out).
  void require_equal(const Dim& a, const Dim& b);
  void require_less_equal(const Dim& a, const Dim& b);
  /// The nicer of two dims that must be equal, recorded as such.
  Dim same(const Dim& a, const Dim& b);
  /// Any fact; what it says of single symbols is in ranges().
  void require(Require require) { graph_.add_requirement(std::move(require)); }
  /// What two sizes broadcast to, exactly: an open one may turn out as 1.
  Dim broadcast_dim(const Dim& a, const Dim& b);
  /// `own` is 1 or `wanted`, which is the result's.
  void broadcasts_to(const Dim& own, const Dim& wanted);
  /// NumPy broadcasting of two or more shapes; unknown rank in, nullopt out.
  std::optional<Dims> broadcast(const std::vector<const TensorType*>& types);
  /// `axis` in [-rank, rank) made nonnegative, else fails.
  int axis(int64_t axis, int rank) const;
  const Ranges& ranges() const;
  const Graph& graph() const { return graph_; }

  /// The op itself with something learnt (bodies inferred anew).
  void replace_op(Op op) { node_.op = std::move(op); }
  const Node& node() const { return node_; }

  /// Error(invalid_model): "PARTS (Conv /stem/Conv)".
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    hone::fail(Code::invalid_model, cat(parts...), " (", describe(node_), ")");
  }
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      fail(parts...);
  }

 private:
  Type written_out(int output, Type type);
  bool is_input_symbol(std::string_view name) const;

  Graph& graph_;
  Node& node_;
  const SymbolNames* input_symbols_;
};

/// Types of one node's results from its operands' types. Error(invalid_model) naming the node.
/// `input_symbols`: as above.
void infer(Graph& graph, Node& node, const SymbolNames* input_symbols = nullptr);
/// All nodes in order; requirements are added to those that stand. A symbol whose own dimension is
/// another size now is replaced by that everywhere: in fields, regions, types and requirements. A
/// requirement that is decided by that goes: who still needs it fails here.
void infer(Graph& graph);

}  // namespace hone
