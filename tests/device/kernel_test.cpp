// Every CPU kernel against reference evaluation: see kernel_case.hpp.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::kernel_test {

INSTANTIATE_TEST_SUITE_P(Isas, KernelTest,
                         testing::Values(cpu::Isa::generic, cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(KernelTest, MatMul) {
  const std::vector<Bindings> rows = each("n", {0, 1, 5, 12, 33, 130});
  expect_kernel("cpu.matmul", {"%a: f32[n,37], %b: f32[37,50]", "MatMul(%a, %b)", "", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[n,37]", "MatMul(%a, @w)", "@w : f32[37,50]", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[3,n,18]", "MatMul(%a, @w)", "@w : f32[18,64]", "%y", rows});
  expect_kernel("cpu.matmul",
                {"%a: f32[2,1,n,8], %b: f32[3,8,7]", "MatMul(%a, %b)", "", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[5,n], %b: f32[n,6]", "MatMul(%a, %b)", "", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[n,900], %b: f32[900,300]", "MatMul(%a, %b)", "", "%y",
                               each("n", {1, 210})});
  expect_kernel("cpu.matmul", {"%a: f32[7,1000]", "MatMul(%a, @w)", "@w : f32[1000,33]"});
  expect_kernel("cpu.matmul", {"%a: f32[4,n,9], %b: f32[4,9,n]", "MatMul(%a, %b)", "", "%y", rows});
}

TEST_P(KernelTest, Gemm) {
  const std::vector<Bindings> rows = each("n", {0, 1, 6, 40});
  expect_kernel("cpu.matmul", {"%a: f32[n,20]", "Gemm(%a, @w, @b) transB=true alpha=0.5 beta=2",
                               "@w : f32[30,20]\n  @b : f32[30]", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[20,n], %b: f32[20,9], %c: f32[n,1]",
                               "Gemm(%a, %b, %c) transA=true", "", "%y", rows});
  expect_kernel("cpu.matmul", {"%a: f32[n,20], %b: f32[9,20]",
                               "Gemm(%a, %b, f32[]{1.5}) transB=true", "", "%y", rows});
  expect_kernel("cpu.matmul",
                {"%a: f32[n,20], %b: f32[20,4]", "Gemm(%a, %b, f32[4]{1,2,3,4})", "", "%y", rows});
}

TEST_P(KernelTest, Convolution) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  const std::string x = "%x: f32[n,6,h,w]";
  expect_kernel("cpu.conv.im2col",
                {x, "Conv(%x, @w) pads=[1,1,1,1]", "@w : f32[8,6,3,3]", "%y", sizes});
  expect_kernel("cpu.conv.im2col",
                {x, "Conv(%x, @w, @b) strides=[2,3] pads=[0,2,1,0] dilations=[1,2]",
                 "@w : f32[20,6,3,2]\n  @b : f32[20]", "%y", sizes});
  expect_kernel("cpu.conv.im2col",
                {x, "Conv(%x, @w, f32[4]{1,2,3,4}) group=2 auto_pad=SAME_LOWER strides=[2,2]",
                 "@w : f32[4,3,2,3]", "%y", sizes});
  expect_kernel("cpu.conv.im2col", {x, "Conv(%x, @w)", "@w : f32[33,6,1,1]", "%y", sizes});
  expect_kernel("cpu.conv.im2col", {"%x: f32[n,4,l]",
                                    "Conv(%x, @w) pads=[2,1] strides=[2]",
                                    "@w : f32[6,4,5]",
                                    "%y",
                                    {{{"n", 2}, {"l", 30}}, {{"n", 1}, {"l", 3}}}});
  expect_kernel("cpu.conv.depthwise", {x, "Conv(%x, @w, @b) group=6 pads=[1,0,1,2] strides=[2,1]",
                                       "@w : f32[6,1,3,3]\n  @b : f32[6]", "%y", sizes});
  expect_kernel("cpu.conv.depthwise", {x, "Conv(%x, @w) group=6 pads=[2,2,2,2] dilations=[2,2]",
                                       "@w : f32[6,1,3,3]", "%y", sizes});
}

TEST_P(KernelTest, DeepConvolution) {
  // In several blocks of channels, tiles of filters and of pixels.
  expect_kernel("cpu.conv.im2col", {"%x: f32[1,100,5,w]", "Conv(%x, @w) pads=[1,1,1,1]",
                                    "@w : f32[230,100,3,3]", "%y", each("w", {1, 7, 60})});
  expect_kernel("cpu.conv.im2col", {"%x: f32[2,2,l]", "Conv(%x, @w) strides=[3]",
                                    "@w : f32[3,2,500]", "%y", each("l", {500, 700})});
}

TEST_P(KernelTest, ConvolutionWithLiteralWeight) {
  const std::vector<Bindings> sizes = {{{"h", 9}, {"w", 70}}, {{"h", 1}, {"w", 3}}};
  const std::string weight = "f32[1,1,3,3]{1,2,3,4,5,6,7,8,9}";
  for (const char* kernel : {"cpu.conv.im2col", "cpu.conv.depthwise"})
    expect_kernel(kernel,
                  {"%x: f32[2,1,h,w]", "Conv(%x, " + weight + ") pads=[1,1,1,1]", "", "%y", sizes});
}

TEST_P(KernelTest, UnaryElementwise) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 3, 33, 20000});
  for (const char* op :
       {"Relu",      "LeakyRelu",   "Sigmoid", "Tanh", "Erf",  "Exp",        "Gelu", "Swish",
        "HardSwish", "HardSigmoid", "Abs",     "Neg",  "Sign", "Floor",      "Ceil", "Round",
        "Softplus",  "Elu",         "Mish",    "Sin",  "Cos",  "Reciprocal", "Gelu"})
    expect_kernel("cpu.elementwise", {"%x: f32[n]", cat(op, "(%x)"), "", "%y", sizes});
  for (const char* op : {"Sqrt", "Log", "Acosh"})
    expect_kernel("cpu.elementwise",
                  {"%x: f32[n]", cat(op, "(%x)"), "", "%y", sizes, {{"x", {1, 5}}}});
  for (const char* op : {"Relu", "Abs", "Neg", "Sign"})
    for (const char* type : {"i64", "i32", "i16", "i8", "f64"})
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes});
  for (const char* op : {"Abs", "Sign"})
    for (const char* type : {"u64", "u32", "u16", "u8"})
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes});
  for (const char* op : {"Relu", "Exp", "Sigmoid"})
    for (const char* type : {"f16", "bf16"})
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%x: bool[n]", "Not(%x)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%x: f32[n]", "LeakyRelu(%x) alpha=0.3", "", "%y", sizes});
  for (const char* node : {"Gelu(%x) approximate=tanh", "Mish(%x)", "Softplus(%x)"})
    expect_kernel("cpu.elementwise", {"%x: f32[n]", node, "", "%y", sizes, {{"x", {-60, 60}}}});
  expect_kernel("cpu.elementwise", {"%x: f32[n]", "Swish(%x) alpha=1.7", "", "%y", sizes});
  for (const char* type : {"f64", "f32", "f16", "bf16"})
    for (const char* node :
         {"IsNaN", "IsInf", "IsInf detect_negative=false", "IsInf detect_positive=false",
          "IsInf detect_negative=false detect_positive=false"}) {
      const std::string op(node), fields = op.size() > 5 ? op.substr(5) : "";
      const std::string numbers = cat(type, "[7]{0,-0,nan,-inf,inf,65504,1}");
      expect_kernel("cpu.elementwise", {"", cat(op.substr(0, 5), "(", numbers, ")", fields)});
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", type, "[n]"), cat(op.substr(0, 5), "(%x)", fields), "", "%y",
                     each("n", {0, 33})});
    }
}

