// Kernels that gather and scatter by indices, against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::indices_test {

const std::vector<std::string> kAnyType = {"f32", "f64", "f16", "bf16", "i64", "i32", "u8", "bool"};
const std::vector<std::string> kNumbers = {"f32", "f64", "f16", "bf16", "i64", "i32"};

TEST_P(KernelTest, GatherElements) {
  Rng rng(20261204);
  for (int i = 0; i < 40; ++i) {
    const std::string dtype = rng.among(kAnyType), index = rng.percent(50) ? "i64" : "i32";
    const int64_t axis = rng.between(-3, 2), size = rng.among({1, 3, 20});
    const auto along = static_cast<size_t>(axis < 0 ? axis + 3 : axis);
    std::string data[3] = {"a", "b", "c"}, indices[3] = {"a", "b", "c"};
    data[along] = cat(size);
    if (rng.percent(50) && along != 1) indices[1] = "2";  // fewer than the data has
    KernelCase given{cat("%x: ", dtype, "[", data[0], ",", data[1], ",", data[2], "], %i: ", index,
                         "[", indices[0], ",", indices[1], ",", indices[2], "]"),
                     cat("GatherElements(%x, %i) axis=", axis),
                     "",
                     "%y",
                     {{{"a", 3}, {"b", 5}, {"c", 9}},
                      {{"a", 2}, {"b", 40}, {"c", 300}},
                      {{"a", 0}, {"b", 2}, {"c", 4}}}};
    const auto bound = static_cast<double>(size);
    given.bounds["i"] = {-bound, bound - 0.01};
    SCOPED_TRACE(cat(given.inputs, " ", given.node));
    expect_kernel("cpu.gather_elements", given);
  }
  expect_kernel(
      "cpu.gather_elements",
      {"%x: f32[3], %i: i64[40000]", "GatherElements(%x, %i)", "", "%y", {{}}, {{"i", {-3, 2.9}}}});
  EXPECT_NE(kernel_error("cpu.gather_elements",
                         {"%x: f32[3,4]", "GatherElements(%x, i64[1,2]{0,4}) axis=1"})
                .find("index 4 is out of range for size 4"),
            std::string::npos);
  EXPECT_NE(kernel_error("cpu.gather_elements",
                         {"%x: f32[3,4]", "GatherElements(%x, i64[1,2]{0,-5}) axis=1"})
                .find("index -5 is out of range for size 4"),
            std::string::npos);
}

TEST_P(KernelTest, GatherNd) {
  Rng rng(20261205);
  for (int i = 0; i < 40; ++i) {
    const std::string dtype = rng.among(kAnyType), index = rng.percent(50) ? "i64" : "i32";
    const int64_t batch = rng.between(0, 2), width = rng.between(1, 3);
    const std::vector<std::string> batches = {"", "n,", "n,2,"};
    KernelCase given{
        cat("%x: ", dtype, "[", batches[static_cast<size_t>(batch)], "5,5,5], %i: ", index, "[",
            batches[static_cast<size_t>(batch)], "k,", width, "]"),
        cat("GatherND(%x, %i) batch_dims=", batch),
        "",
        "%y",
        {{{"n", 2}, {"k", 3}}, {{"n", 3}, {"k", 700}}, {{"n", 0}, {"k", 7}}, {{"n", 2}, {"k", 0}}}};
    given.bounds["i"] = {-5, 4.99};
    SCOPED_TRACE(cat(given.inputs, " ", given.node));
    expect_kernel("cpu.gather_nd", given);
  }
  EXPECT_NE(kernel_error("cpu.gather_nd", {"%x: f32[3,4]", "GatherND(%x, i64[1,2]{0,4})"})
                .find("index 4 is out of range for size 4"),
            std::string::npos);
}

TEST_P(KernelTest, TensorScatter) {
  const std::vector<Bindings> sizes = {{{"b", 2}, {"n", 1}, {"p", 9}},
                                       {{"b", 3}, {"n", 4}, {"p", 9}},
                                       {{"b", 1}, {"n", 9}, {"p", 9}},
                                       {{"b", 2}, {"n", 0}, {"p", 9}},
                                       {{"b", 0}, {"n", 2}, {"p", 9}}};
  for (const std::string& dtype : kAnyType)
    for (const char* mode : {"linear", "circular"})
      for (const char* index : {"i64", "i32"}) {
        KernelCase given{
            cat("%c: ", dtype, "[b,3,p,5], %u: ", dtype, "[b,3,n,5], %i: ", index, "[b]"),
            cat("TensorScatter(%c, %u, %i) mode=", mode), "", "%y", sizes};
        given.bounds["i"] = {0, mode[0] == 'l' ? 0.5 : 30};
        expect_kernel("cpu.tensor_scatter", given);
      }
  expect_kernel("cpu.tensor_scatter", {"%c: f32[2,7,5], %u: f32[2,3,5]", "TensorScatter(%c, %u)"});
  KernelCase places{"%c: f32[2,6,5], %u: f32[2,3,5], %i: i64[2]", "TensorScatter(%c, %u, %i)"};
  places.bounds["i"] = {1, 3.5};
  expect_kernel("cpu.tensor_scatter", places);
  EXPECT_NE(kernel_error("cpu.tensor_scatter",
                         {"%c: f32[1,6,5], %u: f32[1,3,5]", "TensorScatter(%c, %u, i64[1]{4})"})
                .find("write index 4 + 3 runs over a cache of 6"),
            std::string::npos);
}

