// The kernels of quantized numbers against reference evaluation, exactly.

#include <sstream>

#include "device/kernel_case.hpp"

namespace hone::test::quantized_test {

using QuantizedKernelTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Isas, QuantizedKernelTest,
                         testing::Values(cpu::Isa::generic, cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(QuantizedKernelTest, Convolution) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  for (const char* x : {"u8", "i8"})
    for (const char* w : {"u8", "i8"}) {
      const std::string in = cat("%x: ", x, "[n,4,h,w]"), zero = cat(", ", x, "[]{3}, ");
      expect_kernel("cpu.qconv.im2col",
                    {in,
                     cat("QLinearConv(%x, f32[]{0.1}", zero, "@w, f32[]{0.02}, ", w,
                         "[]{5}, f32[]{8}", zero, "@b) pads=[1,1,1,1]"),
                     cat("@w : ", w, "[20,4,3,3]\n  @b : i32[20]"),
                     "%y",
                     sizes,
                     {{"b", {-1000, 1000}}}});
      expect_kernel("cpu.qconv.im2col",
                    {in, cat("ConvInteger(%x, @w, ", x, "[]{9}) strides=[2,1] group=2"),
                     cat("@w : ", w, "[6,2,3,2]"), "%y", sizes});
    }
  // Sums beyond 2^24, a scale and a zero point for each filter.
  expect_kernel("cpu.qconv.im2col",
                {"%x: u8[1,700,4,w]",
                 "QLinearConv(%x, f32[]{0.1}, u8[]{0}, @w, f32[3]{0.02,0.03,0.04}, u8[3]{0,1,2}, "
                 "f32[]{900}, u8[]{10})",
                 "@w : u8[3,700,1,1]",
                 "%y",
                 each("w", {1, 33}),
                 {{"x", {200, 255}}, {"w", {200, 255}}}});
  expect_kernel("cpu.qconv.im2col", {"%x: u8[1,700,4,4]",
                                     "ConvInteger(%x, @w)",
                                     "@w : u8[3,700,1,1]",
                                     "%y",
                                     {{}},
                                     {{"x", {250, 255}}, {"w", {250, 255}}}});
}

TEST_P(QuantizedKernelTest, Pointwise) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 37, 3000});
  for (const char* type : {"u8", "i8"}) {
    const std::map<std::string, ElementBounds> bounds = {{"x", {-20, 20}}, {"s", {0.05, 0.2}}};
    const std::string out = cat(" output_dtype=", type);
    expect_kernel("cpu.quantize",
                  {"%x: f32[n]", cat("QuantizeLinear(%x, f32[]{0.1}, ", type, "[]{7})", out), "",
                   "%y", sizes, bounds});
    expect_kernel("cpu.quantize",
                  {"%x: f32[2,20,n]", cat("QuantizeLinear(%x, @s, @z) axis=1", out),
                   cat("@s : f32[20]\n  @z : ", type, "[20]"), "%y", sizes, bounds});
    expect_kernel("cpu.quantize", {"%x: f32[n,20]", cat("QuantizeLinear(%x, @s) axis=-1", out),
                                   "@s : f32[20]", "%y", sizes, bounds});
    expect_kernel("cpu.quantize",
                  {cat("%x: ", type, "[n]"),
                   cat("DequantizeLinear(%x, f32[]{0.1}, ", type, "[]{7})"), "", "%y", sizes});
    expect_kernel("cpu.quantize", {cat("%x: ", type, "[20,n]"),
                                   "DequantizeLinear(%x, @s, @z) axis=0",
                                   cat("@s : f32[20]\n  @z : ", type, "[20]"),
                                   "%y",
                                   sizes,
                                   {{"s", {0.05, 0.2}}}});
    for (const char* op : {"QLinearAdd", "QLinearMul"})
      expect_kernel("cpu.qlinear_pointwise",
                    {cat("%a: ", type, "[3,n], %b: ", type, "[n]"),
                     cat(op, "(%a, f32[]{0.1}, ", type, "[]{3}, %b, f32[]{0.07}, ", type,
                         "[]{5}, f32[]{0.2}, ", type, "[]{9})"),
                     "", "%y", sizes});
    // Sums that are whole, halves, and anything; too large for f32.
    for (const char* scales : {"0.1 0.1 0.1", "0.25 0.5 0.5", "0.1 0.07 0.011", "3 0.5 0.00001"}) {
      std::string a, b, y;
      std::istringstream(scales) >> a >> b >> y;
      expect_kernel("cpu.qlinear_pointwise",
                    {cat("%a: ", type, "[3,n], %b: ", type, "[3,n]"),
                     cat("QLinearAdd(%a, f32[]{", a, "}, ", type, "[]{3}, %b, f32[]{", b, "}, ",
                         type, "[]{5}, f32[]{", y, "}, ", type, "[]{9})"),
                     "", "%y", sizes});
    }
  }
  expect_kernel(
      "cpu.quantize",
      {"%x: i32[n]", "DequantizeLinear(%x, f32[]{0.1})", "", "%y", sizes, {{"x", {-1e9, 1e9}}}});
}

