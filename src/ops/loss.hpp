#pragma once
// Losses over classes. Operands: scores [n, classes, d1, ...], labels [n, d1, ...] (i64 or i32,
// each a class or ignore_index), optionally a weight for each class. (Source: ONNX.)

#include "ir/op.hpp"

namespace hone {

/// How the losses of the samples become one number.
enum class LossReduction : uint8_t {
  none,
  sum,
  mean  ///< weighted by the weights of the samples' classes; samples that are ignored weigh nothing
};
inline constexpr std::string_view kLossReductions[] = {"none", "sum", "mean"};

/// The fields of a loss.
struct LossFields {
  LossReduction reduction = LossReduction::mean;
  std::optional<int64_t> ignore_index = {};
  void fields(FieldList& f) const {
    f("reduction", reduction, kLossReductions), f("ignore_index", ignore_index);
  }
};

/// -log_probability[label] * weight[label], the first operand being logarithms of probabilities.
struct NegativeLogLikelihoodLoss {
  static constexpr std::string_view kName = "NegativeLogLikelihoodLoss";
  static constexpr Arity kInputs{2, 3};
  LossFields loss = {};
  void fields(FieldList& f) const { loss.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The same of log(softmax(scores)) along the classes, which is the second result.
struct SoftmaxCrossEntropyLoss {
  static constexpr std::string_view kName = "SoftmaxCrossEntropyLoss";
  static constexpr Arity kInputs{2, 3};
  static constexpr Arity kOutputs{1, 2};
  LossFields loss = {};
  void fields(FieldList& f) const { loss.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
