// Transposes of random sizes and orders against reference evaluation.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::transpose_test {

TEST_P(KernelTest, TransposesOfRandomSizes) {
  Rng rng(20261202);
  for (int i = 0; i < 40; ++i) {
    const auto rank = static_cast<size_t>(rng.between(2, 5));
    std::vector<int64_t> shape(rank), perm(rank);
    for (int64_t& size : shape) size = rng.among({1, 2, 3, 5});
    // Two of them long, so that planes are cut into tiles.
    shape[static_cast<size_t>(rng.below(static_cast<int64_t>(rank)))] = rng.between(1, 100);
    shape[static_cast<size_t>(rng.below(static_cast<int64_t>(rank)))] = rng.between(1, 60);
    std::iota(perm.begin(), perm.end(), 0);
    for (size_t d = rank; d-- > 1;)
      std::swap(perm[d], perm[static_cast<size_t>(rng.below(static_cast<int64_t>(d) + 1))]);
    const std::string type = rng.among<std::string>({"f32", "f32", "i32", "i64", "f16", "u8"});
    const std::string input = cat("%x: ", type, "[", join(shape, ","), "]");
    const std::string node = cat("Transpose(%x) perm=[", join(perm, ","), "]");
    SCOPED_TRACE(cat(input, " ", node));
    expect_kernel("cpu.movement", {input, node});
  }
  // Squares of bytes and what is left of them.
  for (int i = 0; i < 12; ++i) {
    const std::string shape =
        cat(rng.between(1, 3), ",", rng.between(1, 70), ",", rng.between(1, 140));
    SCOPED_TRACE(shape);
    expect_kernel("cpu.movement",
                  {cat("%x: ", rng.among<std::string>({"u8", "i8"}), "[", shape, "]"),
                   "Transpose(%x) perm=[0,2,1]"});
  }
  // One plane for several workers, cut either way.
  expect_kernel("cpu.movement", {"%x: f32[1,33,n]", "Transpose(%x) perm=[0,2,1]", "", "%y",
                                 each("n", {3001, 1000})});
  expect_kernel("cpu.movement", {"%x: f32[n,33]", "Transpose(%x)", "", "%y", each("n", {3001})});
}

}  // namespace hone::test::transpose_test
