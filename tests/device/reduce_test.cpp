// Reductions against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::reduce_test {

constexpr const char* kOps[] = {"ReduceSum",    "ReduceMean",     "ReduceMax", "ReduceMin",
                                "ReduceL2",     "ReduceProd",     "ReduceL1",  "ReduceSumSquare",
                                "ReduceLogSum", "ReduceLogSumExp"};

TEST_P(KernelTest, Reductions) {
  const std::vector<Bindings> sizes = each("n", {1, 2, 33, 5000});
  for (const char* op : kOps) {
    const auto reduces = [&](const std::string& inputs, const std::string& fields) {
      // Sums of positive numbers have logarithms; a product of many stays finite.
      const ElementBounds bounds = std::string(op) == "ReduceProd"     ? ElementBounds{0.999, 1.001}
                                   : std::string(op) == "ReduceLogSum" ? ElementBounds{0.1, 2}
                                                                       : ElementBounds{-2, 2};
      expect_kernel("cpu.reduce",
                    {inputs, cat(op, "(%x)", fields), "", "%y", sizes, {{"x", bounds}}});
    };
    reduces("%x: f32[5,n]", " axes=[-1]");
    reduces("%x: f32[5,n]", " axes=[0] keepdims=false");
    reduces("%x: f32[2,n,3]", " axes=[1]");
    reduces("%x: f32[2,3,n,4]", " axes=[2,3]");
    reduces("%x: f32[2,n,3]", " axes=[0,2]");
    reduces("%x: f32[2,n,3,2]", " axes=[0,2] keepdims=false");
    reduces("%x: f32[n,3]", "");
    reduces("%x: f32[n,3]", " axes=[] noop_with_empty_axes=true");
  }
  for (const char* op : {"GlobalAveragePool", "GlobalMaxPool"})
    expect_kernel("cpu.reduce", {"%x: f32[2,3,n,2]", cat(op, "(%x)"), "", "%y", sizes});
}

/// Lines that are put side by side, in blocks of 64 and what is left of one.
TEST_P(KernelTest, ReductionsOfShortLines) {
  for (const char* op : kOps)
    for (const int64_t line : {2, 3, 8, 31, 32, 33, 49, 64, 65}) {
      const bool product = std::string(op) == "ReduceProd";
      const ElementBounds bounds = product || std::string(op) == "ReduceLogSum"
                                       ? ElementBounds{0.9, 1.1}
                                       : ElementBounds{-2, 2};
      expect_kernel("cpu.reduce", {cat("%x: f32[n,", line, "]"),
                                   cat(op, "(%x) axes=[1]"),
                                   "",
                                   "%y",
                                   each("n", {1, 5, 64, 65, 700}),
                                   {{"x", bounds}}});
    }
  expect_kernel("cpu.reduce",
                {"", "ReduceMax(f32[3,4]{1,nan,2,3,-inf,-inf,-inf,-inf,4,3,2,inf}) axes=[1]"});
}

TEST_P(KernelTest, ReductionsOfRandomAxes) {
  Rng rng(20261208);
  for (int i = 0; i < 60; ++i) {
    const std::string op = kOps[static_cast<size_t>(rng.below(10))];
    std::vector<std::string> types = {"f32", "f32", "f16", "bf16"};
    if (op != "ReduceLogSumExp") types.push_back("f64");
    if (op != "ReduceLogSumExp" && op != "ReduceL2" && op != "ReduceLogSum")
      types.insert(types.end(), {"i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"});
    const std::string dtype = rng.among(types);
    std::string axes;
    for (int d = 0; d < 4; ++d)
      if (rng.percent(50)) axes += cat(axes.empty() ? "" : ",", rng.percent(50) ? d : d - 4);
    KernelCase given{cat("%x: ", dtype, "[a,b,c,d]"),
                     cat(op, "(%x) axes=[", axes, "]", rng.percent(50) ? " keepdims=false" : ""),
                     "",
                     "%y",
                     {{{"a", 2}, {"b", 3}, {"c", 4}, {"d", 5}},
                      {{"a", 1}, {"b", 40}, {"c", 3}, {"d", 1}},
                      {{"a", 3}, {"b", 1}, {"c", 2}, {"d", 600}},
                      {{"a", 2}, {"b", 3}, {"c", 0}, {"d", 2}}}};
    if (op == "ReduceProd" && dtype[0] != 'i' && dtype[0] != 'u') given.bounds["x"] = {0.9, 1.1};
    if (op == "ReduceLogSum") given.bounds["x"] = {0.1, 2};
    SCOPED_TRACE(cat(dtype, " ", given.node));
    expect_kernel("cpu.reduce", given);
  }
}

TEST_P(KernelTest, ReductionsOfNan) {
  for (const char* op : kOps)
    for (const char* numbers : {"1,nan,2,3,nan,-4", "inf,1,2,-inf,-inf,-1", "nan,inf,nan,-1,nan,0",
                                "-inf,-inf,-inf,-inf,-inf,-inf"})
      for (const char* type : {"f32", "f64", "f16"}) {
        if (std::string(op) == "ReduceLogSumExp" && std::string(type) == "f64") continue;
        const std::string x = cat(type, "[2,3]{", numbers, "}");
        for (const char* axes : {"[0]", "[1]", "[0,1]"})
          expect_kernel("cpu.reduce", {"", cat(op, "(", x, ") axes=", axes)});
      }
}

TEST_P(KernelTest, RefusedReductions) {
  EXPECT_EQ(refusal("cpu.reduce", {"%x: f32[2,3], %a: i64[1]", "ReduceSum(%x, %a)"}),
            "the axes are computed");
  EXPECT_EQ(refusal("cpu.reduce", {"%x: i32[2,3]", "ReduceL2(%x)"}),
            "this fold of f32, f16 and bf16 only");
}

}  // namespace hone::test::reduce_test
