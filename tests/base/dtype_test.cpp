#include "base/dtype.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::dtype_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kNarrow = {DType::f8e4m3fn,   DType::f8e4m3fnuz, DType::f8e5m2,
                                DType::f8e5m2fnuz, DType::f6e2m3,     DType::f6e3m2,
                                DType::f4e2m1};

uint32_t code_of(DType type, double value, bool saturate = true) {
  std::array<std::byte, 4> bytes{};
  store_double(type, bytes.data(), 0, value, saturate);
  return std::bit_cast<uint32_t>(bytes);
}

double value_of(DType type, uint32_t code) {
  const auto bytes = std::bit_cast<std::array<std::byte, 4>>(code);
  return load_double(type, bytes.data(), 0);
}

uint32_t codes(DType type) { return 1u << bits(type); }

TEST(DType, NamesRoundTrip) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(name(type)), type);
  }
  EXPECT_EQ(cat(DType::boolean, DType::string, DType::bf16), "boolstrbf16");
  EXPECT_FALSE(parse_dtype("float"));
  EXPECT_FALSE(parse_dtype(""));
}

TEST(DType, Classes) {
  EXPECT_TRUE(is_float(DType::f4e2m1) && !is_float(DType::i64));
  EXPECT_TRUE(is_integer(DType::u2) && is_integer(DType::i64) && !is_integer(DType::boolean));
  EXPECT_TRUE(is_signed(DType::i2) && is_signed(DType::f16) && !is_signed(DType::u64));
  EXPECT_FALSE(is_signed(DType::f8e8m0) || is_signed(DType::boolean));
  EXPECT_TRUE(is_complex(DType::c64) && is_complex(DType::c128) && !is_complex(DType::string));
}

TEST(DType, BytesArePackedAndChecked) {
  EXPECT_EQ(bytes_for(DType::f32, 3), 12u);
  EXPECT_EQ(bytes_for(DType::u4, 3), 2u);
  EXPECT_EQ(bytes_for(DType::i2, 5), 2u);
  EXPECT_EQ(bytes_for(DType::i2, 0), 0u);
  EXPECT_EQ(bytes_for(DType::f6e2m3, 4), 3u);
  EXPECT_EQ(bytes_for(DType::f6e3m2, 5), 4u);
  EXPECT_EQ(bytes_for(DType::f6e3m2, 7), 6u);
  EXPECT_EQ(bytes_for(DType::u2, std::numeric_limits<int64_t>::max()), size_t{1} << 61);
  EXPECT_EQ(test::refusal_of([&] { (void)bytes_for(DType::f64, int64_t{1} << 60); }),
            "invalid_model: size overflows 63 bits: 1152921504606846976 x 8");
  EXPECT_EQ(test::refusal_of([&] { (void)bytes_for(DType::f64, -1); }),
            "invalid_model: negative element count -1");
  EXPECT_EQ(test::refusal_of([&] { (void)bytes_for(DType::string, 1); }),
            "internal: strings have no fixed size");
}

TEST(DType, EveryHalfPatternRoundTrips) {
  for (const DType type : {DType::f16, DType::bf16}) {
    const uint32_t infinity = type == DType::f16 ? 0x7C00 : 0x7F80;
    const uint32_t quiet = type == DType::f16 ? 0x200 : 0x40;
    for (uint32_t code = 0; code < 65536; ++code) {
      const bool nan = (code & 0x7FFF) > infinity;
      const uint32_t expected = nan ? code | quiet : code;
      ASSERT_EQ(code_of(type, value_of(type, code)), expected) << code;
      const auto half = static_cast<uint16_t>(code);
      const float value = type == DType::f16 ? from_f16(half) : from_bf16(half);
      ASSERT_EQ(type == DType::f16 ? to_f16(value) : to_bf16(value), expected) << code;
      ASSERT_EQ(std::isnan(value), nan);
      if (!nan) {
        ASSERT_EQ(static_cast<double>(value), value_of(type, code));
      }
    }
  }
}