TEST_P(KernelTest, ScatterElements) {
  Rng rng(20261206);
  for (int i = 0; i < 60; ++i) {
    const std::string reduction = rng.among<std::string>({"none", "add", "mul", "max", "min"});
    const std::string dtype = rng.among(reduction == "none" ? kAnyType : kNumbers);
    const std::string index = rng.percent(50) ? "i64" : "i32";
    const int64_t axis = rng.between(-3, 2);
    const auto along = static_cast<size_t>(axis < 0 ? axis + 3 : axis);
    std::string data[3] = {"a", "b", "c"}, indices[3] = {"a", "b", "c"};
    data[along] = "6", indices[along] = rng.among<std::string>({"1", "4", "50"});
    const std::string shape = cat("[", indices[0], ",", indices[1], ",", indices[2], "]");
    KernelCase given{cat("%x: ", dtype, "[", data[0], ",", data[1], ",", data[2], "], %i: ", index,
                         shape, ", %u: ", dtype, shape),
                     cat("ScatterElements(%x, %i, %u) axis=", axis, " reduction=", reduction),
                     "",
                     "%y",
                     {{{"a", 3}, {"b", 5}, {"c", 9}},
                      {{"a", 2}, {"b", 20}, {"c", 150}},
                      {{"a", 0}, {"b", 2}, {"c", 4}}}};
    given.bounds["i"] = {-6, 5.99};
    if (reduction == "mul") given.bounds["u"] = {-1.5, 1.5};
    if (dtype == "f16" || dtype == "bf16") given.tolerance = 0.02;  // rounded at each update
    SCOPED_TRACE(cat(given.inputs, " ", given.node));
    expect_kernel("cpu.scatter_elements", given);
  }
  EXPECT_NE(
      kernel_error("cpu.scatter_elements",
                   {"%x: f32[3,4]", "ScatterElements(%x, i64[1,2]{0,4}, f32[1,2]{1,2}) axis=1"})
          .find("index 4 is out of range for size 4"),
      std::string::npos);
}

TEST_P(KernelTest, ScatterNd) {
  Rng rng(20261207);
  for (int i = 0; i < 60; ++i) {
    const std::string reduction = rng.among<std::string>({"none", "add", "mul", "max", "min"});
    const std::string dtype = rng.among(reduction == "none" ? kAnyType : kNumbers);
    const std::string index = rng.percent(50) ? "i64" : "i32";
    const auto width = static_cast<size_t>(rng.between(0, 3));
    const std::vector<std::string> rest = {",4,4,m", ",4,m", ",m", ""};
    KernelCase given{cat("%x: ", dtype, "[4,4,", width == 3 ? "4" : "m", "], %i: ", index, "[k,",
                         width, "], %u: ", dtype, "[k", rest[width], "]"),
                     cat("ScatterND(%x, %i, %u) reduction=", reduction),
                     "",
                     "%y",
                     {{{"m", 3}, {"k", 5}},
                      {{"m", 700}, {"k", 60}},
                      {{"m", 3}, {"k", 0}},
                      {{"m", 0}, {"k", 3}},
                      {{"m", 3}, {"k", 2500}}}};
    if (width == 3)
      for (Bindings& size : given.sizes) size.erase("m");
    given.bounds["i"] = {-4, 3.99};
    if (reduction == "mul") given.bounds["u"] = {-1.5, 1.5};
    if (reduction == "mul" || reduction == "add") given.sizes.pop_back();
    if (dtype == "f16" || dtype == "bf16") given.tolerance = 0.02;
    SCOPED_TRACE(cat(given.inputs, " ", given.node));
    expect_kernel("cpu.scatter_nd", given);
  }
  EXPECT_NE(
      kernel_error("cpu.scatter_nd", {"%x: f32[3,4]", "ScatterND(%x, i64[1,2]{0,-5}, f32[1]{1})"})
          .find("index -5 is out of range for size 4"),
      std::string::npos);
}

/// The data is overwritten unless it is the updates, too.
TEST_P(KernelTest, ScatterOfItself) {
  expect_kernel(
      "cpu.scatter_elements",
      {"%x: f32[4,n]", "ScatterElements(%x, i64[4,1]{3,2,1,0}, %x)", "", "%y", each("n", {1})});
}

TEST_P(KernelTest, ScatterOfNan) {
  for (const char* reduction : {"max", "min", "add"})
    for (const char* type : {"f32", "f64", "f16"})
      expect_kernel(
          "cpu.scatter_nd",
          {"", cat("ScatterND(", type, "[6]{nan,1,2,-inf,inf,nan}, i64[6,1]{0,1,2,3,4,5}, ", type,
                   "[6]{1,nan,-3,2,-inf,nan}) reduction=", reduction)});
}

}  // namespace hone::test::indices_test
