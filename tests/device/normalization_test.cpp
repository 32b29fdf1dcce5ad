// Normalizations of channels against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::normalization_test {

TEST_P(KernelTest, GroupAndInstanceNormalization) {
  // The last ones are few and large: workers share them.
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 3}, {"w", 5}},
                                       {{"n", 1}, {"h", 40}, {"w", 31}},
                                       {{"n", 0}, {"h", 4}, {"w", 4}},
                                       {{"n", 1}, {"h", 0}, {"w", 4}},
                                       {{"n", 1}, {"h", 180}, {"w", 201}}};
  for (const int channels : {1, 4}) {
    const std::string x = cat("%x: f32[n,", channels, ",h,w]"), each = cat("f32[", channels, "]");
    for (const ElementBounds& bounds : {ElementBounds{-2, 2}, ElementBounds{99, 101}}) {
      expect_kernel("cpu.group_norm", {x + ", %s: " + each + ", %b: " + each,
                                       "InstanceNormalization(%x, %s, %b)",
                                       "",
                                       "%y",
                                       sizes,
                                       {{"x", bounds}},
                                       2e-5});
      for (const char* groups : {"1", "2", "4"}) {
        if (channels == 1 && *groups != '1') continue;
        expect_kernel("cpu.group_norm", {x + ", %s: " + each + ", %b: " + each,
                                         cat("GroupNormalization(%x, %s, %b) num_groups=", groups),
                                         "",
                                         "%y",
                                         sizes,
                                         {{"x", bounds}},
                                         2e-5});
        expect_kernel("cpu.group_norm",
                      {x,
                       cat("GroupNormalization(%x, @s, @b) num_groups=", groups, " epsilon=0.1"),
                       cat("@s : f32[", groups, "]\n  @b : ", each),
                       "%y",
                       sizes,
                       {},
                       2e-5});
      }
    }
  }
  expect_kernel("cpu.group_norm",
                {"%x: f32[n,6], %s: f32[6], %b: f32[6]",
                 "GroupNormalization(%x, %s, %b) num_groups=2", "", "%y", test::each("n", {1, 3})});
}

TEST_P(KernelTest, NormalizationOfHalves) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 3}, {"w", 70}},
                                       {{"n", 1}, {"h", 40}, {"w", 31}},
                                       {{"n", 0}, {"h", 4}, {"w", 4}}};
  for (const std::string type : {"f16", "bf16"}) {
    const std::string x = cat("%x: ", type, "[n,4,h,w]");
    const std::string row = cat(", %s: ", type, "[w], %b: ", type, "[w]");
    const std::string channels = cat(", %s: ", type, "[4], %b: ", type, "[4]");
    const auto runs = [&](const std::string& kernel, const std::string& inputs,
                          const std::string& node) {
      expect_kernel(kernel, {inputs, node, "", "%y", sizes});
    };
    runs("cpu.group_norm", x + channels, "GroupNormalization(%x, %s, %b) num_groups=2");
    runs("cpu.group_norm", x + channels, "InstanceNormalization(%x, %s, %b)");
    runs("cpu.layer_norm", x + row, "LayerNormalization(%x, %s, %b)");
    runs("cpu.layer_norm", cat("%x: ", type, "[n,h,w], %s: ", type, "[h,w]"),
         "RMSNormalization(%x, %s) axis=1");
    expect_kernel("cpu.layer_norm", {x + row,
                                     "LayerNormalization(%x, %s, %b)",
                                     "",
                                     "%y, %m, %f",
                                     {{{"n", 2}, {"h", 3}, {"w", 70}}},
                                     {},
                                     1e-3});
    for (const char* op : {"Softmax", "LogSoftmax"})
      for (const char* axis : {"-1", "1", "2", "1 flatten=true"})
        runs("cpu.softmax", x, cat(op, "(%x) axis=", axis));
  }
}

