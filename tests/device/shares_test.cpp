// How workers share out filters and columns.

#include "device/cpu/shares.hpp"

#include <gtest/gtest.h>

namespace hone::cpu {
namespace {

TEST(Shares, BlocksOfFiltersAreSharedEvenlyWhereThereAreFewColumns) {
  EXPECT_EQ(blocks_of(256, 14, 4, 16), 32);  // 2 blocks of 8 filters for each, not 1 or 2 of 14
  EXPECT_EQ(blocks_of(512, 14, 4, 16), 48);  // 3 of 11, not 2 or 3 of 14
  EXPECT_EQ(blocks_of(512, 14, 4, 2), 40);
  EXPECT_EQ(blocks_of(256, 14, 100, 16), 19);  // columns are shared out
  EXPECT_EQ(blocks_of(256, 14, 4, 1), 19);
  EXPECT_EQ(blocks_of(1, 14, 1, 16), 1);
  EXPECT_EQ(blocks_of(3, 1, 1, 16), 3);
}

}  // namespace
}  // namespace hone::cpu
