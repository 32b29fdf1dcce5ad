#pragma once
// Reference evaluation: slow and obviously right; what every fast thing is compared to.

#include <functional>
#include <span>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone {

/// What an op's reference evaluation sees of one node: concrete operands, bound symbols, and where
/// results go.
class Evaluation {
 public:
  /// Makes room for result `output`: returns a writable dense tensor of this dtype and shape.
  using Allocate = std::function<Tensor(int output, DType, const std::vector<int64_t>& shape)>;

  /// `inputs`: null for an absent operand. `wanted[i]`: result i is read by somebody.
  Evaluation(const Node& node, std::vector<const Tensor*> inputs, const Bindings& symbols,
             Allocate allocate = nullptr);

  int inputs() const { return static_cast<int>(inputs_.size()); }
  int outputs() const { return static_cast<int>(outputs_.size()); }
  bool has(int input) const;
  bool wants(int output) const;
  const Tensor& input(int i) const { return *inputs_[static_cast<size_t>(i)]; }
  /// Room for a result. For results nobody wants: scratch.
  Tensor& output(int i, DType dtype, const std::vector<int64_t>& shape);
  /// A result that is `tensor`'s bytes as they are (copied where a place is given).
  void give(int i, const Tensor& tensor);
  std::vector<Tensor>& results() { return outputs_; }

  int64_t dim(const Dim& dim) const;  // Error(internal) for an unbound symbol
  std::vector<int64_t> dims(const Dims& dims) const;
  /// A parameter's contents: the field when set, else the operand; the default when neither.
  std::vector<int64_t> parameter(const std::optional<Dims>& field, int operand,
                                 std::vector<int64_t> otherwise = {}) const;
  bool given(const std::optional<Dims>& field, int operand) const { return field || has(operand); }
  int axis(int64_t axis, int rank) const;  // in [0, rank), else fails
  const Bindings& symbols() const { return symbols_; }
  const Node& node() const { return node_; }

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
  const Node& node_;
  std::vector<const Tensor*> inputs_;
  std::vector<Tensor> outputs_;
  const Bindings& symbols_;
  Allocate allocate_;
};

/// Results of one node.
std::vector<Tensor> evaluate(const Node& node, const std::vector<const Tensor*>& inputs,
                             const Bindings& symbols);

/// The graph's outputs for these inputs (in order), node after node; symbols are bound from the
/// inputs' sizes (dtype and rank checked: Error(usage)) and from results that define them. A symbol
/// of `outer` is bound already.
std::vector<Tensor> evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                             const Bindings& outer = {});

/// Binds the symbols of the graph's inputs from their sizes (of what is no tensor: none).
/// Error(usage) naming the input whose sizes contradict its type or another input.
void bind_inputs(const Graph& graph, const std::vector<std::vector<int64_t>>& shapes,
                 Bindings& symbols);

/// Binds the symbols that `type` defines from `shape`; false: a size contradicts the type.
bool bind(const TensorType& type, const std::vector<int64_t>& shape, Bindings& symbols);
/// The same for contents of any kind; false: they are not of this type.
bool bind_contents(const Type& type, const Tensor& contents, Bindings& symbols);

}  // namespace hone