/// Rows that views bring together, or apart.
TEST_P(KernelTest, NormalizationOfViews) {
  const auto run = [](const std::string& x, const std::vector<std::string>& before,
                      const std::string& node) {
    KernelCase given{x, node, "@s : f32[20]\n  @b : f32[20]", "%y", {}};
    for (const int64_t n : {0, 1, 2})
      for (const int64_t h : {1, 5, 60}) given.sizes.push_back({{"n", n}, {"h", h}});
    given.sizes.erase(given.sizes.begin());
    given.before = before;
    expect_kernel("cpu.layer_norm", given);
  };
  const std::string norm = "LayerNormalization(%t, @s, @b)", made = "%m = " + norm;
  const std::string pixels = "%x: f32[n,20,h,7]", turn = "%t = Transpose(%x) perm=[0,2,3,1]";
  run(pixels, {turn}, norm);
  run(pixels, {turn}, "RMSNormalization(%t, @s)");
  run(pixels, {turn, made}, "Transpose(%m) perm=[0,3,1,2]");
  run(pixels, {turn, made}, "Reshape(%m) shape=[n,7*h,20]");
  run("%x: f32[n,h,140]", {"%t = Reshape(%x) shape=[n,h,7,20]"}, norm);
  run("%t: f32[n,h,20]", {made}, "Transpose(%m) perm=[1,0,2]");
  run("%t: f32[n,h,20]", {made}, "Transpose(%m) perm=[2,1,0]");
  KernelCase other{"%x: f32[4,20]", "Relu(%m)"};
  other.weights = "@s : f32[20]";
  other.before = {"%m = LayerNormalization(%x, @s)"};
  EXPECT_EQ(refusal("cpu.layer_norm", other), "more than views about it");
  // Half of what is split is normalized, the other half wanted as it is: nobody would write it.
  KernelCase half{"%x: f32[4,40]", norm, "@s : f32[20]\n  @b : f32[20]"};
  half.before = {"%u, %t = Split(%x) axis=1 num_outputs=2"};
  half.also = {"%u"};
  EXPECT_EQ(refusal("cpu.layer_norm", half), "a view of its operand is a result of its own");
}

TEST_P(KernelTest, LpNormalization) {
  for (const char* fields :
       {"", " p=1", " p=2 axis=2", " axis=1", " p=1 axis=1", " axis=0", " p=1 axis=0"}) {
    expect_kernel("cpu.lp_norm", {"%x: f32[2,70,n]", cat("LpNormalization(%x)", fields), "", "%y",
                                  each("n", {0, 1, 37, 9000})});
    expect_kernel("cpu.lp_norm",
                  {"", cat("LpNormalization(f32[4,1,2]{0,0,-1,2,inf,1,nan,0})", fields)});
  }
  EXPECT_EQ(refusal("cpu.lp_norm", {"%x: f16[2,3]", "LpNormalization(%x)"}),
            "f32 of known rank only");
}

TEST_P(KernelTest, Lrn) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 3}, {"w", 5}},
                                       {{"n", 1}, {"h", 20}, {"w", 31}},
                                       {{"n", 0}, {"h", 4}, {"w", 4}}};
  for (const char* fields :
       {"size=5", "size=4 alpha=0.5 bias=2", "size=3 beta=0.5 alpha=2", "size=31 beta=1.3"})
    expect_kernel("cpu.lrn", {"%x: f32[n,7,h,w]", cat("LRN(%x) ", fields), "", "%y", sizes});
  expect_kernel("cpu.lrn", {"%x: f32[n,7]", "LRN(%x) size=3", "", "%y", each("n", {1, 300})});
}

TEST_P(KernelTest, MeanVarianceNormalization) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 3}, {"w", 5}},
                                       {{"n", 1}, {"h", 40}, {"w", 31}},
                                       {{"n", 3}, {"h", 7}, {"w", 1}},
                                       {{"n", 0}, {"h", 4}, {"w", 4}}};
  for (const char* axes : {"0,2,3", "2,3", "1", "0,1,2,3", "-1", "1,2", "0,2"})
    for (const ElementBounds& bounds :
         {ElementBounds{-2, 2}, ElementBounds{99, 101}, ElementBounds{0, 0}})
      expect_kernel("cpu.mean_variance", {"%x: f32[n,300,h,w]",
                                          cat("MeanVarianceNormalization(%x) axes=[", axes, "]"),
                                          "",
                                          "%y",
                                          sizes,
                                          {{"x", bounds}},
                                          1e-4});
}

}  // namespace hone::test::normalization_test
