// How workers share out filters and columns.

#include "device/cpu/shares.hpp"

#include <gtest/gtest.h>

namespace hone::cpu::shares_test {

TEST(Shares, BlocksOfFiltersAreSmallWhereThereAreFewColumns) {
  EXPECT_EQ(blocks_of(256, 14, 1, 16), 32);  // 2 blocks of 8 filters for each, not 1 or 2 of 14
  EXPECT_EQ(blocks_of(512, 14, 4, 16), 43);
  EXPECT_EQ(blocks_of(256, 14, 100, 16), 20);  // columns are shared out
  EXPECT_EQ(blocks_of(256, 14, 4, 1), 19);
  EXPECT_EQ(blocks_of(1, 14, 1, 16), 1);
  EXPECT_EQ(blocks_of(3, 1, 1, 16), 3);
}

/// A 1x1 convolution of 28x28 pixels, 512 to 128 channels in 10 blocks of 13 filters.
SharedWork some_work() {
  SharedWork work{.columns = 784, .unit = 16};
  work.most_tiles = 49;
  work.blocks = 10;
  work.rows = 13;
  work.depth = 512;
  work.lanes = 16;
  work.workers = 16;
  return work;
}

TEST(Shares, WorkersHaveSeveralItemsSoThatFastOnesTakeFromSlowOnes) {
  const Shares shares = share_out(some_work());
  EXPECT_GE(shares.tiles * shares.parts, 3 * 16);
  EXPECT_LE(shares.tiles * shares.parts, 8 * 16);
}

TEST(Shares, AreWithinLimits) {
  SharedWork work = some_work();
  work.least_tiles = work.most_tiles = 5;
  EXPECT_EQ(share_out(work).tiles, 5);
  work.most_divided = 4;
  EXPECT_EQ(share_out(work).parts, 1);
  work = some_work();
  work.blocks = 1;
  EXPECT_EQ(share_out(work).parts, 1);
}

}  // namespace hone::cpu::shares_test