TEST_P(QuantizedKernelTest, Means) {
  for (const char* type : {"u8", "i8"}) {
    const std::string in = cat("%x: ", type, "[2,3,h,9]");
    const std::string operands =
        cat("(%x, f32[]{0.1}, ", type, "[]{3}, f32[]{0.07}, ", type, "[]{5}) ");
    const auto sizes = each("h", {4, 7, 30});
    for (const char* fields : {"kernel_shape=[2,3] strides=[2,1]",
                               "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] ceil_mode=true",
                               "kernel_shape=[3,2] pads=[1,0,1,1] count_include_pad=true"})
      expect_kernel("cpu.qlinear_pool",
                    {in, cat("QLinearAveragePool", operands, fields), "", "%y", sizes});
    expect_kernel("cpu.qlinear_pool",
                  {in, cat("QLinearGlobalAveragePool", operands), "", "%y", sizes});
  }
}

TEST_P(QuantizedKernelTest, Softmax) {
  for (const char* type : {"u8", "i8"})
    for (const char* fields : {"", "axis=1 flatten=true"})
      expect_kernel("cpu.qlinear_softmax",
                    {cat("%x: ", type, "[2,3,n]"),
                     cat("QLinearSoftmax(%x, f32[]{0.05}, ", type, "[]{3}, f32[]{0.00390625}, ",
                         type, "[]{0}) ", fields),
                     "", "%y", each("n", {1, 7, 197, 600})});
}

TEST_P(QuantizedKernelTest, TablesOfFunctions) {
  const auto sizes = each("n", {0, 1, 37, 40000});
  for (const char* type : {"u8", "i8"}) {
    const std::string in = cat("%x: ", type, "[2,n]"), zero = cat(type, "[]{5}");
    expect_kernel("cpu.byte_table", {in,
                                     cat("QLinearMul(%x, f32[]{0.1}, ", zero, ", ", type,
                                         "[]{9}, f32[]{0.07}, ", zero, ", f32[]{0.2}, ", zero, ")"),
                                     "", "%y", sizes});
    // What an exporter makes of an activation, x read twice.
    expect_kernel("cpu.byte_table",
                  {in,
                   cat("QLinearMul(%x, f32[]{0.03}, ", zero, ", %q, f32[]{0.01}, ", zero,
                       ", f32[]{0.03}, ", zero, ")"),
                   "",
                   "%y",
                   sizes,
                   {},
                   0,
                   {cat("%d = DequantizeLinear(%x, f32[]{0.03}, ", zero, ")"), "%e = Erf(%d)",
                    cat("%q = QuantizeLinear(%e, f32[]{0.01}, ", zero, ") output_dtype=", type)}});
    // A batch of one.
    expect_kernel(
        "cpu.byte_table",
        {cat("%x: ", type, "[1,n,3]"),
         cat("QuantizeLinear(%e, f32[]{0.01}, ", zero, ") output_dtype=", type),
         "",
         "%y",
         sizes,
         {},
         0,
         {cat("%d = DequantizeLinear(%x, f32[]{0.03}, ", zero, ")"), "%e = Sigmoid(%d)"}});
    EXPECT_EQ(
        refusal("cpu.byte_table", {cat(in, ", %z: ", type, "[2,n]"),
                                   cat("QLinearMul(%x, f32[]{0.1}, ", zero, ", %z, f32[]{0.07}, ",
                                       zero, ", f32[]{0.2}, ", zero, ")")}),
        "no function from one element of 8 bits to another one");
  }
}

