// Kernels whose results follow from places and sizes, against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::generate_test {

TEST_P(KernelTest, ConstantOfShape) {
  for (const char* value : {"f32[1]{1.5}", "f64[1]{-2}", "f16[1]{3}", "i64[1]{-7}", "i32[1]{7}",
                            "u8[1]{200}", "bool[1]{true}"})
    expect_kernel("cpu.fill",
                  {"%n: i64[n,3]", "ConstantOfShape() shape=[n,5] value=" + std::string(value), "",
                   "%y", each("n", {0, 1, 40000})});
}

TEST_P(KernelTest, Range) {
  for (const char* type : {"i64", "i32"})
    expect_kernel("cpu.fill", {"%x: f32[n]", cat("Range(", type, "[]{-3}, ", type, "[]{4000}, ",
                                                 type, "[]{7})")});
  for (const char* type : {"f64", "f32"})
    expect_kernel("cpu.fill",
                  {"", cat("Range(", type, "[]{2}, ", type, "[]{-10000}, ", type, "[]{-0.1})")});
}

TEST_P(KernelTest, Trilu) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 5}, {"w", 7}},
                                       {{"n", 1}, {"h", 200}, {"w", 90}},
                                       {{"n", 1}, {"h", 0}, {"w", 3}},
                                       {{"n", 3}, {"h", 2}, {"w", 0}}};
  for (const char* type : {"f32", "f64", "f16", "i64", "bool"})
    for (const char* fields : {"", " upper=false", " k=[1]", " k=[-2]", " k=[100] upper=false",
                               " k=[-1000]", " k=[-1] upper=false", " k=[h-w]"})
      expect_kernel("cpu.trilu",
                    {cat("%x: ", type, "[n,h,w]"), cat("Trilu(%x)", fields), "", "%y", sizes});
}

TEST_P(KernelTest, OneHot) {
  for (const char* index : {"i64", "i32"})
    for (const char* values :
         {"f32[2]{0.5,2}", "i64[2]{0,1}", "bool[2]{false,true}", "f16[2]{1,0}"})
      for (const int axis : {-1, 0, 1, 2})
        expect_kernel("cpu.one_hot",
                      {cat("%i: ", index, "[n,k]"),
                       cat("OneHot(%i, i64[]{6}, ", values, ") axis=", axis),
                       "",
                       "%y",
                       {{{"n", 3}, {"k", 5}}, {{"n", 1}, {"k", 9000}}, {{"n", 0}, {"k", 4}}},
                       {{"i", {-9, 9}}}});
}

}  // namespace hone::test::generate_test
