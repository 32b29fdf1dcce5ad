#pragma once

#include "ir/evaluation/evaluation.hpp"
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

/// A label for each axis of the operands and of the result of an Einsum: a letter, or a number that
/// counts the axes of "..." from the last. The equation was checked for operands of these ranks.
struct EinsumTerms {
  std::vector<std::string> operands;
  std::string result;
};
EinsumTerms einsum_terms(std::string_view equation, const std::vector<size_t>& ranks);

}  // namespace hone
