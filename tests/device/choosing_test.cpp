// Kernels that choose elements by comparing them: ArgMax, ArgMin, Hardmax, TopK.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::choosing_test {

TEST_P(KernelTest, ArgMaxAndArgMin) {
  Rng rng(20261202);
  for (int i = 0; i < 40; ++i) {
    const std::string dtype = rng.among<std::string>(
        {"f32", "f32", "f32", "f64", "f16", "bf16", "i64", "i32", "i8", "u8"});
    const std::string node = cat(
        rng.percent(50) ? "ArgMax" : "ArgMin", "(%x) axis=", rng.between(-3, 2),
        rng.percent(50) ? " keepdims=false" : "", rng.percent(50) ? " select_last_index=true" : "");
    std::vector<Bindings> sizes;
    for (int j = 0; j < 3; ++j)
      sizes.push_back({{"a", rng.among({1, 2, 3, 7})},
                       {"b", rng.among({1, 4, 33})},
                       {"c", rng.among({1, 5, 64, 1100})}});
    KernelCase given{cat("%x: ", dtype, "[a,b,c]"), node, "", "%y", sizes};
    // Few different numbers, so that there are equal ones; and many.
    given.bounds["x"] = rng.percent(50) ? ElementBounds{0, 4} : ElementBounds{0, 120};
    SCOPED_TRACE(cat(dtype, " ", node));
    expect_kernel("cpu.arg", given);
  }
  expect_kernel("cpu.arg", {"%x: f32[2,n,0]", "ArgMax(%x) axis=1", "", "%y", each("n", {3})});
  expect_kernel("cpu.arg", {"%x: f32[]", "ArgMin(%x)"});
}

/// The literal's first, of NaN and infinities too; rows longer than a block.
TEST_P(KernelTest, ArgMaxOfNan) {
  for (const char* op : {"ArgMax", "ArgMin"})
    for (const char* last : {"", " select_last_index=true"})
      for (const char* axis : {" axis=0", " axis=1"}) {
        const std::string fields = cat(axis, last);
        expect_kernel("cpu.arg",
                      {"", cat(op, "(f32[2,5]{1,nan,inf,nan,-inf,-inf,-inf,inf,inf,2})", fields)});
        expect_kernel(
            "cpu.arg",
            {"%x: f16[3,4]", cat(op, "(f16[2,5]{nan,nan,inf,1,-inf,0,-0,inf,inf,2})", fields)});
        expect_kernel("cpu.arg", {"", cat(op, "(f32[2,3]{-inf,-inf,-inf,inf,inf,inf})", fields)});
      }
}

TEST_P(KernelTest, HardmaxOfLanes) {
  Rng rng(20261130);
  for (const char* dtype : {"f32", "f64", "f16", "bf16"})
    for (const char* fields :
         {"", " axis=1", " axis=0", " axis=1 flatten=true", " axis=0 flatten=true"}) {
      KernelCase given{cat("%x: ", dtype, "[a,3,c]"),
                       cat("Hardmax(%x)", fields),
                       "",
                       "%y",
                       {{{"a", 1}, {"c", 1}},
                        {{"a", 4}, {"c", 700}},
                        {{"a", 2}, {"c", 1100}},
                        {{"a", 0}, {"c", 3}},
                        {{"a", 2}, {"c", 0}}}};
      given.bounds["x"] = rng.percent(50) ? ElementBounds{0, 4} : ElementBounds{0, 120};
      SCOPED_TRACE(cat(dtype, fields));
      expect_kernel("cpu.arg", given);
    }
  for (const char* dtype : {"f32", "f64", "f16"})
    for (const int64_t size : {2, 4, 29, 33})
      expect_kernel("cpu.arg", {cat("%x: ", dtype, "[n,", size, "]"), "Hardmax(%x)", "", "%y",
                                each("n", {1, 64, 65, 200})});
  expect_kernel("cpu.arg", {"", "Hardmax(f32[2,5]{1,nan,inf,nan,-inf,-inf,-inf,-inf,-inf,-inf})"});
  expect_kernel("cpu.arg", {"%x: f32[]", "Hardmax(%x)"});
}

TEST_P(KernelTest, TopK) {
  Rng rng(20261203);
  for (int i = 0; i < 40; ++i) {
    const std::string dtype = rng.among<std::string>(
        {"f32", "f32", "f32", "f64", "f16", "bf16", "i64", "i32", "i8", "u8"});
    const int64_t axis = rng.between(-2, 1), k = rng.among({0, 1, 2, 7, 50, 400, 700});
    const std::string node =
        cat("TopK(%x) k=[", k, "] axis=", axis, rng.percent(50) ? " largest=false" : "",
            rng.percent(50) ? " sorted=false" : "");
    std::vector<Bindings> sizes;
    for (const int64_t more : {0, 1, 900})
      sizes.push_back({{"a", axis % 2 == 0 ? k + more : 3}, {"b", axis % 2 == 0 ? 3 : k + more}});
    KernelCase given{cat("%x: ", dtype, "[a,b]"), node, "", "%y, %i", sizes};
    if (rng.percent(20)) given.results = "%y";
    else if (rng.percent(20)) given.results = "_, %i";
    given.bounds["x"] = rng.percent(50) ? ElementBounds{0, 4} : ElementBounds{0, 120};
    SCOPED_TRACE(cat(dtype, " ", node));
    expect_kernel("cpu.top_k", given);
  }
}

TEST_P(KernelTest, TopKOfNan) {
  for (const char* largest : {"", " largest=false"})
    for (const char* type : {"f32", "f64", "f16", "bf16"})
      expect_kernel(
          "cpu.top_k",
          {"", cat("TopK(", type, "[10]{1,nan,-0,0,-inf,inf,-0,nan,0,-1}) k=[9]", largest), "",
           "%y, %i"});
}

TEST_P(KernelTest, NothingToChooseFrom) {
  EXPECT_NE(kernel_error("cpu.arg", {"%x: f32[2,n]", "ArgMax(%x) axis=1", "", "%y", each("n", {0})})
                .find("nothing to choose from along axis 1 of [2,0]"),
            std::string::npos);
}

}  // namespace hone::test::choosing_test
