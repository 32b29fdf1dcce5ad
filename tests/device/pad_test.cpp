// Padding by a constant: what lies around a box is filled, as a whole or between its lines.

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::pad_test {

TEST_P(KernelTest, PadsOfRandomBoxes) {
  Rng rng(20261201);
  for (int i = 0; i < 60; ++i) {
    const auto rank = 1 + static_cast<size_t>(rng.below(4));
    std::vector<int64_t> shape(rank), pads(2 * rank);
    for (size_t d = 0; d < rank; ++d) {
      shape[d] = 1 + static_cast<int64_t>(rng.below(d + 1 == rank ? 700 : 6));
      for (const size_t side : {d, d + rank})
        if (rng.percent(50)) pads[side] = static_cast<int64_t>(rng.below(8));
      if (shape[d] > 4 && rng.percent(20)) pads[d] = -2;
    }
    const std::string type = rng.among(std::vector<std::string>{"f32", "u8", "f16", "i64"});
    const bool given = rng.percent(50);
    KernelCase padded{cat("%x: ", type, "[", join(shape, ","), "]"),
                      cat("Pad(%x", given ? ", _, %v" : "", ") pads=[", join(pads, ","), "]")};
    if (given) padded.inputs += cat(", %v: ", type, "[]");
    SCOPED_TRACE(cat(padded.inputs, " ", padded.node));
    expect_kernel("cpu.movement", padded);
  }
}

}  // namespace hone::test::pad_test