TEST(DType, HalfValues) {
  EXPECT_EQ(value_of(DType::f16, 0x3C00), 1);
  EXPECT_EQ(value_of(DType::f16, 0x0001), 0x1p-24);
  EXPECT_EQ(value_of(DType::f16, 0x7BFF), 65504);
  EXPECT_EQ(value_of(DType::f16, 0xFC00), -kInfinity);
  EXPECT_EQ(value_of(DType::bf16, 0x3F80), 1);
  EXPECT_EQ(value_of(DType::bf16, 0x0001), 0x1p-133);
  EXPECT_EQ(code_of(DType::f16, 65519.99), 0x7BFFu);
  EXPECT_EQ(code_of(DType::f16, 65520), 0x7C00u);
  EXPECT_EQ(code_of(DType::bf16, 3.4e38), 0x7F80u);
  EXPECT_EQ(code_of(DType::f16, 0x1p-25), 0u);
  EXPECT_EQ(code_of(DType::f16, 0x1.8p-25), 1u);
  EXPECT_EQ(code_of(DType::f16, -0x1p-1074), 0x8000u);
}

// Between two neighbours: below, at and above the middle, from double.
TEST(DType, HalvesRoundToNearestEvenFromDouble) {
  for (const DType type : {DType::f16, DType::bf16}) {
    const uint32_t largest = type == DType::f16 ? 0x7BFF : 0x7F7F;
    for (uint32_t code = 0; code < largest; ++code) {
      const double low = value_of(type, code), high = value_of(type, code + 1);
      const double middle = low + (high - low) / 2;
      ASSERT_EQ(code_of(type, middle), code + (code & 1)) << code;
      ASSERT_EQ(code_of(type, std::nextafter(middle, 0)), code) << code;
      ASSERT_EQ(code_of(type, -std::nextafter(middle, kInfinity)),
                (code + 1) | 0x8000)
          << code;  // would tie if it went through float first
    }
  }
}

TEST(DType, FastHalvesEqualTheExactOnes) {
  std::mt19937 random(2);
  for (int i = 0; i < 300000; ++i) {
    auto bits = static_cast<uint32_t>(random());
    if (i % 3 == 0) bits = (bits & 0x80001FFF) | 0x33000000 | ((bits & 0x1FFF0000) >> 1);
    const float value = std::bit_cast<float>(bits);
    ASSERT_EQ(to_f16(value), code_of(DType::f16, static_cast<double>(value))) << value;
    ASSERT_EQ(to_bf16(value), code_of(DType::bf16, static_cast<double>(value))) << value;
  }
}

TEST(DType, EveryNarrowPatternRoundTrips) {
  for (const DType type : kNarrow)
    for (uint32_t code = 0; code < codes(type); ++code) {
      const double value = value_of(type, code);
      const uint32_t again = code_of(type, value, false);
      if (std::isnan(value)) EXPECT_TRUE(std::isnan(value_of(type, again)));
      else EXPECT_EQ(again, code) << name(type) << " " << code;
    }
}

/// The finite code nearest to a magnitude by trying all; ties to the even code.
uint32_t nearest(DType type, double magnitude) {
  uint32_t best = 0;
  double best_distance = kInfinity;
  for (uint32_t code = 0; code < codes(type) / 2; ++code) {
    const double distance = std::fabs(value_of(type, code) - magnitude);
    if (!std::isfinite(distance)) continue;
    if (distance < best_distance || (distance == best_distance && code % 2 == 0)) {
      best = code;
      best_distance = distance;
    }
  }
  return best;
}

