#pragma once
// Scaled dot product attention. (Source: ONNX.)

#include <limits>

#include "ir/op.hpp"
#include "ops/common/attend.hpp"

namespace hone {

/// softmax(softcap(scale * q k^T) + mask) v for every head. Operands: q, k, v, each
/// [batch, heads, sequence, head] or [batch, sequence, heads * head]; optional mask that broadcasts
/// to [batch, q_heads, q_sequence, total] (its last dimension may be shorter: the rest is hidden):
/// numbers are added to the scores and the sums rounded to q's type, booleans choose between the
/// score (true) and `fill`;
/// optional past_key and past_value [batch, kv_heads, past, head] that k and v follow; optional
/// nonpad_kv_seqlen [batch]: how many keys are none of padding. Results: y as q lies, present_key,
/// present_value (past and new), and the scores at the stage of qk_matmul_output_mode.
struct Attention {
  static constexpr std::string_view kName = "Attention";
  static constexpr Arity kInputs{3, 7};
  enum Operand {
    kQ,
    kK,
    kV,
    kMask,
    kPastKey,
    kPastValue,
    kNonpad
  };
  static constexpr Arity kOutputs{1, 4};
  bool is_causal = false;   ///< query i sees keys up to past + i, or nonpad_kv_seqlen - queries + i
  int64_t q_num_heads = 0;  ///< of operands of rank 3
  int64_t kv_num_heads = 0;                               ///< of operands of rank 3
  float scale = std::numeric_limits<float>::quiet_NaN();  ///< NaN: 1 / sqrt(head)
  float softcap = 0;                                      ///< 0: none
  int64_t left_window_size = -1;         ///< keys seen before a query's position; -1: all
  int64_t right_window_size = -1;        ///< keys seen after a query's position; -1: all
  DType softmax_precision = DType::f32;  ///< of the softmax, at least
  AttentionStage qk_matmul_output_mode = AttentionStage::scores;
  /// The score of a key that a mask of booleans hides.
  float fill = -std::numeric_limits<float>::infinity();
  /// A query that sees no key (-inf is all that is added to its scores) gives zeros, as ONNX's
  /// operator does. Without, its shares are what a softmax of -inf is: NaN.
  bool zero_unseen = false;
  bool zero_nan = false;  ///< shares that are NaN, for whatever reason, are 0
  static constexpr std::string_view kModes[] = {"scores", "capped", "biased", "probabilities"};
  void fields(FieldList& f) const {
    f("is_causal", is_causal)("q_num_heads", q_num_heads)("kv_num_heads", kv_num_heads);
    f("scale", scale)("softcap", softcap)("left_window_size", left_window_size);
    f("right_window_size", right_window_size)("softmax_precision", softmax_precision);
    f("qk_matmul_output_mode", qk_matmul_output_mode, kModes);
    f("fill", fill)("zero_unseen", zero_unseen)("zero_nan", zero_nan);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