TEST_P(KernelTest, BinaryElementwise) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 2, 37, 5000});
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu", "Sum", "Mean"}) {
    const std::string node = cat(op, "(%a, %b)");
    expect_kernel("cpu.elementwise",
                  {"%a: f32[3,n], %b: f32[n]", node, "", "%y", sizes, {{"b", {1, 3}}}});
    expect_kernel("cpu.elementwise",
                  {"%a: f32[2,3,n], %b: f32[3,1]", node, "", "%y", sizes, {{"b", {1, 3}}}});
    expect_kernel("cpu.elementwise",
                  {"%a: f32[n], %b: f32[]", node, "", "%y", sizes, {{"b", {1, 3}}}});
  }
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Equal", "Less", "GreaterOrEqual"})
    for (const char* type : {"i64", "i32", "f32", "f64"}) {
      const std::string node = cat(op, "(%a, %b)");
      expect_kernel("cpu.elementwise", {cat("%a: ", type, "[n,1,2], %b: ", type, "[4,1]"),
                                        node,
                                        "",
                                        "%y",
                                        sizes,
                                        {{"a", {-3, 3}}, {"b", {-3, 3}}}});
    }
  expect_kernel("cpu.elementwise", {"%a: f16[4,n], %b: f16[n]", "Add(%a, %b)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f16[4,n], %b: f16[1]", "Mul(%a, %b)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: bool[4,n], %b: bool[n]", "And(%a, %b)", "", "%y", sizes});
  for (const char* type : {"bool", "u8", "i8", "u16", "i16", "u32", "u64"})
    expect_kernel("cpu.elementwise", {cat("%a: ", type, "[4,n], %b: ", type, "[n]"),
                                      "Equal(%a, %b)", "", "%y", sizes});
  for (const char* op : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"})
    for (const char* type : {"u8", "i8", "i16", "i32", "u32", "i64", "u64"})
      expect_kernel("cpu.elementwise", {cat("%a: ", type, "[4,n], %b: ", type, "[4,1]"),
                                        cat(op, "(%a, %b)"), "", "%y", sizes});
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Less", "Greater", "Mod"})
    for (const char* type : {"u8", "i8", "u16", "i16", "u32", "u64"})
      expect_kernel("cpu.elementwise", {cat("%a: ", type, "[4,n], %b: ", type, "[n]"),
                                        cat(op, "(%a, %b)"),
                                        "",
                                        "%y",
                                        sizes,
                                        {{"b", {1, 100}}}});
  expect_kernel("cpu.elementwise",
                {"%a: bool[4,n], %b: bool[4,1]", "Xor(%a, %b)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f32[n]", "Mul(%a, f32[1]{0.5})", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f32[n,3]", "Sub(f32[3]{1,2,3}, %a)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f32[n,20]", "Add(%a, @b)", "@b : f32[20]", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f32[n]", "Pow(%a, f32[]{2})", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%a: f32[n]", "Pow(%a, f32[]{3})", "", "%y", sizes});
  expect_kernel("cpu.elementwise",
                {"%a: f32[n], %b: f32[n]", "Pow(%a, %b)", "", "%y", sizes, {{"a", {0, 4}}}});
  expect_kernel("cpu.elementwise",
                {"", "Pow(f32[8]{-0,0,-1,nan,inf,-inf,2,0}, f32[8]{-3,-1,0.5,0,0.5,3,-200,0})"});
}

TEST_P(KernelTest, MixedElementwise) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 37, 3000});
  for (const char* type : {"f32", "i64", "u8", "bool", "f16"})
    expect_kernel("cpu.elementwise", {cat("%c: bool[n,1], %a: ", type, "[n,4], %b: ", type, "[4]"),
                                      "Where(%c, %a, %b)", "", "%y", sizes});
  expect_kernel("cpu.elementwise",
                {"%c: bool[n], %a: f32[n]", "Where(%c, %a, f32[]{-3})", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%x: f32[n]", "Clip(%x, f32[]{0}, f32[]{1})", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%x: f32[n], %m: f32[]", "Clip(%x, _, %m)", "", "%y", sizes});
  expect_kernel("cpu.elementwise", {"%x: f32[]", "Clip(%x, f32[1]{0.5})"});
  expect_kernel("cpu.elementwise", {"%x: i64[n]", "Clip(%x, i64[]{-2})", "", "%y", sizes});
  for (const char* type : {"u8", "i16", "u16", "u32", "u64"})
    expect_kernel("cpu.elementwise",
                  {cat("%x: ", type, "[n]"), cat("Clip(%x, ", type, "[]{3}, ", type, "[]{90})"), "",
                   "%y", sizes});
  for (const char* type : {"f16", "bf16"}) {
    const std::string operand = cat("%x: ", type, "[n]");
    expect_kernel("cpu.elementwise", {operand, "Clip(%x)", "", "%y", sizes});
    expect_kernel("cpu.elementwise", {operand, cat("Clip(%x, ", type, "[]{-1})"), "", "%y", sizes});
  }
  expect_kernel("cpu.elementwise",
                {"%x: f16[40]", "Clip(%x)", "", "%y", {{}}, {{"x", {-2e5, 2e5}}}});
  for (const char* from : {"f32", "f16", "bf16", "i64", "i32", "u8", "i8", "bool", "f64"})
    for (const char* to : {"f32", "f16", "i64", "i32", "bool", "u8"})
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", from, "[n]"), cat("Cast(%x) to=", to), "", "%y", sizes});
  for (const char* from : {"i16", "u16", "u32", "u64"})
    for (const char* to : {"f32", "f64", "i64", "u8", "bool", "u64"})
      expect_kernel("cpu.elementwise",
                    {cat("%x: ", from, "[n]"), cat("Cast(%x) to=", to), "", "%y", sizes});
}