TEST(DType, NarrowRoundingIsNearestByExhaustiveSearch) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-20, 17);
  for (const DType type : kNarrow) {
    const bool unsigned_zero = type == DType::f8e4m3fnuz || type == DType::f8e5m2fnuz;
    std::vector<double> values;
    for (uint32_t code = 0; code + 1 < codes(type) / 2; ++code) {
      const double middle = (value_of(type, code) + value_of(type, code + 1)) / 2;
      if (!std::isfinite(middle)) continue;
      values.insert(values.end(),
                    {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e9)});
    }
    for (int i = 0; i < 2000; ++i) values.push_back(std::exp2(exponent(random)));
    for (const double magnitude : values) {
      const uint32_t code = nearest(type, magnitude);
      ASSERT_EQ(code_of(type, magnitude), code) << name(type) << " " << magnitude;
      const uint32_t negative = unsigned_zero && code == 0 ? 0 : code + codes(type) / 2;
      ASSERT_EQ(code_of(type, -magnitude), negative) << name(type) << " " << magnitude;
    }
  }
}

// The tables of ONNX Cast.
TEST(DType, NarrowSpecialValues) {
  struct Row {
    DType type;
    double largest;
    uint32_t zero, minus_zero, top, infinity, minus_infinity;
  };
  const std::array<Row, 4> rows = {{
      {DType::f8e4m3fn, 448, 0, 0x80, 0x7E, 0x7F, 0xFF},
      {DType::f8e4m3fnuz, 240, 0, 0, 0x7F, 0x80, 0x80},
      {DType::f8e5m2, 57344, 0, 0x80, 0x7B, 0x7C, 0xFC},
      {DType::f8e5m2fnuz, 57344, 0, 0, 0x7F, 0x80, 0x80},
  }};
  for (const Row& row : rows) {
    EXPECT_EQ(value_of(row.type, row.top), row.largest) << name(row.type);
    for (const bool saturate : {true, false}) {
      EXPECT_EQ(code_of(row.type, 0.0, saturate), row.zero);
      EXPECT_EQ(code_of(row.type, -0.0, saturate), row.minus_zero);
      EXPECT_TRUE(std::isnan(value_of(row.type, code_of(row.type, kNaN, saturate))));
    }
    for (const double large : {kInfinity, 1e9, row.largest * 1.2}) {
      EXPECT_EQ(code_of(row.type, large), row.top) << name(row.type) << large;
      EXPECT_EQ(code_of(row.type, -large), row.top | 0x80) << name(row.type) << large;
      EXPECT_EQ(code_of(row.type, large, false), row.infinity) << name(row.type) << large;
      EXPECT_EQ(code_of(row.type, -large, false), row.minus_infinity) << name(row.type) << large;
    }
  }
  EXPECT_EQ(code_of(DType::f8e4m3fn, 464, false), 0x7Eu);  // a tie, to even
  EXPECT_EQ(code_of(DType::f4e2m1, kInfinity), 7u);
  EXPECT_EQ(code_of(DType::f4e2m1, -100, false), 15u);
  EXPECT_EQ(code_of(DType::f4e2m1, kNaN), 8u);
  EXPECT_EQ(value_of(DType::f6e2m3, 31), 7.5);
  EXPECT_EQ(value_of(DType::f6e2m3, 1), 0.125);
  EXPECT_EQ(value_of(DType::f6e3m2, 31), 28);
  EXPECT_EQ(value_of(DType::f6e3m2, 1), 0.0625);
  for (const DType type : {DType::f6e2m3, DType::f6e3m2}) {
    EXPECT_EQ(code_of(type, kInfinity, false), 31u);
    EXPECT_EQ(code_of(type, -100), 63u);
    EXPECT_EQ(code_of(type, kNaN), 32u);
  }
}

