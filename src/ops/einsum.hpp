#pragma once

#include "ir/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Products of the operands' elements summed over axes, as Einstein's notation says:
/// "bij,bjk->bik". A letter stands for an axis (twice in a term: its diagonal), "..." for all that
/// a term does not name (broadcast); without "->" the result has "..." and the letters that occur
/// once, sorted. Integers wrap.
struct Einsum {
  static constexpr std::string_view kName = "Einsum";
  static constexpr Arity kInputs{1, Arity::kMany};
  std::string equation;
  void fields(FieldList& f) const { f("equation", equation); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
