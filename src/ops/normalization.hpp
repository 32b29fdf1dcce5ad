#pragma once

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel, with given statistics.
/// Operands: x [batch, channels, ...], scale, bias, mean, variance, each [channels].
struct BatchNormalization {
  static constexpr std::string_view kName = "BatchNormalization";
  static constexpr Arity kInputs{5, 5};
  float epsilon = 1e-5f;
  void fields(FieldList& f) const { f("epsilon", epsilon); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Normalizes over `axis` and all axes after it, then scales and shifts. Operands: x, scale and
/// optional bias that broadcast to x. Results: y, mean, 1 / standard deviation (both with sizes of
/// 1 from `axis` on).
struct LayerNormalization {
  static constexpr std::string_view kName = "LayerNormalization";
  static constexpr Arity kInputs{2, 3};
  static constexpr Arity kOutputs{1, 3};
  int64_t axis = -1;
  float epsilon = 1e-5f;
  DType stash_type = DType::f32;  ///< of the statistics
  void fields(FieldList& f) const { f("axis", axis)("epsilon", epsilon)("stash_type", stash_type); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// x / sqrt(mean of squares + epsilon) * scale over `axis` and all axes after it.
struct RMSNormalization {
  static constexpr std::string_view kName = "RMSNormalization";
  static constexpr Arity kInputs{2, 2};
  int64_t axis = -1;
  float epsilon = 1e-5f;
  DType stash_type = DType::f32;
  void fields(FieldList& f) const { f("axis", axis)("epsilon", epsilon)("stash_type", stash_type); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Normalizes each channel of each image. Operands: x [batch, channels, ...], scale and bias
/// [channels].
struct InstanceNormalization {
  static constexpr std::string_view kName = "InstanceNormalization";
  static constexpr Arity kInputs{3, 3};
  float epsilon = 1e-5f;
  void fields(FieldList& f) const { f("epsilon", epsilon); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Normalizes each group of channels of each image. Operands: x [batch, channels, ...], scale and
/// bias [channels] (opset 21 on) or [num_groups] (opset 18).
struct GroupNormalization {
  static constexpr std::string_view kName = "GroupNormalization";
  static constexpr Arity kInputs{3, 3};
  int64_t num_groups = 1;
  float epsilon = 1e-5f;
  DType stash_type = DType::f32;
  void fields(FieldList& f) const {
    f("num_groups", num_groups)("epsilon", epsilon)("stash_type", stash_type);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Local response normalization: x / (bias + alpha / size * sum of squares)^beta, the sum over
/// `size` channels around each.
struct LRN {
  static constexpr std::string_view kName = "LRN";
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
  int64_t size = 1;
  void fields(FieldList& f) const { f("alpha", alpha)("beta", beta)("bias", bias)("size", size); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// x over its p-norm along an axis; 0 where the norm is 0.
struct LpNormalization {
  static constexpr std::string_view kName = "LpNormalization";
  int64_t axis = -1;
  int64_t p = 2;  ///< 1 or 2
  void fields(FieldList& f) const { f("axis", axis)("p", p); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// (x - mean) / standard deviation over `axes` together.
struct MeanVarianceNormalization {
  static constexpr std::string_view kName = "MeanVarianceNormalization";
  std::vector<int64_t> axes{0, 2, 3};
  void fields(FieldList& f) const { f("axes", axes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
