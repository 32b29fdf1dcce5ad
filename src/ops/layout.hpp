#pragma once
// Ops that only move whole elements: reordering axes, joining, cutting, repeating.
// Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Axis i of the result is axis perm[i] of the operand; an empty perm reverses the axes.
struct Transpose {
  static constexpr std::string_view kName = "Transpose";
  std::vector<int64_t> perm;
  void fields(FieldList& f) const { f("perm", perm); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The operands one after the other along `axis`; their other sizes are equal.
struct Concat {
  static constexpr std::string_view kName = "Concat";
  static constexpr Arity kInputs{1, Arity::kMany};
  int64_t axis = 0;
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Pieces along `axis` of the sizes `split`. Without it: equal ones, as many as there are results;
/// with `num_outputs` (0: not given; the number of results) the last may be smaller.
struct Split {
  static constexpr std::string_view kName = "Split";
  static constexpr Arity kInputs{1, 2};
  static constexpr Arity kOutputs{1, Arity::kMany};
  static constexpr Parameter kParameters[] = {{"split", 1}};
  int64_t axis = 0;
  std::optional<Dims> split = {};
  int64_t num_outputs = 0;
  void fields(FieldList& f) const {
    f("axis", axis), f("split", split), f("num_outputs", num_outputs);
  }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The operand repeats[i] times along axis i.
struct Tile {
  static constexpr std::string_view kName = "Tile";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"repeats", 1}};
  std::optional<Dims> repeats = {};
  void fields(FieldList& f) const { f("repeats", repeats); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// [n, c, h, w] to [n, c/b^2, h*b, w*b]. DCR: the channel is (block row, block column, c/b^2);
/// CRD: (c/b^2, block row, block column).
struct DepthToSpace {
  static constexpr std::string_view kName = "DepthToSpace";
  enum class Mode : uint8_t {
    DCR,
    CRD
  };
  static constexpr std::string_view kModes[] = {"DCR", "CRD"};
  int64_t blocksize = 1;
  Mode mode = Mode::DCR;
  void fields(FieldList& f) const { f("blocksize", blocksize), f("mode", mode, kModes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// [n, c, h, w] to [n, b^2*c, h/b, w/b]; the channel is (block row, block column, c).
struct SpaceToDepth {
  static constexpr std::string_view kName = "SpaceToDepth";
  int64_t blocksize = 1;
  DepthToSpace::Mode mode = DepthToSpace::Mode::DCR;  // the one that DepthToSpace undoes it by
  void fields(FieldList& f) const {
    f("blocksize", blocksize), f("mode", mode, DepthToSpace::kModes);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