TEST(DType, ScalesRoundAsAsked) {
  for (uint32_t code = 0; code < 255; ++code) {
    const double value = value_of(DType::f8e8m0, code);
    EXPECT_EQ(value, std::ldexp(1.0, static_cast<int>(code) - 127));
    for (const auto mode : {ScaleRounding::up, ScaleRounding::down, ScaleRounding::nearest})
      EXPECT_EQ(to_f8e8m0(value, false, mode), code);
  }
  EXPECT_TRUE(std::isnan(value_of(DType::f8e8m0, 255)));
  EXPECT_EQ(code_of(DType::f8e8m0, 1.1), 128u);
  EXPECT_EQ(to_f8e8m0(1.9, true, ScaleRounding::down), 127);
  EXPECT_EQ(to_f8e8m0(1.49, true, ScaleRounding::nearest), 127);
  EXPECT_EQ(to_f8e8m0(1.5, true, ScaleRounding::nearest), 128);
  EXPECT_EQ(to_f8e8m0(0), 0);
  EXPECT_EQ(to_f8e8m0(0, false), 255);
  EXPECT_EQ(to_f8e8m0(kInfinity), 254);
  EXPECT_EQ(to_f8e8m0(kInfinity, false), 255);
  EXPECT_EQ(to_f8e8m0(kNaN), 255);
}

TEST(DType, PackedIntegersShareBytes) {
  std::array<std::byte, 3> bytes{};
  for (int i = 0; i < 5; ++i) store_int(DType::i4, bytes.data(), i, i - 4);
  EXPECT_EQ(std::to_integer<int>(bytes[0]), 0xDC);
  EXPECT_EQ(std::to_integer<int>(bytes[2]), 0x00);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(load_int(DType::i4, bytes.data(), i), i - 4);
  EXPECT_EQ(load_int(DType::u4, bytes.data(), 0), 12);
  store_int(DType::i4, bytes.data(), 1, 23);
  EXPECT_EQ(load_int(DType::i4, bytes.data(), 1), 7);
  EXPECT_EQ(load_int(DType::i4, bytes.data(), 0), -4);
  for (int i = 0; i < 9; ++i) store_int(DType::u2, bytes.data(), i, i);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(load_int(DType::u2, bytes.data(), i), i % 4);
  EXPECT_EQ(load_int(DType::i2, bytes.data(), 3), -1);
  EXPECT_EQ(load_double(DType::i2, bytes.data(), 2), -2);
}

TEST(DType, IntegersTruncateThenWrap) {
  EXPECT_EQ(code_of(DType::i8, -1.9), 0xFFu);
  EXPECT_EQ(code_of(DType::u8, 300.7), 44u);
  EXPECT_EQ(code_of(DType::i32, kNaN), 0u);
  EXPECT_EQ(code_of(DType::boolean, 0.25), 1u);
  EXPECT_EQ(code_of(DType::boolean, -0.0), 0u);
  std::array<std::byte, 8> bytes{};
  store_double(DType::u64, bytes.data(), 0, 0x1.8p63);
  EXPECT_EQ(load_double(DType::u64, bytes.data(), 0), 0x1.8p63);
  store_double(DType::i64, bytes.data(), 0, 1e30);
  EXPECT_EQ(load_int(DType::i64, bytes.data(), 0), std::numeric_limits<int64_t>::max());
  store_double(DType::f32, bytes.data(), 0, -1e30);
  EXPECT_EQ(load_int(DType::f32, bytes.data(), 0), std::numeric_limits<int64_t>::min());
  store_int(DType::boolean, bytes.data(), 0, 256);
  EXPECT_EQ(load_int(DType::boolean, bytes.data(), 0), 1);
}