TEST_P(KernelTest, Softmax) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 3, 33, 300});
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    expect_kernel("cpu.softmax", {"%x: f32[5,n]", cat(op, "(%x)"), "", "%y", sizes});
    expect_kernel("cpu.softmax", {"%x: f32[n,10]", cat(op, "(%x)"), "", "%y", sizes});
    expect_kernel("cpu.softmax", {"%x: f32[2,7,n]", cat(op, "(%x) axis=1"), "", "%y", sizes});
    expect_kernel("cpu.softmax", {"%x: f32[2,n,3]", cat(op, "(%x) axis=-2"), "", "%y", sizes});
    expect_kernel("cpu.softmax",
                  {"%x: f32[2,n,3]", cat(op, "(%x) axis=1 flatten=true"), "", "%y", sizes});
    // As many vectors as registers take, and more; whole ones and parts of one.
    expect_kernel("cpu.softmax", {"%x: f32[6,n]", cat(op, "(%x)"), "", "%y",
                                  each("n", {7, 8, 15, 16, 17, 29, 64, 65, 127, 128, 129, 197})});
    expect_kernel("cpu.softmax", {"%x: f64[5,n]", cat(op, "(%x)"), "", "%y", sizes});
    expect_kernel("cpu.softmax", {"%x: f64[2,7,n]", cat(op, "(%x) axis=1"), "", "%y", sizes});
  }
  expect_kernel("cpu.softmax",
                {"%x: f32[4,50]", "Softmax(%x)", "", "%y", {{}}, {{"x", {-200, 200}}}});
  for (const char* field : {"", "zero_nan=true", "axis=0", "axis=0 zero_nan=true"})
    expect_kernel("cpu.softmax", {"%x: f32[3,2]",
                                  cat("Softmax(%x) ", field),
                                  "",
                                  "%y",
                                  {{}},
                                  {{"x", {-2e39, -1e39}}}});  // all -inf
  KernelCase far{"%x: f32[40,n]", "LogSoftmax(%x)", "", "%y", sizes, {{"x", {1e3, 1e3 + 0.5}}}};
  far.tolerance = 1e-6;  // the largest is taken off before the logarithm is
  expect_kernel("cpu.softmax", far);
}

