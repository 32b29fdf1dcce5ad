#include "base/size.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::size_test {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(Size, ArithmeticIsChecked) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(try_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_mul(int64_t{1} << 31, int64_t{1} << 31), int64_t{1} << 62);
  EXPECT_EQ(try_mul(int64_t{1} << 32, int64_t{1} << 31), std::nullopt);
  try {
    checked_mul(kMax, 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_model);
    EXPECT_EQ(error.message(), "size overflows 63 bits: 9223372036854775807 x 2");
  }
}

TEST(Size, ElementCount) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count(std::array<int64_t, 3>{2, 3, 4}), 24);
  EXPECT_EQ(element_count(std::array<int64_t, 3>{kMax, kMax, 0}), 0);
  EXPECT_EQ(try_element_count(std::array<int64_t, 2>{kMax, 2}), std::nullopt);
  EXPECT_EQ(try_element_count(std::array<int64_t, 2>{0, -1}), std::nullopt);
  EXPECT_EQ(test::refusal_of([&] {
              (void)element_count(std::array<int64_t, 2>{kMax, 2});
            }),
            "invalid_model: size overflows 63 bits: the elements of [9223372036854775807,2]");
  EXPECT_EQ(test::refusal_of([&] {
              (void)element_count(std::array<int64_t, 2>{0, -1});
            }),
            "invalid_model: negative dimension in [0,-1]");
}

TEST(Size, AlignUp) {
  EXPECT_EQ(align_up(0, 64), 0);
  EXPECT_EQ(align_up(1, 64), 64);
  EXPECT_EQ(align_up(64, 64), 64);
  EXPECT_EQ(test::refusal_of([&] { (void)align_up(kMax, 64); }),
            "invalid_model: size overflows 63 bits: 9223372036854775807 + 63");
  EXPECT_EQ(test::refusal_of([&] { (void)align_up(1, 48); }), "internal: cannot align 1 to 48");
}

TEST(Size, DivisionRounds) {
  for (const int64_t b : {-7, -2, -1, 1, 2, 7})
    for (int64_t a = -20; a <= 20; ++a) {
      const double exact = static_cast<double>(a) / static_cast<double>(b);
      EXPECT_EQ(floor_div(a, b), static_cast<int64_t>(std::floor(exact))) << a << "/" << b;
      EXPECT_EQ(ceil_div(a, b), static_cast<int64_t>(std::ceil(exact))) << a << "/" << b;
      EXPECT_EQ(floor_mod(a, b), a - b * floor_div(a, b)) << a << "/" << b;
    }
  EXPECT_EQ(test::refusal_of([&] { (void)floor_div(kMin, -1); }),
            "invalid_model: size overflows 63 bits: -9223372036854775808 x -1");
  EXPECT_EQ(test::refusal_of([&] { (void)floor_div(1, 0); }), "internal: division of 1 by zero");
  EXPECT_EQ(floor_mod(kMin, -1), 0);
}

}  // namespace hone::size_test
