#pragma once
// Attention over a cache of keys and values as language models have it. (Source: com.microsoft.)

#include <limits>

#include "ir/op.hpp"
#include "ops/common/attend.hpp"

namespace hone {

/// New keys and values go into the cache after those of each sample, then queries attend to it.
/// Operands: q [batch, sequence, num_heads * head], k and v [batch, sequence, kv_num_heads * head];
/// optional past_key and past_value [batch, kv_num_heads, past, head]; seqlens_k [batch]: keys of
/// each sample with the new ones, less 1; total_sequence_length: the most of them, and `sequence`
/// where all is new; cosines and sines [positions, half] and optional position_ids [batch,
/// sequence] where do_rotary; optional bias that broadcasts to [batch, num_heads, sequence, total];
/// optional head_sink [num_heads]: logits that only swell the softmax's denominator; k_scale and
/// v_scale where the past is quantized: one scale, or one for each place of each head.
/// A past of other floats than q holds new keys and values rounded to those.
/// A quantized past holds codes of i8, or in u8 two of 4 bits plus 8, the first in the low bits
/// (head / 2 elements a row); attention sees new keys and values as the cache then holds them.
/// Results: y as q, present_key and present_value [batch, kv_num_heads, max(past, total), head],
/// and the scores [batch, num_heads, sequence, total] at the stage of qk_output.
struct GroupQueryAttention {
  static constexpr std::string_view kName = "GroupQueryAttention";
  static constexpr Arity kInputs{3, 14};
  enum Operand {
    kQ,
    kK,
    kV,
    kPastKey,
    kPastValue,
    kKeyLengths,
    kTotal,
    kCos,
    kSin,
    kPositions,
    kScoreBias,
    kSink,
    kKeyScale,
    kValueScale
  };
  static constexpr Arity kOutputs{1, 4};
  int64_t num_heads = 1, kv_num_heads = 1;
  float scale = std::numeric_limits<float>::quiet_NaN();  ///< NaN: 1 / sqrt(head)
  float softcap = 0;                                      ///< 0: none
  bool causal = true;
  int64_t local_window_size = -1;  ///< keys seen, the query's own with them; -1: all before it
  bool do_rotary = false;
  bool rotary_interleaved = false;
  bool smooth_softmax = false;  ///< sinks of 0 where head_sink is absent
  AttentionStage qk_output = AttentionStage::biased;
  static constexpr std::string_view kStages[] = {"scores", "capped", "biased", "probabilities"};
  void fields(FieldList& f) const {
    f("num_heads", num_heads)("kv_num_heads", kv_num_heads)("scale", scale)("softcap", softcap);
    f("causal", causal)("local_window_size", local_window_size)("do_rotary", do_rotary);
    f("rotary_interleaved", rotary_interleaved)("smooth_softmax", smooth_softmax);
    f("qk_output", qk_output, kStages);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