TEST_P(KernelTest, LayerNormalization) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 9, 100});
  expect_kernel("cpu.layer_norm", {"%x: f32[n,40]", "LayerNormalization(%x, @s, @b)",
                                   "@s : f32[40]\n  @b : f32[40]", "%y", sizes});
  expect_kernel("cpu.layer_norm",
                {"%x: f32[n,3,40]", "LayerNormalization(%x, @s) axis=1 epsilon=0.1",
                 "@s : f32[3,40]", "%y, _, %f", sizes});
  expect_kernel("cpu.layer_norm", {"%x: f32[n,5]",
                                   "LayerNormalization(%x, f32[5]{1,2,3,4,5})",
                                   "",
                                   "%y, %m, %f",
                                   sizes,
                                   {{"x", {100, 101}}},
                                   1e-4});
  expect_kernel("cpu.layer_norm",
                {"%x: f32[n,40]", "RMSNormalization(%x, @s)", "@s : f32[40]", "%y", sizes});
  EXPECT_EQ(refusal("cpu.layer_norm", {"%x: f32[n,40]", "LayerNormalization(%x, f32[1]{2})"}),
            "scale or bias have another shape than what is normalized");
}

TEST_P(KernelTest, Movement) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 2, 19, 70});
  const auto moves = [&](const std::string& inputs, const std::string& node,
                         const std::string& results = "%y") {
    expect_kernel("cpu.movement", {inputs, node, "", results, sizes});
  };
  for (const char* type : {"f32", "i64", "u8", "f16", "bool"}) {
    moves(cat("%x: ", type, "[n,3,40]"), "Transpose(%x) perm=[2,1,0]");
    moves(cat("%x: ", type, "[n,3,40]"), "Reshape(%x) shape=[n,120]");
    moves(cat("%x: ", type, "[n,3]"), "Expand(%x) shape=[4,n,3]");
    moves(cat("%x: ", type, "[n,3], %z: ", type, "[n,5]"), "Concat(%x, %z) axis=1");
  }
  moves("%x: f32[n,3,40]", "Transpose(%x) perm=[0,2,1]");
  moves("%x: f32[n,3,40]", "Transpose(%x) perm=[1,0,2]");
  moves("%x: f32[2,n,3,4]", "Transpose(%x) perm=[0,2,1,3]");
  moves("%x: f32[2,n,3,4]", "Transpose(%x) perm=[3,1,0,2]");
  moves("%x: f32[n,50]", "Transpose(%x)");
  moves("%x: f32[n,3], %z: f32[2,3]", "Concat(%x, f32[1,3]{1,2,3}, %z) axis=0");
  moves("%x: f32[n,6]", "Split(%x) axis=1 split=[1,3,2]", "%a, _, %c");
  moves("%x: f32[6,n]", "Split(%x)", "%a, %b");
  moves("%x: f32[7,n]", "Split(%x) num_outputs=3", "%a, %b, %c");
  moves("%x: f32[n,9,5]", "Slice(%x) starts=[1,-4] ends=[100,-1] axes=[1,2]");
  moves("%x: f32[n,9,5]", "Slice(%x) starts=[-1] ends=[-100] axes=[1] steps=[-2]");
  moves("%x: f32[4,n]", "Slice(%x) starts=[0,0] ends=[4,n] steps=[2,3]");
  moves("%x: f32[n,1,3]", "Squeeze(%x) axes=[1]");
  moves("%x: f32[n,3]", "Unsqueeze(%x) axes=[0,2]");
  moves("%x: f32[n,2,3]", "Flatten(%x) axis=2");
  moves("%x: f32[1,n,1]", "Expand(%x) shape=[3,n,4]");
  moves("%x: f32[n,3]", "Tile(%x) repeats=[2,3]");
  moves("%x: f32[n,3]", "Pad(%x, _, f32[]{2.5}) pads=[1,-1,2,3]");
  moves("%x: i64[2,n]", "Pad(%x) pads=[3,1] axes=[1]");
  moves("%x: f32[n,8,2,3]", "DepthToSpace(%x) blocksize=2");
  moves("%x: f32[n,8,2,3]", "DepthToSpace(%x) blocksize=2 mode=CRD");
  moves("%x: f32[n,3,4,6]", "SpaceToDepth(%x) blocksize=2");
  moves("%x: f32[]", "Identity(%x)");
  // Short lines, and several operands or results by the same outermost axis.
  for (const char* type : {"f32", "i64", "u8", "f16"}) {
    moves(cat("%x: ", type, "[n,2], %z: ", type, "[n,2], %u: ", type, "[n,2]"),
          "Concat(%x, %z, %u) axis=1");
    moves(cat("%x: ", type, "[n,4], %z: ", type, "[n,2]"), "Concat(%x, %z) axis=1");
    moves(cat("%x: ", type, "[n,2,3,2]"), "Transpose(%x) perm=[1,0,2,3]");
    moves(cat("%x: ", type, "[n,3,2]"), "Transpose(%x) perm=[1,0,2]");
    moves(cat("%x: ", type, "[n,2]"), "Tile(%x) repeats=[1,9]");
    moves(cat("%x: ", type, "[n,6]"), "Split(%x) axis=1 num_outputs=3", "%a, %b, %c");
    moves(cat("%x: ", type, "[n,4]"), "Slice(%x) starts=[2] ends=[4] axes=[1]");
    moves(cat("%x: ", type, "[n,4]"), "Slice(%x) starts=[1] ends=[3] axes=[1]");
    moves(cat("%x: ", type, "[3,n]"), "Slice(%x) starts=[0] ends=[n] axes=[1] steps=[2]");
  }
  moves("%x: f32[2,n,9]", "CenterCropPad(%x) shape=[5,4] axes=[1,2]");
  moves("%x: f32[2,n,9]", "CenterCropPad(%x) shape=[n,12] axes=[1,2]");
  moves("%x: i64[n,7]", "CenterCropPad(%x) shape=[3,2]");
}

