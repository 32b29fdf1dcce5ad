// RotaryEmbedding against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::rotary_test {

TEST_P(KernelTest, RotaryEmbedding) {
  const std::vector<Bindings> sizes = {
      {{"b", 1}, {"s", 1}}, {{"b", 2}, {"s", 7}}, {{"b", 3}, {"s", 130}}, {{"b", 0}, {"s", 4}}};
  const std::string rows = "%x: f32[b,s,48], ", heads = "%x: f32[b,3,s,16], ";
  const std::string picked = "%c: f32[200,8], %n: f32[200,8], %i: i64[b,s]";
  const std::string own = "%c: f32[b,s,8], %n: f32[b,s,8]";
  const auto turns = [&](const std::string& inputs, const std::string& node) {
    KernelCase given{inputs, node, "", "%y", sizes};
    given.bounds["i"] = {0, 199.9};
    SCOPED_TRACE(cat(inputs, " ", node));
    expect_kernel("cpu.rotary", given);
  };
  for (const char* fields : {"", " interleaved=true"}) {
    turns(rows + own, cat("RotaryEmbedding(%x, %c, %n)", fields));
    turns(rows + picked, cat("RotaryEmbedding(%x, %c, %n, %i) num_heads=3", fields));
    turns(heads + picked, cat("RotaryEmbedding(%x, %c, %n, %i)", fields));
    turns(heads + own, cat("RotaryEmbedding(%x, %c, %n)", fields));
    turns("%x: f32[b,3,s,20], " + own,
          cat("RotaryEmbedding(%x, %c, %n) rotary_embedding_dim=16", fields));
    turns(heads + "%c: f32[200,8], %n: f32[200,8]",
          cat("RotaryEmbedding(%x, %c, %n, i64[1]{3})", fields));
  }
}

TEST(RotaryEmbedding, RefusesPositionsOutOfRange) {
  EXPECT_NE(kernel_error("cpu.rotary", {"%x: f32[1,1,4,8], %c: f32[5,4], %n: f32[5,4]",
                                        "RotaryEmbedding(%x, %c, %n, i64[1]{2})"})
                .find("position 2 + 3 is out of range for 5 positions"),
            std::string::npos);
}

}  // namespace hone::test::rotary_test