TEST_P(QuantizedKernelTest, RangesOfTheirOwn) {
  const auto sizes = each("n", {0, 1, 9, 3000, 70000});
  for (const ElementBounds bounds : {ElementBounds{-3, 9}, {2, 9}, {-9, -3}, {0, 0}})
    expect_kernel(
        "cpu.dynamic_quantize",
        {"%x: f32[n]", "DynamicQuantizeLinear(%x)", "", "%y, %s, %z", sizes, {{"x", bounds}}, 0});
  expect_kernel("cpu.dynamic_quantize",
                {"%x: f32[n]", "DynamicQuantizeLinear(%x)", "", "%y, _, %z", sizes, {}, 0});
}

TEST_P(QuantizedKernelTest, WeightsOfFewBits) {
  for (const auto& [bits, blocks, bytes] : {std::tuple{4, 3, 8}, {8, 3, 16}, {2, 3, 4}}) {
    const std::string weight = cat("@b : u8[20,", blocks, ",", bytes, "]\n  @s : f32[20,", blocks,
                                   "]\n  @z : u8[20,", (blocks * bits + 7) / 8, "]");
    const std::string fields = cat(" K=40 N=20 bits=", bits, " block_size=16");
    const std::map<std::string, ElementBounds> bounds = {{"s", {0.05, 0.2}}};
    for (const char* operands : {"(%x, @b, @s, @z)", "(%x, @b, @s)"})
      expect_kernel("cpu.matmul.nbits", {"%x: f32[2,m,40]", cat("MatMulNBits", operands, fields),
                                         weight, "%y", each("m", {0, 1, 7, 40}), bounds});
    expect_kernel("cpu.matmul.nbits",
                  {"%x: f32[m,40], %c: f32[20]", cat("MatMulNBits(%x, @b, @s, _, _, %c)", fields),
                   weight, "%y", each("m", {1, 9}), bounds});
  }
}

TEST_P(KernelTest, ProductsWithWeightsOfFourBits) {
  const std::vector<Bindings> rows = each("m", {0, 1, 2, 3, 5, 7, 8, 9, 40});
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "no code is generated";
  // A last block that is not whole; columns that are no whole panel, one and several.
  for (const int columns : {5, 16, 70, 200})
    for (const int block : {16, 32}) {
      const std::string n = cat(columns), blocks = cat(block == 16 ? 5 : 3);
      const std::string weights =
          cat("@w : u8[", n, ",", blocks, ",", block / 2, "]\n  @s : f32[", n, ",", blocks, "]");
      const std::string fields = cat(" K=72 N=", n, " bits=4 block_size=", block);
      expect_kernel("cpu.matmul.nibbles",
                    {"%x: f32[m,72]", "MatMulNBits(%x, @w, @s)" + fields, weights, "%y", rows});
      expect_kernel(
          "cpu.matmul.nibbles",
          {"%x: f32[2,m,72]", "MatMulNBits(%x, @w, @s, @z, _, @b)" + fields,
           cat(weights, "\n  @z : u8[", n, ",", block == 16 ? 3 : 2, "]\n  @b : f32[", n, "]"),
           "%y", rows});
      expect_kernel("cpu.matmul.nibbles",
                    {"%x: f32[m,72]", "MatMulNBits(%x, @w, @s, @z)" + fields,
                     cat(weights, "\n  @z : f32[", n, ",", blocks, "]"), "%y", rows});
    }
  EXPECT_EQ(refusal("cpu.matmul.nibbles",
                    {"%x: f32[2,36]", "MatMulNBits(%x, @w, @s) K=36 N=4 bits=4 block_size=16",
                     "@w : u8[4,3,8]\n  @s : f32[4,3]"}),
            "4 or 8 bits, whole words of them, only");
}

