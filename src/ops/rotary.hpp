#pragma once
// Rotary position embedding. (Source: ONNX; com.microsoft.)

#include "ir/op.hpp"

namespace hone {

/// Rotates pairs of each head's elements by angles that depend on the position. Operands: x
/// [batch, heads, sequence, head] or [batch, sequence, heads * head]; cosines and sines
/// [positions, half] of the positions that position_ids picks, or [batch, sequence, half] without
/// it; optional position_ids: [batch, sequence], or [1]: the first position of every sample.
struct RotaryEmbedding {
  static constexpr std::string_view kName = "RotaryEmbedding";
  static constexpr Arity kInputs{3, 4};
  bool interleaved = false;          ///< pairs are neighbours, else a head's two halves
  int64_t num_heads = 0;             ///< of x of rank 3; 0: heads are twice as wide as the cosines
  int64_t rotary_embedding_dim = 0;  ///< elements of a head that turn; 0: all
  void fields(FieldList& f) const {
    f("interleaved", interleaved)("num_heads", num_heads);
    f("rotary_embedding_dim", rotary_embedding_dim);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
