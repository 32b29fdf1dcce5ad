#pragma once
// Changing element types. (Source: ONNX.)

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Every element converted to `to`. Floats round to nearest even and truncate toward zero on the
/// way to integers, integers wrap; bool is x != 0. Strings hold numbers in decimal.
struct Cast {
  static constexpr std::string_view kName = "Cast";
  enum class RoundMode : uint8_t {
    up,
    down,
    nearest
  };
  static constexpr std::string_view kRoundModes[] = {"up", "down", "nearest"};
  DType to = DType::f32;
  bool saturate = true;                  ///< f8 only: else overflow gives NaN or infinity
  RoundMode round_mode = RoundMode::up;  ///< f8e8m0 only: to the next power of two
  void fields(FieldList& f) const {
    f("to", to), f("saturate", saturate), f("round_mode", round_mode, kRoundModes);
  }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The bits of every element read as another type of the same width.
struct BitCast {
  static constexpr std::string_view kName = "BitCast";
  DType to = DType::f32;
  void fields(FieldList& f) const { f("to", to); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
