// Values that are read twice: a view (a part of a split, a slice, a transpose) that an anchor reads
// (a norm, a softmax, a product, a fold, attention), and what comes of that meets the view, or
// another part of what was split, again. Fused, the view is wanted inside a region and outside.

#include "support/random_graph.hpp"

namespace hone::test {
namespace {

/// The first result of the last step is for the anchor; `join` are the operands of what joins it
/// with the other one.
struct Parted {
  Motif steps;
  std::string_view join;
};

/// What has values of one rank: how they come about, the anchors that take them, what may be
/// between these and the join and keeps sizes, and what may be behind the join.
struct Joining {
  std::vector<Parted> parted;
  std::vector<Hint> anchors;
  std::vector<Motif> between;
  Hint behind;
};

constexpr std::string_view kFollows = "Relu|Sigmoid|Tanh|Neg|HardSigmoid?";
constexpr std::string_view kJoins = "Mul|Mul|Add|Sub|Max";

std::vector<Parted> parts_of_rows() {
  return {
      {{{"Split", "F[b,s,32]", "axis=-1 num_outputs=2", 2}}, "^0.1 ^"},
      {{{"Split", "F[b,s,48]", "axis=2 num_outputs=3", 3}}, "^0.2 ^"},
      {{{"Split", "F[2b,s,16]", "axis=0 num_outputs=2", 2}}, "^0.1 ^"},
      {{{"Split", "F[b,8,16]", "axis=1 num_outputs=2", 2}}, "^0.1 ^"},
      {{{"Split", "F[2,b,s,16]", "axis=0 num_outputs=2", 2},
        {"Squeeze", "^0.1", "axes=[0]"},
        {"Squeeze", "^0.0", "axes=[0]"}},
       "^1 ^"},
      {{{"Relu|Identity", "F[b,s,32]", ""},
        {"Slice", "^0 i64[1]{16} i64[1]{32} i64[1]{2}", ""},
        {"Slice", "^0 i64[1]{0} i64[1]{16} i64[1]{2}", ""}},
       "^1 ^"},
      {{{"Identity", "F[b,s,32]", ""},
        {"Slice", "^0 i64[1]{0} i64[1]{32} i64[1]{2} i64[1]{2}", ""},
        {"Slice", "^0 i64[1]{1} i64[1]{32} i64[1]{2} i64[1]{2}", ""}},
       "^1 ^"},
      {{{"MatMul", "F[b,s,8] X[8,32]{-1..1}", ""},
        {"Relu?", "^", ""},
        {"Split", "^", "axis=-1 num_outputs=2", 2}},
       "^2.1 ^"},
      {{{"Split", "F[b,32,s]", "axis=1 num_outputs=2", 2},
        {"Transpose", "^0.1", "perm=[0,2,1]"},
        {"Transpose", "^0.0", "perm=[0,2,1]"}},
       "^1 ^"},
      {{{"Reshape", "F[b,s,48]", "shape=[0,0,3,16]"},
        {"Split", "^", "axis=2 num_outputs=3", 3},
        {"Squeeze", "^1.1", "axes=[2]"},
        {"Squeeze", "^1.0", "axes=[2]"}},
       "^2 ^"},
      {{{"Identity", "F[2,b,s,16]", ""},
        {"Gather", "^0 i64[]{1}", "axis=0"},
        {"Gather", "^0 i64[]{0}", "axis=0"}},
       "^1 ^"},
      {{{"Transpose", "F[b,16,s]", "perm=[0,2,1]"}}, "^0 ^"},
      {{{"Reshape", "F[b,64]", "shape=[0,4,16]|[-1,2,16]"}}, "^0 ^"},
      {{{"Unsqueeze", "F[s,16]", "axes=[0]"}}, "^0 ^"},
      {{{"Expand", "F[1,s,16]", "shape=[2,1,16]|[3,$s,16]"}}, "^0 ^"},
      {{{"Concat", "F[b,s,8] X[b,s,8]", "axis=-1"}}, "^0 ^"},
      {{{"Pad", "F[b,s,14]", "pads=[0,0,1,0,0,1]"}}, "^0 ^"},
      {{{"Slice", "F[b,s,16] i64[1]{-1} i64[1]{-99} i64[1]{1,2} i64[1]{-1}", ""}}, "^0 ^"},
  };
}

Joining of_rows() {
  return {
      parts_of_rows(),
      {
          {"LayerNormalization", "^ X[16]{-1..2} X[16]{-1..1}?", "axis=-1"},
          {"LayerNormalization", "^ X[16]{-1..2} X[16]{-1..1}?", "axis=2"},
          {"RMSNormalization", "^ X[16]{-1..2}", "axis=-1"},
          {"LpNormalization", "^", "axis=-1"},
          {"Softmax|LogSoftmax", "^", "axis=-1|1"},
          {"ReduceMean|ReduceMax|ReduceSum|ReduceL2|ReduceMin", "^", "axes=[-1]|[1] keepdims=true"},
          {"MatMul", "^ X[16,16]{-1..1}", ""},
          {"MatMul", "^ X[b,16,16]", ""},
          {"MatMul", "f32[s,s]{-1..1} ^", ""},
          {"MatMulNBits", "^ u8[16,1,8]{0..99} f32[16,1]{0.25,0.5}",
           "K=16 N=16 bits=4 block_size=16"},
          {"Attention", "^ ^ ^", "q_num_heads=2 kv_num_heads=2|1 is_causal=true|false"},
          {"Conv", "^ X[s,s,3]{-1..1} X[s]?", "pads=[1,1]"},
          {"MaxPool|AveragePool", "^", "kernel_shape=[3] pads=[1,1] strides=[1]"},
          {"InstanceNormalization", "^ X[s]{-1..2} X[s]{-1..1}", ""},
          {"CumSum", "^ i64[]{1}", ""},
          {"Gelu|Erf|Exp|Softplus", "^", ""},
      },
      {
          {},
          {{kFollows, "^", ""}},
          {{"MatMul", "^ X[16,16]{-1..1}", ""}, {"Add?", "^ X[16]{-1..1}", ""}},
          {{"Transpose", "^", "perm=[0,2,1]"},
           {"MatMul", "^ X[s,s]{-1..1}", ""},
           {"Add?", "^ X[s]{-1..1}", ""},
           {"Transpose", "^", "perm=[0,2,1]"}},
          {{"Reshape", "^", "shape=[0,0,2,8]"},
           {"Transpose", "^", "perm=[0,2,1,3]"},
           {"Softmax|Relu|Exp", "^", "axis=-1"},
           {"Transpose", "^", "perm=[0,2,1,3]"},
           {"Reshape", "^", "shape=[0,0,-1]"}},
      },
      {"MatMul?", "^ X[16,8]{-1..1}", ""}};
}

Joining of_pictures() {
  return {{
              {{{"Split", "F[n,8,h,w]", "axis=1 num_outputs=2", 2}}, "^0.1 ^"},
              {{{"Split", "F[n,8,9,6]", "axis=1 num_outputs=2", 2}}, "^0.1 ^"},
              {{{"Split", "F[n,4,h,12]", "axis=3 num_outputs=2", 2}}, "^0.1 ^"},
              {{{"Identity|Relu", "F[n,8,h,w]", ""},
                {"Slice", "^0 i64[1]{4} i64[1]{8} i64[1]{1}", ""},
                {"Slice", "^0 i64[1]{0} i64[1]{4} i64[1]{1}", ""}},
               "^1 ^"},
              {{{"Conv", "f32[n,4,h,w] f32[8,4,1,1]{-1..1} f32[8]?", ""},
                {"Relu?", "^", ""},
                {"Split", "^", "axis=1 num_outputs=2", 2}},
               "^2.1 ^"},
              {{{"Transpose", "F[n,h,w,4]", "perm=[0,3,1,2]"}}, "^0 ^"},
              {{{"Reshape", "F[n,4,36]", "shape=[0,0,6,6]"}}, "^0 ^"},
              {{{"DepthToSpace", "F[n,16,h,w]", "blocksize=2"}}, "^0 ^"},
              {{{"Pad", "F[n,4,h,w]", "pads=[0,0,1,1,0,0,1,1]"}}, "^0 ^"},
          },
          {
              {"Conv", "^ X[4,4,3,3]{-1..1} X[4]?", "pads=[1,1,1,1]"},
              {"Conv", "^ X[4,4,1,1]{-1..1} X[4]?", ""},
              {"Conv", "^ X[4,1,3,3]{-1..1} X[4]?", "pads=[1,1,1,1] group=4"},
              {"MaxPool|AveragePool", "^", "kernel_shape=[3,3] pads=[1,1,1,1] strides=[1,1]"},
              {"BatchNormalization", "^ X[4]{-1..2} X[4]{-1..1} X[4]{-1..1} X[4]{1,4}", ""},
              {"GlobalAveragePool|GlobalMaxPool", "^", ""},
              {"ReduceMean|ReduceMax", "^", "axes=[2,3]|[1] keepdims=true"},
              {"InstanceNormalization", "^ X[4]{-1..2} X[4]{-1..1}", ""},
              {"GroupNormalization", "^ X[4]{-1..2} X[4]{-1..1}", "num_groups=2|4"},
              {"Softmax", "^", "axis=1|3"},
              {"LRN", "^", "size=3"},
              {"Attention", "^ ^ ^", ""},
              {"MatMul", "^ X[w,w]{-1..1}", ""},
          },
          {
              {},
              {{kFollows, "^", ""}},
              {{"Conv", "^ X[4,4,1,1]{-1..1} X[4]?", ""}, {kFollows, "^", ""}},
              {{"Transpose", "^", "perm=[0,2,3,1]"},
               {"MatMul|Add", "^ X[4,4]{-1..1}", ""},
               {"Transpose", "^", "perm=[0,3,1,2]"}},
          },
          {"Conv?", "^ X[3,4,1,1]{-1..1}", ""}};
}

Joining of_matrices() {
  return {{
              {{{"Split", "F[m,32]", "axis=1 num_outputs=2", 2}}, "^0.1 ^"},
              {{{"Split", "F[2m,16]", "axis=0 num_outputs=2", 2}}, "^0.1 ^"},
              {{{"Transpose", "F[16,m]", "perm=[1,0]"}}, "^0 ^"},
              {{{"Flatten", "F[m,4,4]", "axis=1"}}, "^0 ^"},
              {{{"Gather", "F[6,16] i64[3]{5,0,2}", "axis=0"}}, "^0 ^"},
          },
          {
              {"Gemm", "^ X[16,16]{-1..1} X[16]{-1..1}?", "alpha=1|0.5"},
              {"Gemm", "^ X[16,16]{-1..1}", "transB=true"},
              {"LayerNormalization", "^ X[16]{-1..2} X[16]?", "axis=-1"},
              {"RMSNormalization", "^ X[16]{-1..2}", "axis=1"},
              {"Softmax", "^", "axis=0|1"},
              {"ReduceMax|ReduceSum|ReduceMean", "^", "axes=[0]|[1] keepdims=true"},
              {"CumSum", "^ i64[]{0}", ""},
          },
          {
              {},
              {{kFollows, "^", ""}},
              {{"Gemm", "^ X[16,16]{-1..1} X[16]{-1..1}?", ""}, {kFollows, "^", ""}},
          },
          {"Gemm?", "^ X[16,8]{-1..1}", ""}};
}

/// Where parts are more than two, or bytes.
const std::vector<Motif>& others() {
  static const std::vector<Motif> kOthers = {
      {{"Split", "f32[b,s,48]", "axis=-1 num_outputs=3", 3},
       {"Attention", "^0.0 ^0.1 ^0.2", "q_num_heads=2 kv_num_heads=2 is_causal=true|false"},
       {"Add|Mul", "^ ^0.0", ""},
       {"Add?", "^ ^0.2", ""}},
      {{"Reshape", "f32[b,s,48]", "shape=[0,0,3,2,8]"},
       {"Transpose", "^", "perm=[2,0,3,1,4]"},
       {"Gather", "^1 i64[]{0}", "axis=0"},
       {"Gather", "^1 i64[]{1}", "axis=0"},
       {"Gather", "^1 i64[]{2}", "axis=0"},
       {"Attention", "^2 ^3 ^4", ""},
       {"Add|Mul", "^ ^4", ""},
       {"Transpose", "^", "perm=[0,2,1,3]"},
       {"Reshape", "^", "shape=[0,0,-1]"}},
      {{"Transpose", "f32[b,s,2,8]", "perm=[0,2,1,3]"},
       {"RMSNormalization|LpNormalization", "^ f32[8]{1..2}", "axis=-1"},
       {"Attention", "^ ^0 ^0", ""},
       {"Transpose", "^", "perm=[0,2,1,3]"},
       {"Add", "^ f32[b,s,2,8]", ""}},
      {{"MatMul", "f32[b,s,16] f32[16,16]{-1..1}", ""},
       {"Reshape", "^", "shape=[0,0,2,8]"},
       {"Transpose", "^", "perm=[0,2,1,3]"},
       {"Softmax|LogSoftmax|ReduceSum", "^", "axis=-1 axes=[-1] keepdims=true"},
       {"Mul|Add", "^ ^2", ""}},
      {{"MatMul", "f32[b,s,16] f32[16,16]{-1..1}", ""},
       {"Transpose", "^", "perm=[0,2,1]"},
       {"Add", "^ f32[b,16,s]", ""},
       {"Add", "^ ^1", ""},
       {"Softmax?", "^", "axis=-1"}},
      {{"Split", "f32[b,s,32]", "axis=-1 num_outputs=4", 4},
       {"LayerNormalization", "^0.0 f32[8]{1..2}", "axis=-1"},
       {"Softmax", "^0.1", "axis=-1"},
       {"Mul", "^1 ^2", ""},
       {"Concat", "^ ^0.3 ^0.0 ^1", "axis=-1"}},
      {{"Split", "u8[m,32]", "axis=1 num_outputs=2", 2},
       {"QLinearMatMul",
        "^0.0 f32[]{0.5} u8[]{1} i8[16,16]{-3..3} f32[]{0.25} i8[]{0} f32[]{1} u8[]{3}", ""},
       {"QLinearAdd", "^0.1 f32[]{1} u8[]{1} ^ f32[]{2} u8[]{2} f32[]{4} u8[]{3}", ""}},
      {{"Split", "u8[m,32]", "axis=1 num_outputs=2", 2},
       {"QLinearSoftmax", "^0.0 f32[]{0.5} u8[]{1} f32[]{0.00390625} u8[]{0}", ""},
       {"QLinearMul", "^0.1 f32[]{1} u8[]{1} ^ f32[]{2} u8[]{2} f32[]{4} u8[]{3}", ""}},
      {{"Split", "u8[n,8,h,w]", "axis=1 num_outputs=2", 2},
       {"QLinearConv",
        "^0.0 f32[]{0.5} u8[]{1} i8[4,4,3,3]{-3..3} f32[]{0.25} i8[]{0} f32[]{4} u8[]{3} i32[4]?",
        "pads=[1,1,1,1]"},
       {"QLinearAdd|QLinearMul", "^0.1 f32[]{1} u8[]{1} ^ f32[]{2} u8[]{2} f32[]{4} u8[]{3}", ""}},
      {{"Split", "u8[m,32]", "axis=1 num_outputs=2", 2},
       {"DequantizeLinear", "^0.0 f32[]{0.5} u8[]{1}", ""},
       {"DequantizeLinear", "^0.1 f32[]{0.5} u8[]{1}", ""},
       {"MatMul|Add", "^1 f32[16,16]{-1..1}", ""},
       {"Add|Mul", "^ ^2", ""},
       {"QuantizeLinear?", "^ f32[]{2} u8[]{3}", ""}},
  };
  return kOthers;
}

}  // namespace

Motif any_join(Rng& rng) {
  static const std::vector<Joining> kAll = {of_rows(), of_rows(), of_pictures(), of_matrices()};
  if (rng.percent(20)) return rng.among(others());
  const Joining& joining = rng.among(kAll);
  const Parted& parted = rng.among(joining.parted);
  Motif motif = parted.steps;
  motif.push_back(rng.among(joining.anchors));
  const Motif& between = rng.among(joining.between);
  motif.insert(motif.end(), between.begin(), between.end());
  motif.push_back(rng.percent(20) ? Hint{"Concat", parted.join, "axis=-1|1|0"}
                                  : Hint{kJoins, parted.join, ""});
  motif.push_back({"Relu|Softmax|Tanh?", "^", ""});
  motif.push_back(joining.behind);
  return motif;
}

const Motif& any_front(Rng& rng) {
  static const std::vector<Motif> kFronts = {
      {{"MatMul", "F[b,s,8] X[8,32]{-1..1}", ""}, {"Relu|Gelu?", "^", ""}},
      {{"MatMul", "F[b,s,8] X[8,48]{-1..1}", ""}, {"Add?", "^ X[48]", ""}},
      {{"MatMul", "F[b,s,8] X[8,16]{-1..1}", ""}},
      {{"Gemm", "F[m,8] X[8,32]{-1..1} X[32]?", ""}, {"Relu?", "^", ""}},
      {{"Conv", "f32[n,4,h,w] f32[8,4,1,1]{-1..1} f32[8]?", ""}, {"Relu?", "^", ""}},
  };
  return rng.among(kFronts);
}

}  // namespace hone::test
