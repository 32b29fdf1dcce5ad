#pragma once
// Random numbers. ONNX leaves the generator open; here one seed gives the same numbers in every run
// and on every machine. None of these is folded or merged.

#include "ir/op.hpp"

namespace hone {

/// Numbers of a normal distribution.
struct NormalNumbers {
  DType dtype = DType::f32;
  float mean = 0, scale = 1;  // scale: the standard deviation
  int64_t seed = 0;
  void fields(FieldList& f) const {
    f("dtype", dtype), f("mean", mean), f("scale", scale), f("seed", seed);
  }
};

/// Numbers anywhere between `low` and `high`, each as likely as another.
struct UniformNumbers {
  DType dtype = DType::f32;
  float low = 0, high = 1;
  int64_t seed = 0;
  void fields(FieldList& f) const {
    f("dtype", dtype), f("low", low), f("high", high), f("seed", seed);
  }
};

/// Of `shape`.
struct RandomNormal {
  static constexpr std::string_view kName = "RandomNormal";
  static constexpr Arity kInputs{0, 0};
  static constexpr bool kPure = false;
  std::vector<int64_t> shape = {};
  NormalNumbers numbers = {};
  void fields(FieldList& f) const { f("shape", shape), numbers.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Of the operand's shape.
struct RandomNormalLike {
  static constexpr std::string_view kName = "RandomNormalLike";
  static constexpr bool kPure = false;
  NormalNumbers numbers = {};
  void fields(FieldList& f) const { numbers.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Of `shape`.
struct RandomUniform {
  static constexpr std::string_view kName = "RandomUniform";
  static constexpr Arity kInputs{0, 0};
  static constexpr bool kPure = false;
  std::vector<int64_t> shape = {};
  UniformNumbers numbers = {};
  void fields(FieldList& f) const { f("shape", shape), numbers.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Of the operand's shape.
struct RandomUniformLike {
  static constexpr std::string_view kName = "RandomUniformLike";
  static constexpr bool kPure = false;
  UniformNumbers numbers = {};
  void fields(FieldList& f) const { numbers.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// 1 with the probability that the operand's element says, else 0.
struct Bernoulli {
  static constexpr std::string_view kName = "Bernoulli";
  static constexpr bool kPure = false;
  DType dtype = DType::f32;
  int64_t seed = 0;
  void fields(FieldList& f) const { f("dtype", dtype), f("seed", seed); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// `sample_size` class numbers a row, drawn with the probabilities softmax(row): [batch, classes]
/// to [batch, sample_size].
struct Multinomial {
  static constexpr std::string_view kName = "Multinomial";
  static constexpr bool kPure = false;
  DType dtype = DType::i32;  // i32 or i64
  int64_t sample_size = 1;
  int64_t seed = 0;
  void fields(FieldList& f) const {
    f("dtype", dtype), f("sample_size", sample_size), f("seed", seed);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// In training mode: the operand's elements, each 0 with probability `ratio`, else divided by
/// 1 - ratio; else the operand itself. Second result: bool, which elements were kept. Operands:
/// data, ratio (a scalar in [0, 1), 0.5 when absent), training_mode (a bool scalar, false when
/// absent).
struct Dropout {
  static constexpr std::string_view kName = "Dropout";
  static constexpr Arity kInputs{1, 3};
  static constexpr Arity kOutputs{1, 2};
  static constexpr bool kPure = false;
  int64_t seed = 0;
  void fields(FieldList& f) const { f("seed", seed); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
