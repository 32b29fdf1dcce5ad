#pragma once
// Writing updates into a copy of the data by indices, and combining them with what is there.
// Negative indices count from the end, others out of range fail. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// How an update and the element it meets become one.
enum class ScatterReduction : uint8_t {
  none,  ///< the update replaces it; the last of several wins
  add,
  mul,
  max,
  min
};
inline constexpr std::string_view kScatterReductions[] = {"none", "add", "mul", "max", "min"};

/// updates[i,j,k] goes to the element whose place along `axis` is indices[i,j,k], its other
/// coordinates i, j, k. Operands: data, indices, updates (the shape of the indices).
struct ScatterElements {
  static constexpr std::string_view kName = "ScatterElements";
  static constexpr Arity kInputs{3, 3};
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::none;
  void fields(FieldList& f) const {
    f("axis", axis), f("reduction", reduction, kScatterReductions);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The last axis of the indices holds coordinates; each takes an element or a slice of updates,
/// whose shape is indices[:-1] + data[width of a coordinate:].
struct ScatterND {
  static constexpr std::string_view kName = "ScatterND";
  static constexpr Arity kInputs{3, 3};
  ScatterReduction reduction = ScatterReduction::none;
  void fields(FieldList& f) const { f("reduction", reduction, kScatterReductions); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// A copy of a cache with `update` written into it along `axis`, for sample b from index
/// write_indices[b] on. Operands: cache [batch, ...], update (the cache's shape but shorter along
/// `axis`), optional write_indices [batch] (all 0).
struct TensorScatter {
  static constexpr std::string_view kName = "TensorScatter";
  static constexpr Arity kInputs{2, 3};
  enum class Mode : uint8_t {
    linear,   ///< all of the update must lie inside the cache
    circular  ///< what runs over the end goes on at the start
  };
  static constexpr std::string_view kModes[] = {"linear", "circular"};
  int64_t axis = -2;  ///< in [-rank, rank), not the batch
  Mode mode = Mode::linear;
  void fields(FieldList& f) const { f("axis", axis), f("mode", mode, kModes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
