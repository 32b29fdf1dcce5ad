#pragma once
// What Loop and Scan share: states that every turn of the body hands to the next, and results that
// every turn adds a slice to.

#include "ir/bodies/closed_body.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone {

/// The states of a loop: where they stand among the operands of the node, the inputs of the body
/// and the outputs of the body.
struct States {
  int count = 0;
  int first_operand = 0;
  size_t first_input = 0, first_output = 0;
};

/// Infers the body with types of states that hold in every turn: a size that a turn changes is a
/// symbol of the body's own, a rank that changes is unknown. Sets the states' results of the node
/// (its first ones). `body`: as inferred before. The body's other inputs have their types already.
void infer_states(Inference& c, const Body& body, BodyInference& inner, const States& states);

/// The slices of a result, one a turn, put together.
class Slices {
 public:
  /// A dense tensor of the slice's dtype.
  void add(const Tensor& slice) { slices_.push_back(slice); }
  /// Gives result `output` of the node: stacked along the new axis `axis` (may be negative),
  /// `backwards`: the last slice first. The slices must be alike. No slice at all: sizes as the
  /// node's type says, else 0.
  void give(Evaluation& c, int output, int64_t axis, bool backwards) const;

 private:
  std::vector<Tensor> slices_;
};

/// Result type of slices of type `slice` (in the body's terms) stacked along `axis`.
Type stacked(Inference& c, int output, const Type& slice, const BodyInference& inner, int64_t axis,
             const Dim& turns);

/// One number as an input of type `type` takes it: of rank 0 or 1.
Tensor one_element(const Type& type, int64_t value);

/// Place `index` along `axis` of x, that axis dropped.
Tensor slice_of(const Tensor& x, int axis, int64_t index);

}  // namespace hone