TEST_P(KernelTest, RepeatingPad) {
  const std::vector<Bindings> sizes = each("n", {2, 3, 40});
  for (const char* mode : {"reflect", "edge", "wrap"})
    for (const char* type : {"f32", "i64", "u8"}) {
      const std::string x = cat("%x: ", type, "[2,n,7]");
      expect_kernel("cpu.take",
                    {x, cat("Pad(%x) pads=[0,1,3,0,1,2] mode=", mode), "", "%y", sizes});
      expect_kernel("cpu.take", {x, cat("Pad(%x) pads=[2,-1] axes=[1] mode=", mode), "", "%y",
                                 each("n", {4, 5})});
      expect_kernel("cpu.take",
                    {x, cat("Pad(%x) pads=[-2,5] axes=[-1] mode=", mode), "", "%y", sizes});
    }
}

TEST_P(KernelTest, Resize) {
  const std::vector<Bindings> sizes = {{{"h", 1}, {"w", 5}}, {{"h", 9}, {"w", 30}}};
  const std::string x = "%x: f32[2,3,h,w]";
  for (const char* coordinates :
       {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
    const std::string by = cat(" coordinate_transformation_mode=", coordinates);
    for (const char* scales : {"1,1,2,2", "1,1,0.5,1.7", "1,1,1,3"}) {
      const std::string node = cat("Resize(%x, _, f32[4]{", scales, "})", by);
      expect_kernel("cpu.take", {x, node, "", "%y", sizes});
      expect_kernel("cpu.take",
                    {"%x: u8[2,3,h,w]", cat(node, " nearest_mode=floor"), "", "%y", sizes});
      expect_kernel("cpu.resize", {x, cat(node, " mode=linear"), "", "%y", sizes});
      expect_kernel("cpu.resize", {x, cat(node, " mode=cubic"), "", "%y", sizes});
    }
    expect_kernel("cpu.resize",
                  {x, cat("Resize(%x) sizes=[2,3,11,13] mode=linear", by), "", "%y", sizes});
    expect_kernel("cpu.take", {x, cat("Resize(%x) sizes=[4,3,11,13]", by), "", "%y", sizes});
  }
  expect_kernel("cpu.resize", {x, "Resize(%x) sizes=[3,2*w] axes=[2,3] mode=linear antialias=true",
                               "", "%y", sizes});
  for (const char* type : {"u8", "i8", "i32", "f64"})
    for (const char* scales : {"1,1,2,2", "1,1,0.5,1.7", "1,1,3,0.3"})
      for (const char* how : {"linear", "cubic", "linear antialias=true"})
        expect_kernel("cpu.resize.integers",
                      {cat("%x: ", type, "[2,3,h,w]"),
                       cat("Resize(%x, _, f32[4]{", scales, "}) mode=", how), "", "%y", sizes});
  for (const char* node :
       {"Resize(%x, _, f32[4]{1,2,2,1}) mode=linear",
        "Resize(%x, _, f32[4]{1,1,0.5,1.7}) mode=cubic",
        "Resize(%x) sizes=[4,2,7,20] mode=linear coordinate_transformation_mode=align_corners",
        "Resize(%x) sizes=[2,3] axes=[0,1] mode=linear"})
    expect_kernel("cpu.resize.passes", {x, node, "", "%y", sizes});
  expect_kernel("cpu.resize.passes", {"%x: f32[1,2,4,h,w]",
                                      "Resize(%x, _, f32[5]{1,1,2,0.5,2}) mode=linear",
                                      "",
                                      "%y",
                                      {{{"h", 4}, {"w", 5}}}});
  EXPECT_EQ(refusal("cpu.resize", {x, "Resize(%x, _, f32[4]{1,2,2,2}) mode=linear"}),
            "resizes other axes than the last two");
}

TEST_P(KernelTest, Gather) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 2, 40});
  const std::map<std::string, ElementBounds> bounds = {{"i", {-5, 4.9}}};
  for (const char* type : {"f32", "i64", "u8"})
    for (const char* indices : {"i64", "i32"}) {
      const std::string inputs = cat("%x: ", type, "[5,7], %i: ", indices, "[n,2]");
      expect_kernel("cpu.gather", {inputs, "Gather(%x, %i)", "", "%y", sizes, bounds});
      expect_kernel("cpu.gather", {inputs, "Gather(%x, %i) axis=1", "", "%y", sizes, bounds});
    }
  expect_kernel("cpu.gather",
                {"%i: i64[n]", "Gather(@table, %i)", "@table : f32[50,33]", "%y", sizes, bounds});
  expect_kernel("cpu.gather", {"%x: f32[n,3]", "Gather(%x, i64[]{-1}) axis=1", "", "%y", sizes});
  const std::string error = kernel_error("cpu.gather", {"%x: f32[3]", "Gather(%x, i64[1]{3})"});
  EXPECT_EQ(error.substr(0, 35), "index 3 is out of range for size 3 ");
}

TEST_P(KernelTest, BatchNormalization) {
  expect_kernel("cpu.batch_norm",
                {"%x: f32[n,20,h]",
                 "BatchNormalization(%x, @s, @b, @m, @v)",
                 "@s : f32[20]\n  @b : f32[20]\n  @m : f32[20]\n  @v : f32[20]",
                 "%y",
                 {{{"n", 2}, {"h", 50}}, {{"n", 1}, {"h", 0}}, {{"n", 3}, {"h", 1}}},
                 {{"v", {0.1, 2}}}});
}

}  // namespace hone::test::kernel_test
