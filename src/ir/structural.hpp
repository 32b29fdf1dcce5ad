#pragma once
// The ops that hold graphs: the only ones that core files name.

#include "ir/graph.hpp"

namespace hone {

/// One of two closed bodies, by a bool scalar. Operands: the condition, then what the bodies'
/// inputs stand for (both bodies take the same list). Results: the taken body's outputs.
struct If {
  static constexpr std::string_view kName = "If";
  static constexpr Arity kInputs{1, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  Body then_branch, else_branch;
  void fields(FieldList& f) const { f("then_branch", then_branch), f("else_branch", else_branch); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// A fused region: an ordinary graph that shares the surrounding graph's symbols. Operands and
/// results are the body's inputs and outputs. `cuts`: names of values of the body where cutting the
/// region in two is cheaper than elsewhere.
struct Fused {
  static constexpr std::string_view kName = "Fused";
  static constexpr Arity kInputs{0, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  Body body;
  std::vector<std::string> cuts;
  void fields(FieldList& f) const { f("body", body), f("cuts", cuts); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

void register_structural(OpRegistry& registry);

}  // namespace hone