TEST_P(KernelTest, ProductsWithWeightsOfBytes) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "no code is generated";
  const std::vector<Bindings> rows = each("m", {0, 1, 3, 8, 40});
  for (const int columns : {5, 70}) {
    const std::string n = cat(columns), fields = cat(" K=72 N=", n, " bits=8 block_size=32");
    const std::string weights = cat("@w : u8[", n, ",3,32]\n  @s : f32[", n, ",3]");
    expect_kernel("cpu.matmul.nibbles",
                  {"%x: f32[m,72]", "MatMulNBits(%x, @w, @s)" + fields, weights, "%y", rows});
    expect_kernel("cpu.matmul.nibbles",
                  {"%x: f32[m,72]", "MatMulNBits(%x, @w, @s, @z, _, @b)" + fields,
                   cat(weights, "\n  @z : u8[", n, ",3]\n  @b : f32[", n, "]"), "%y", rows});
  }
}

TEST_P(KernelTest, ProductsOfRoundedRows) {
  // Bytes have 127 steps: what is rounded away is a third of one on average.
  const std::vector<Bindings> rows = each("m", {0, 1, 3, 9, 70});
  for (const int bits : {4, 8})
    for (const int columns : {5, 150})
      for (const int block : {16, 128}) {
        const std::string n = cat(columns), blocks = cat((136 + block - 1) / block);
        KernelCase given{"%x: f32[m,136]",
                         cat("MatMulNBits(%x, @w, @s) K=136 N=", n, " bits=", bits,
                             " block_size=", block, " accuracy_level=4"),
                         cat("@w : u8[", n, ",", blocks, ",", block * bits / 8, "]\n  @s : f32[", n,
                             ",", blocks, "]"),
                         "%y", rows};
        given.tolerance = 3e-2;
        expect_kernel("cpu.matmul.rounded", given);
        const int zeros =
            bits == 8 ? (136 + block - 1) / block : ((136 + block - 1) / block + 1) / 2;
        given.node = cat("MatMulNBits(%x, @w, @s, @z, _, @b) K=136 N=", n, " bits=", bits,
                         " block_size=", block, " accuracy_level=4");
        given.weights += cat("\n  @z : u8[", n, ",", zeros, "]\n  @b : f32[", n, "]");
        expect_kernel("cpu.matmul.rounded", given);
      }
}

TEST_P(QuantizedKernelTest, WrongSizesAreTold) {
  // Type rules leave the number of scales to running.
  EXPECT_EQ(kernel_error("cpu.qconv.im2col",
                         {"%x: u8[1,2,3,3], %s: f32[n]",
                          "QLinearConv(%x, f32[]{1}, u8[]{0}, @w, %s, u8[]{0}, f32[]{1}, u8[]{0})",
                          "@w : u8[5,2,2,2]", "%y", each("n", {3})}),
            "operand 4 has 3 elements for 5 filters");
  EXPECT_EQ(
      refusal("cpu.qconv.im2col",
              {"%x: u8[1,2,3,3]",
               "QLinearConv(%x, f32[]{1}, u8[]{0}, @w, f32[]{1}, u8[2]{0,1}, f32[]{1}, u8[]{0})",
               "@w : u8[5,2,2,2]"}),
      "the weight's zero points are not one a filter");
}

}  // namespace hone::test::quantized_test