TEST(DType, IntegersRoundOnceToFloats) {
  std::array<std::byte, 4> bytes{};
  // Just above the middle of two bf16: by way of a rounded double it would be a tie, to even.
  store_int(DType::bf16, bytes.data(), 0, (int64_t{1} << 62) + (int64_t{1} << 54) + 1);
  EXPECT_EQ(load_double(DType::bf16, bytes.data(), 0), 0x1.02p62);
  store_int(DType::f16, bytes.data(), 0, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(load_double(DType::f16, bytes.data(), 0), -kInfinity);
  store_int(DType::f8e5m2, bytes.data(), 0, 1000000, false);
  EXPECT_EQ(load_double(DType::f8e5m2, bytes.data(), 0), kInfinity);
  store_int(DType::f8e5m2, bytes.data(), 0, -1000000);
  EXPECT_EQ(load_double(DType::f8e5m2, bytes.data(), 0), -57344);
}

TEST(DType, RefusesWhatIsNoNumber) {
  std::array<std::byte, 16> bytes{};
  for (const DType type : {DType::string, DType::c64, DType::c128}) {
    EXPECT_EQ(test::refusal_of([&] { (void)load_double(type, bytes.data(), 0); }),
              cat("unsupported: elements of type ", type, " cannot be read as numbers"));
    EXPECT_EQ(test::refusal_of([&] { (void)load_int(type, bytes.data(), 0); }),
              cat("unsupported: elements of type ", type, " cannot be read as numbers"));
    EXPECT_EQ(test::refusal_of([&] { store_double(type, bytes.data(), 0, 1); }),
              cat("unsupported: elements of type ", type, " cannot be written as numbers"));
    EXPECT_EQ(test::refusal_of([&] { store_int(type, bytes.data(), 0, 1); }),
              cat("unsupported: elements of type ", type, " cannot be written as numbers"));
  }
}

TEST(DType, ManyEqualOneByOne) {
  std::mt19937_64 random(4);
  constexpr int64_t kCount = 259;
  for (int i = 0; i < static_cast<int>(DType::c64); ++i) {
    const auto type = static_cast<DType>(i);
    std::vector<std::byte> data(bytes_for(type, kCount) + 1);
    for (auto& byte : data) byte = static_cast<std::byte>(random());
    const std::byte* odd = data.data() + 1;  // misaligned
    std::vector<float> wide(kCount), expected(kCount);
    convert_to_f32(type, odd, kCount, wide.data());
    for (int64_t k = 0; k < kCount; ++k) {
      auto* slot = reinterpret_cast<std::byte*>(expected.data());
      if (bits(type) == 64 && is_integer(type)) continue;
      store_double(DType::f32, slot, k, load_double(type, odd, k));
      ASSERT_EQ(std::bit_cast<uint32_t>(wide[static_cast<size_t>(k)]),
                std::bit_cast<uint32_t>(expected[static_cast<size_t>(k)]))
          << name(type) << k;
    }
    for (float& value : wide)
      value = std::ldexp(static_cast<float>(static_cast<int32_t>(random())),
                         -static_cast<int>(random() % 45));
    std::vector<std::byte> narrow(bytes_for(type, kCount)), slow(narrow.size());
    convert_from_f32(wide.data(), kCount, type, narrow.data());
    for (int64_t k = 0; k < kCount; ++k)
      store_double(type, slow.data(), k, static_cast<double>(wide[static_cast<size_t>(k)]));
    ASSERT_EQ(narrow, slow) << name(type);
  }
}

TEST(DType, ConvertsBetweenAnyTwo) {
  std::vector<DType> types;  // that hold 0 and 1
  for (int i = 0; i < static_cast<int>(DType::c64); ++i)
    if (static_cast<DType>(i) != DType::f8e8m0 && static_cast<DType>(i) != DType::i2)
      types.push_back(static_cast<DType>(i));
  for (const DType from : types)
    for (const DType to : types) {
      std::array<std::byte, 33> data{}, out{};
      for (int64_t k = 0; k < 3; ++k) store_int(from, data.data() + 1, k, k % 2);
      convert(from, data.data() + 1, 3, to, out.data());
      for (int64_t k = 0; k < 3; ++k)
        EXPECT_EQ(load_double(to, out.data(), k), k % 2) << name(from) << " to " << name(to);
    }
  const auto big = std::bit_cast<std::array<std::byte, 8>>((uint64_t{1} << 63) + 2048);
  std::array<std::byte, 8> out{};
  convert(DType::u64, big.data(), 1, DType::f64, out.data());
  EXPECT_EQ(std::bit_cast<double>(out), 0x1p63 + 2048);
  const auto large = std::bit_cast<std::array<std::byte, 4>>(1e6f);
  convert(DType::f32, large.data(), 1, DType::f8e5m2, out.data(), false);
  EXPECT_EQ(std::to_integer<int>(out[0]), 0x7C);
}

}  // namespace hone::dtype_test
