// One line an op: what blind draws rarely find. See Hint.

#include "support/random_graph.hpp"

namespace hone::test {
namespace {

constexpr Hint kHints[] = {
    {"Conv", "f32[n,c,h,w] f32[o,c,2,2]{-2..2} f32[o]?", "pads=[0,0,0,0]|[1,1,1,1]|[1,0,0,1]"},
    {"Conv", "f32[n,c,l] f32[o,c,1]{-2..2} f32[o]?", "strides=[1]|[2]"},
    {"Conv", "f32[n,4,h,w] f32[4,1,3,3]{-2..2}", "group=4 pads=[1,1,1,1] strides=[1,1]|[2,2]"},
    {"ConvTranspose", "f32[n,c,h,w] f32[c,o,2,2]{-2..2} f32[o]?", "strides=[1,1]|[2,2]"},
    {"ConvInteger", "u8[n,c,h,w] u8[o,c,2,2]{0..3}", ""},
    {"MatMul", "N[m,k] X[k,n]", ""},
    {"MatMul", "N[b,m,k] X[b,k,n]", ""},
    {"MatMul", "N[k] X[k]", ""},
    {"Gemm", "F[m,k] X[k,n] X[n]?", "transA=false transB=false"},
    {"Gemm", "F[k,m] X[n,k] X[m,n]?", "transA=true transB=true"},
    {"Einsum", "N[a,b] X[b,c]", "equation=\"ij,jk->ik\"|\"ij,jk->ki\""},
    {"Einsum", "N[a,b]", "equation=\"ij->ji\"|\"ij->i\""},
    {"BatchNormalization", "F[n,c,h] X[c]{-1..2} X[c]{-1..1} X[c]{-1..1} X[c]{1..3}", ""},
    {"InstanceNormalization", "F[n,c,h] X[c]{-1..2} X[c]{-1..1}", ""},
    {"GroupNormalization", "F[n,4,h] X[4]{-1..2} X[4]{-1..1}", "num_groups=1|2|4"},
    {"LayerNormalization", "F[a,b] X[b]{-1..2} X[b]?", "axis=-1|1"},
    {"RMSNormalization", "F[a,b] X[b]{-1..2}", "axis=-1|1"},
    {"LRN", "F[n,c,h,w]", "size=1|3"},
    {"PRelu", "F[a,b] X[b]", ""},
    {"Clip", "N[*] X[]{-1..0}? X[]{1..2}?", ""},
    {"Where", "bool[a,b] A[a,b] A[a,b]", ""},
    {"Gather", "A[a,b] i64[2]{0,-1}", "axis=0|1|-1"},
    {"Gather", "A[a] i64[2,2]{0,-1}", "axis=0"},
    {"GatherElements", "A[a,b] i64[1,b]{0,-1}", "axis=0"},
    {"GatherND", "A[a,b] i64[3,1]{0,-1}", "batch_dims=0"},
    {"ScatterElements", "A[a,b] i64[1,b]{0,0} X[1,b]", "axis=0 reduction=none|add|max"},
    {"ScatterND", "A[a,b] i64[1,1]{0,0} X[1,b]", "reduction=none|add|max"},
    {"TensorScatter", "A[n,2,4,d] X[n,2,2,d]", ""},
    {"Reshape", "A[a,b]", "shape=[-1]|[$b,-1]|[1,$a,$b]|[0,1,-1]"},
    {"Reshape", "A[a,b,c]", "shape=[$a,-1]|[-1,$c]|[$c,$a,$b]"},
    {"Squeeze", "A[a,1]", "axes=[1]|[-1]"},
    {"Unsqueeze", "A[*]", "axes=[0]|[-1]|[0,-1]"},
    {"Expand", "A[a,1]", "shape=[$a,3]|[2,1,1]|[1]"},
    {"Flatten", "A[*]", "axis=0|1|-1"},
    {"Transpose", "A[a,b,c]", "perm=[0,2,1]|[2,1,0]|[1,0,2]"},
    {"Concat", "A[a,b] X[a,b]+", "axis=0|1|-1"},
    {"Split", "A[4,a]", "axis=0 num_outputs=2|4"},
    {"Slice", "A[a,b] i64[1]{0,0} i64[1]{2,2} i64[1]{1,1} i64[1]{1,1}", ""},
    {"Slice", "A[a,b] i64[2]{-1,-1} i64[2]{-9,-9} i64[2]{0,1} i64[2]{-1,-1}", ""},
    {"Tile", "A[a,b]", "repeats=[1,2]|[2,1]|[2,2]"},
    {"Pad", "F[a,b]", "pads=[0,1,1,0]|[1,1,1,1]|[0,-1,0,0] mode=constant|edge|wrap"},
    {"DepthToSpace", "A[n,4c,h,w]", "blocksize=2"},
    {"SpaceToDepth", "A[n,c,2h,2w]", "blocksize=2"},
    {"MaxPool", "F[n,c,h,w]", "kernel_shape=[1,1]|[2,2] pads=[0,0,0,0]|[1,1,0,0]"},
    {"AveragePool", "F[n,c,h,w]", "kernel_shape=[1,1]|[2,2] pads=[0,0,0,0]|[1,1,0,0]"},
    {"LpPool", "F[n,c,h,w]", "kernel_shape=[1,1]|[2,2]"},
    {"GlobalMaxPool", "F[n,c,h,w]", ""},
    {"GlobalAveragePool", "F[n,c,h,w]", ""},
    {"GlobalLpPool", "F[n,c,h,w]", "p=1|2"},
    {"Resize", "F[n,c,h,w] F[0] f32[4]{1,1,2,2}", "mode=nearest|linear"},
    {"Cast", "A[*]", "to=f32|i64|i32|bool|f16|u8|f64"},
    {"CastLike", "A[*] A[*]", ""},
    {"BitShift", "u8[a,b] u8[b]{0..3}", ""},
    {"Range", "i64[]{0..2} i64[]{3..6} i64[]{1..2}", ""},
    {"ConstantOfShape", "i64[2]{2,3}", ""},
    {"EyeLike", "N[a,b]", "k=0|1|-1"},
    {"OneHot", "i64[a] i64[]{3,3} f32[2]{0,1}", "axis=0|-1"},
    {"TopK", "N[a,4]", "k=[1]|[2] axis=-1 sorted=true"},
    {"Compress", "A[a,2] bool[2]{0,1}", "axis=1"},
    {"CumSum", "N[a,b] i64[]{0,0}", ""},
    {"Trilu", "A[a,b] i64[]{0..1}?", ""},
    {"RNN", "f32[s,b,i] f32[1,h,i]{-1..1} f32[1,h,h]{-1..1}", "hidden_size=$h"},
    {"GRU", "f32[s,b,i] f32[1,3h,i]{-1..1} f32[1,3h,h]{-1..1}", "hidden_size=$h"},
    {"LSTM", "f32[s,b,i] f32[1,4h,i]{-1..1} f32[1,4h,h]{-1..1}", "hidden_size=$h"},
    {"QuantizeLinear", "f32[a,b] f32[]{1,2} u8[]{1,1}?", ""},
    {"QuantizeLinear", "f32[a,b] f32[b]{1,2} i8[b]{1,0}?", "axis=1"},
    {"DequantizeLinear", "u8[a,b] f32[]{1,2} u8[]{1,1}?", ""},
    {"DequantizeLinear", "i8[a,b] f32[b]{1,2} i8[b]{1,0}?", "axis=1"},
    {"DynamicQuantizeLinear", "f32[a,b]", ""},
    {"MatMulInteger", "u8[m,k] i8[k,n] u8[]{1,1}?", ""},
    {"QLinearMatMul",
     "u8[m,k] f32[]{1,1} u8[]{1,1} u8[k,n] f32[]{1,1} u8[]{2,2} f32[]{4,4} u8[]{8,8}", ""},
    {"QLinearConv",
     "u8[n,c,h,w] f32[]{1,1} u8[]{1,1} u8[o,c,2,2]{0..4} f32[]{1,1} u8[]{2,2} f32[]{8,8} u8[]{3,3}",
     "pads=[0,0,0,0]|[1,1,1,1]"},
    {"QLinearAdd", "u8[a,b] f32[]{1,1} u8[]{1,1} u8[a,b] f32[]{2,2} u8[]{2,2} f32[]{4,4} u8[]{3,3}",
     ""},
    {"QLinearMul", "u8[a,b] f32[]{1,1} u8[]{1,1} u8[a,b] f32[]{2,2} u8[]{2,2} f32[]{4,4} u8[]{3,3}",
     ""},
    {"RotaryEmbedding", "f32[b,2,s,4] f32[b,s,2]{-1..1} f32[b,s,2]{-1..1}", ""},
    {"BitCast", "i32[*]", "to=f32|u32|i32"},
    {"SwiGLU", "f32[a,4]", ""},
};

}  // namespace

std::vector<const Hint*> hints_for(std::string_view op) {
  std::vector<const Hint*> found;
  for (const Hint& hint : kHints)
    if (hint.op == op) found.push_back(&hint);
  return found;
}

}  // namespace hone::test
