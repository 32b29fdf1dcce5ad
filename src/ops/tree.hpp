#pragma once
// Decision trees and what is done to their scores. (Source: ONNX, ai.onnx.ml.)

#include "ir/op.hpp"

namespace hone {

/// Rows [n, features] (a vector is one row) to scores [n, n_targets]: every tree is descended to a
/// leaf, whose votes are aggregated. A child is a row of `nodes` or, negative, ~row of `leaves`.
/// Operands:
///   0 x        floats or integers
///   1 roots    i64[trees], children
///   2 nodes    i64[nodes, 7]: feature, mode (a BranchMode), whether NaN goes to the true child,
///              true child, false child, begin and end of its members
///   3 splits   [nodes]: what x[feature] is compared to
///   4 leaves   i64[leaves, 2]: begin and end of its votes
///   5 targets  i64[votes]
///   6 weights  [votes]
///   7 members  [members], of nodes that ask for membership; may be absent
///   8 base     [n_targets], added at the end; may be absent
struct TreeEnsemble {
  static constexpr std::string_view kName = "TreeEnsemble";
  static constexpr Arity kInputs{7, 9};
  enum class Aggregate : uint8_t {
    average,
    sum,
    min,
    max
  };
  static constexpr std::string_view kAggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  enum BranchMode : int64_t {
    leq,
    lt,
    gte,
    gt,
    eq,
    neq,
    member
  };
  static constexpr int64_t kColumns = 7;
  int64_t n_targets = 1;
  Aggregate aggregate_function = Aggregate::sum;
  DType dtype = DType::f32;  // of the scores
  void fields(FieldList& f) const {
    f("n_targets", n_targets), f("aggregate_function", aggregate_function, kAggregates);
    f("dtype", dtype);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Softmax over the last axis of the elements that are not zero; zeros stay.
struct SoftmaxZero {
  static constexpr std::string_view kName = "SoftmaxZero";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Probabilities of classes [n, classes] from those of pairs [n, classes * (classes - 1) / 2]:
/// entry (i, j), i < j, row by row, is how probable class i is of the two. The ones that fit best
/// by the second method of Wu, Lin and Weng, "Probability Estimates for Multi-class Classification
/// by Pairwise Coupling", JMLR 2004; iterated as far as LIBSVM does (0.005 / classes), which is
/// what models were tried with.
struct PairwiseCoupling {
  static constexpr std::string_view kName = "PairwiseCoupling";
  int64_t classes = 2;
  void fields(FieldList& f) const { f("classes", classes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// The inverse of the normal distribution's cumulative function; NaN outside [0, 1].
struct Probit {
  static constexpr std::string_view kName = "Probit";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
