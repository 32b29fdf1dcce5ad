#include "base/text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.hpp"

namespace hone::text_test {

TEST(Text, NumbersAreShortest) {
  EXPECT_EQ(cat(1.0, ' ', 1.0f, ' ', -0.0f, ' ', 0.5), "1 1 -0 0.5");
  EXPECT_EQ(cat(1e-5f, ' ', 1e-05, ' ', 1e20, ' ', 1.5e-10f, ' ', 1e-100),
            "1e-5 1e-5 1e20 1.5e-10 1e-100");
  EXPECT_EQ(cat(0.1f, ' ', 0.1, ' ', 224, ' ', 1024.0f), "0.1 0.1 224 1024");
  EXPECT_EQ(cat(std::numeric_limits<int64_t>::min(), ' ', std::numeric_limits<uint64_t>::max()),
            "-9223372036854775808 18446744073709551615");
  EXPECT_EQ(cat(true, ',', false, ',', int8_t{-3}, ',', uint8_t{65}, ',', "x", std::string("y")),
            "true,false,-3,65,xy");
}

TEST(Text, SpecialFloatsKeepTheirBits) {
  EXPECT_EQ(cat(std::numeric_limits<float>::infinity(), -std::numeric_limits<double>::infinity()),
            "inf-inf");
  EXPECT_EQ(cat(std::bit_cast<float>(0x7FC00000u)), "nan");
  EXPECT_EQ(cat(std::bit_cast<float>(0xFFC00000u)), "-nan");
  EXPECT_EQ(cat(std::bit_cast<float>(0x7FC00001u)), "nan_400001");
  for (const uint32_t bits : {0x7FC00000u, 0xFFC00000u, 0x7FC00001u, 0xFF800001u, 0x7F800000u})
    EXPECT_EQ(std::bit_cast<uint32_t>(*parse_float(cat(std::bit_cast<float>(bits)))), bits);
  for (const uint64_t bits : {uint64_t{0x7FF8} << 48, (uint64_t{0xFFF0} << 48) + 5})
    EXPECT_EQ(std::bit_cast<uint64_t>(*parse_double(cat(std::bit_cast<double>(bits)))), bits);
}

TEST(Text, RandomFloatsReadBackTheSameBits) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    const auto f = std::bit_cast<float>(static_cast<uint32_t>(bits));
    ASSERT_EQ(std::bit_cast<uint32_t>(parse_float(cat(f)).value_or(0)), static_cast<uint32_t>(bits))
        << cat(f);
    ASSERT_EQ(std::bit_cast<uint64_t>(parse_double(cat(std::bit_cast<double>(bits))).value_or(0)),
              bits)
        << cat(std::bit_cast<double>(bits));
  }
  const float least = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(parse_float(cat(least)), least);
}

TEST(Text, ParsesWholeNumbersOnly) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const auto* bad : {"", "-", "+1", " 1", "1 ", "1.0", "9223372036854775808", "0x10"})
    EXPECT_FALSE(parse_int(bad)) << bad;
  EXPECT_EQ(parse_double("1e-05"), 1e-5);
  EXPECT_EQ(parse_double(".5"), 0.5);
  for (const auto* bad :
       {"", "-", "e5", "1e", "1e999", "infinity", "NaN", "nan_", "nan_0", "nan(1)", "1f"})
    EXPECT_FALSE(parse_double(bad)) << bad;
  EXPECT_FALSE(parse_float("nan_800000"));
  EXPECT_FALSE(parse_float("1e39"));
}

TEST(Text, SplitsTrimsJoins) {
  EXPECT_EQ(join(split("a,,b", ','), "|"), "a||b");
  EXPECT_EQ(split("", ',').size(), 1u);
  EXPECT_EQ(trim(" \t a b \n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(join(std::array{1, 2, 3}, ","), "1,2,3");
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
}

TEST(Text, SuggestsCloseWords) {
  constexpr std::array<std::string_view, 4> kKnown = {"Squeeze", "Unsqueeze", "Or", "Conv"};
  EXPECT_EQ(closest("Sqeeze", kKnown), "Squeeze");
  EXPECT_EQ(closest("Squeeze", kKnown), "Squeeze");
  EXPECT_EQ(closest("Cnov", kKnown), std::nullopt);  // two edits of four letters
  EXPECT_EQ(closest("Con", kKnown), "Conv");
  EXPECT_EQ(closest("Add", kKnown), std::nullopt);
  EXPECT_EQ(closest("", kKnown), std::nullopt);
  EXPECT_EQ(closest(std::string(5000, 'x'), kKnown), std::nullopt);
}

TEST(Error, CarriesCodeAndContext) {
  try {
    check(1 > 2, Code::invalid_model, "found ", 1, ", wanted ", 2);
    FAIL() << "check passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_model);
    EXPECT_STREQ(error.what(), "found 1, wanted 2");
    EXPECT_EQ(error.with("node ", 7).message(), "found 1, wanted 2; node 7");
  }
  EXPECT_NO_THROW(check(true, Code::io, "never"));
  EXPECT_EQ(name(Code::incompatible_engine), "incompatible_engine");
  EXPECT_EQ(static_cast<int>(Code::unsupported), 3);
}

}  // namespace hone::text_test
