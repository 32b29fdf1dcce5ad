// Ops of integers and truths, and conversions, element by element: every element type.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <sstream>

#include "device/cpu/elementwise.hpp"
#include "device/kernel_case.hpp"
#include "ops/arithmetic.hpp"
#include "support/rng.hpp"

namespace hone::test::elements_test {

constexpr const char* kKernel = "cpu.elementwise";
const std::vector<std::string> kSigned = {"i8", "i16", "i32", "i64"};
const std::vector<std::string> kWhole = {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"};

TEST_P(KernelTest, PairsOfIntegers) {
  for (const char* op :
       {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Equal", "Less", "Greater", "LessOrEqual",
        "GreaterOrEqual", "BitwiseAnd", "BitwiseOr", "BitwiseXor"})
    for (const std::string& type : kWhole) {
      const std::string node = cat(op, "(%a, %b)");
      expect_kernel(kKernel, {cat("%a: ", type, "[3,n], %b: ", type, "[3,1]"), node, "", "%y",
                              each("n", {1, 37, 700})});
      expect_kernel(kKernel, {cat("%a: ", type, "[n], %b: ", type, "[3,n]"), node, "", "%y",
                              each("n", {1, 300})});
    }
}

/// Bit for bit what std::fmod says: of any floats, of those beside a multiple of the other one.
TEST(Elementwise, RemaindersAreExact) {
  Rng rng(20261204);
  const auto any = [&] {
    return std::bit_cast<float>(static_cast<uint32_t>(rng.below(1LL << 32)));
  };
  std::vector<float> a, b;
  for (int i = 0; i < 100'000; ++i) {
    const float first = any(), other = any();
    const auto times = static_cast<float>(rng.below(1 << rng.between(1, 26)));
    const float near = rng.among({other * times, std::nextafter(other * times, 0.0F),
                                  std::nextafter(-other * times, INFINITY), first});
    a.push_back(near), b.push_back(other);
  }
  for (const bool c_like : {true, false}) {
    Mod mod;
    mod.fmod = c_like;
    const auto function =
        cpu::elementwise_ops().at(&op_class<Mod>()).of(&mod, {DType::f32, DType::f32}, DType::f32);
    for (const auto& [step_a, step_b] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
      std::vector<float> found(a.size());
      cpu::Row row;
      row.count = std::ssize(a);
      row.at[0] = reinterpret_cast<const std::byte*>(a.data());
      row.at[1] = reinterpret_cast<const std::byte*>(b.data());
      row.step[0] = step_a, row.step[1] = step_b;
      row.to = reinterpret_cast<std::byte*>(found.data());
      function(&mod, cpu::row_functions(), row);
      for (size_t i = 0; i < a.size(); ++i) {
        const float left = a[step_a == 0 ? 0 : i], right = b[step_b == 0 ? 0 : i];
        const float wanted = mod.of(left, right);
        if (std::isnan(wanted) && std::isnan(found[i])) continue;
        ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(wanted))
            << left << " and " << right << ": " << found[i] << ", wanted " << wanted;
      }
    }
  }
}

/// Dividing by 0 and -1, the smallest and the largest numbers.
TEST_P(KernelTest, QuotientsAtTheEnds) {
  const std::map<std::string, std::string> ends = {
      {"i8", "{-128,127,-1,0,1,-128,7,-7}"},
      {"i16", "{-32768,32767,-1,0,1,-32768,7,-7}"},
      {"i32", "{-2147483648,2147483647,-1,0,1,7,-7,2}"},
      {"u8", "{255,254,1,0,2,128,127,7}"},
      {"u16", "{65535,65534,1,0,2,32768,9,7}"},
      {"u32", "{4294967295,4294967294,1,0,2,3,9,7}"}};
  for (const auto& [type, numbers] : ends) {
    const std::string line = cat(type, "[8]", numbers), column = cat(type, "[8,1]", numbers);
    expect_kernel(kKernel, {"", cat("Div(", line, ", ", column, ")")});
  }
}

TEST_P(KernelTest, PairsOfTruths) {
  for (const char* op : {"And", "Or", "Xor"})
    for (const char* other : {"[3,n]", "[n]", "[3,1]", "[]"})
      expect_kernel(kKernel, {cat("%a: bool[3,n], %b: bool", other), cat(op, "(%a, %b)"), "", "%y",
                              each("n", {1, 37, 700})});
}

TEST_P(KernelTest, QuotientsByOneNumber) {
  for (const std::string& type : kWhole)
    for (const char* divisor : {"1", "2", "3", "7", "100", "0"})
      expect_kernel(kKernel, {cat("%a: ", type, "[n]"), cat("Div(%a, ", type, "[]{", divisor, "})"),
                              "", "%y", each("n", {1, 37, 700})});
  for (const char* divisor : {"1", "-1", "3", "-7", "2147483647", "-2147483648"})
    expect_kernel(kKernel, {"%a: i32[n]",
                            cat("Div(%a, i32[]{", divisor, "})"),
                            "",
                            "%y",
                            each("n", {700}),
                            {{"a", {-2147483648.0, 2147483647.0}}}});
}

TEST_P(KernelTest, Shifts) {
  for (const char* type : {"u8", "u16", "u32", "u64"})
    for (const char* direction : {"LEFT", "RIGHT"}) {
      const std::string fields = cat(" direction=", direction);
      expect_kernel(kKernel,
                    {cat("%a: ", type, "[n]"), cat("BitShift(%a, ", type, "[]{3})", fields), "",
                     "%y", each("n", {1, 300})});
      expect_kernel(kKernel, {cat("%a: ", type, "[2,8]"),
                              cat("BitShift(%a, ", type, "[8]{0,1,7,8,16,31,32,64})", fields)});
    }
}

TEST_P(KernelTest, SingleIntegers) {
  const std::vector<Bindings> sizes = each("n", {1, 37, 1500});
  for (const std::string& type : kWhole) {
    const std::string input = cat("%x: ", type, "[n]");
    for (const char* op : {"BitwiseNot", "Sign", "Abs"})
      expect_kernel(kKernel, {input, cat(op, "(%x)"), "", "%y", sizes});
    const std::string least = cat(type, "[]{2}"), most = cat(type, "[]{5}");
    expect_kernel(kKernel, {input, cat("Clip(%x, ", least, ", ", most, ")"), "", "%y", sizes});
    expect_kernel(kKernel, {input, cat("Clip(%x, ", least, ")"), "", "%y", sizes});
    expect_kernel(kKernel, {input, cat("Clip(%x, _, ", most, ")"), "", "%y", sizes});
    expect_kernel(kKernel, {input, "Clip(%x)", "", "%y", sizes});
  }
  for (const std::string& type : kSigned)
    for (const char* op : {"Neg", "Relu"})
      expect_kernel(kKernel, {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes});
  expect_kernel(kKernel, {"", "Abs(i8[3]{-128,127,-1})"});
}

TEST_P(KernelTest, ChoicesOfEveryWidth) {
  for (const char* type : {"u8", "f16", "f32", "i64"})
    for (const char* shapes : {"[3,n] [3,n] [3,n]", "[3,n] [3,1] [n]", "[3,n] [] [3,n]",
                               "[3,1] [3,n] [n]", "[n] [3,n] []"}) {
      std::string m, x, y;
      std::istringstream(shapes) >> m >> x >> y;
      expect_kernel(kKernel, {cat("%m: bool", m, ", %x: ", type, x, ", %y0: ", type, y),
                              "Where(%m, %x, %y0)", "", "%y", each("n", {1, 37, 600})});
    }
}

TEST_P(KernelTest, CastsBetweenAllTypes) {
  const std::vector<std::string> types = {"f64", "f32", "f16", "bf16", "i64", "i32", "i16",
                                          "i8",  "u64", "u32", "u16",  "u8",  "bool"};
  for (const std::string& from : types)
    for (const std::string& to : types)
      if (from != to)
        expect_kernel(kKernel, {cat("%x: ", from, "[n]"), cat("Cast(%x) to=", to), "", "%y",
                                each("n", {1, 300})});
  // Numbers that f16 rounds, and those that are too large for it.
  for (const char* from : {"i64", "i32", "u32", "i16"})
    for (const char* to : {"f16", "bf16", "f32"})
      expect_kernel(kKernel, {"", cat("Cast(", from, "[6]{2049,2051,32767,4097,0,1}) to=", to)});
  for (const char* to : {"f16", "bf16", "f32"})
    expect_kernel(kKernel, {"", cat("Cast(i64[5]{65519,65520,16777217,-65520,33554435}) to=", to)});
  for (const char* from : {"f64", "f32", "f16"})
    for (const char* to : {"i64", "i32", "i16", "i8", "u32", "u16", "u8", "bool"})
      expect_kernel(kKernel,
                    {"", cat("Cast(", from, "[7]{1.5,-1.5,300,60000,-0,nan,inf}) to=", to)});
}

/// Functions of f32 and halves, where their vectors and their own evaluation meet.
TEST_P(KernelTest, FunctionsOfOneOperand) {
  const std::vector<Bindings> sizes = each("n", {1, 37, 700});
  for (const char* type : {"f32", "f16", "f64"}) {
    for (const char* op : {"Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Softsign",
                           "LeakyRelu", "Elu", "Selu", "Celu", "Elu alpha=0.5", "Celu alpha=0.5",
                           "Celu alpha=-0.5", "Floor", "Ceil", "Round", "ThresholdedRelu"}) {
      const std::string all(op), word = all.substr(0, all.find(' '));
      expect_kernel(kKernel, {cat("%x: ", type, "[n]"),
                              cat(word, "(%x)", all.substr(word.size())),
                              "",
                              "%y",
                              sizes,
                              {{"x", {-1.5, 1.5}}}});
    }
    for (const char* op : {"Asin", "Acos", "Atanh"})
      expect_kernel(
          kKernel,
          {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes, {{"x", {-0.99, 0.99}}}});
    for (const char* op : {"Acosh", "Log", "Sqrt", "Reciprocal"})
      expect_kernel(kKernel,
                    {cat("%x: ", type, "[n]"), cat(op, "(%x)"), "", "%y", sizes, {{"x", {1, 50}}}});
  }
  for (const char* op : {"Sin", "Cos"})
    expect_kernel(kKernel, {"%x: f32[n]", cat(op, "(%x)"), "", "%y", sizes, {{"x", {-1e6, 1e6}}}});
}

}  // namespace hone::test::elements_test
