// Every pattern of the narrow types against their definitions, worked out here in another way than
// in base/: values by ldexp from sign, exponent and fraction; rounding by looking for the nearest
// of all values.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/dtype.hpp"

namespace hone::dtype_patterns_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Format {
  DType type;
  int exponent_bits, fraction_bits, bias;
  enum Kind {
    ieee,        // the highest exponent is infinity and NaN
    one_nan,     // all ones is NaN, no infinity
    minus_zero,  // -0 is the NaN, no infinity
    finite,      // every code is a number
  } kind;
};
constexpr Format kFormats[] = {
    {DType::f16, 5, 10, 15, Format::ieee},       {DType::bf16, 8, 7, 127, Format::ieee},
    {DType::f8e4m3fn, 4, 3, 7, Format::one_nan}, {DType::f8e4m3fnuz, 4, 3, 8, Format::minus_zero},
    {DType::f8e5m2, 5, 2, 15, Format::ieee},     {DType::f8e5m2fnuz, 5, 2, 16, Format::minus_zero},
    {DType::f6e2m3, 2, 3, 1, Format::finite},    {DType::f6e3m2, 3, 2, 3, Format::finite},
    {DType::f4e2m1, 2, 1, 1, Format::finite},
};

uint32_t code_count(const Format& f) { return 2u << (f.exponent_bits + f.fraction_bits); }

double defined_value(const Format& f, uint32_t code) {
  const uint32_t magnitude = code & (code_count(f) / 2 - 1);
  const bool negative = code >= code_count(f) / 2;
  const uint32_t fraction = magnitude & ((1u << f.fraction_bits) - 1);
  const uint32_t exponent = magnitude >> f.fraction_bits;
  if (f.kind == Format::ieee && exponent + 1 == 1u << f.exponent_bits)
    return fraction != 0 ? kNaN : negative ? -kInfinity : kInfinity;
  if (f.kind == Format::one_nan && magnitude == code_count(f) / 2 - 1) return kNaN;
  if (f.kind == Format::minus_zero && negative && magnitude == 0) return kNaN;
  const double value = exponent == 0
                           ? std::ldexp(fraction, 1 - f.bias - f.fraction_bits)
                           : std::ldexp((1u << f.fraction_bits) + fraction,
                                        static_cast<int>(exponent) - f.bias - f.fraction_bits);
  return negative ? -value : value;
}

double loaded(DType type, uint32_t code) {
  const auto bytes = std::bit_cast<std::array<std::byte, 4>>(code);
  return load_double(type, bytes.data(), 0);
}

uint32_t stored(DType type, double value, bool saturate) {
  std::array<std::byte, 4> bytes{};
  store_double(type, bytes.data(), 0, value, saturate);
  return std::bit_cast<uint32_t>(bytes);
}

bool same(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

TEST(DTypePatterns, EveryCodeMeansWhatTheFormatSays) {
  for (const Format& f : kFormats)
    for (uint32_t code = 0; code < code_count(f); ++code)
      ASSERT_TRUE(same(loaded(f.type, code), defined_value(f, code))) << name(f.type) << code;
}

TEST(DTypePatterns, EveryValueIsStoredAsItsCode) {
  for (const Format& f : kFormats)
    for (uint32_t code = 0; code < code_count(f); ++code) {
      const double value = defined_value(f, code);
      for (const bool saturate : {false, true}) {
        const bool becomes_largest = saturate && std::isinf(value) && bits(f.type) < 16;
        if (std::isnan(value) || becomes_largest) continue;
        ASSERT_EQ(stored(f.type, value, saturate), code) << name(f.type);
      }
      if (std::isnan(value)) {
        ASSERT_TRUE(std::isnan(loaded(f.type, stored(f.type, value, false)))) << name(f.type);
      }
    }
}

/// The codes of finite magnitudes in order, and their values.
std::vector<double> magnitudes(const Format& f) {
  std::vector<double> values;
  for (uint32_t code = 0; code < code_count(f) / 2; ++code)
    if (const double value = defined_value(f, code); std::isfinite(value)) values.push_back(value);
  return values;
}

// Between neighbours: the quarter, the middle and its neighbours, three quarters.
TEST(DTypePatterns, RoundsToNearestTiesToEven) {
  for (const Format& f : kFormats) {
    const std::vector<double> values = magnitudes(f);
    const uint32_t sign = code_count(f) / 2;
    for (uint32_t code = 0; code + 1 < values.size(); ++code) {
      const double low = values[code], high = values[code + 1], middle = (low + high) / 2;
      const uint32_t even = code + (code & 1);
      const std::pair<double, uint32_t> rows[] = {{(low + middle) / 2, code},
                                                  {std::nextafter(middle, 0), code},
                                                  {middle, even},
                                                  {std::nextafter(middle, kInfinity), code + 1},
                                                  {(middle + high) / 2, code + 1}};
      for (const auto& [value, wanted] : rows)
        for (const bool saturate : {false, true}) {
          ASSERT_EQ(stored(f.type, value, saturate), wanted) << name(f.type) << value;
          const uint32_t negative = f.kind == Format::minus_zero && wanted == 0 ? 0 : wanted | sign;
          ASSERT_EQ(stored(f.type, -value, saturate), negative) << name(f.type) << value;
        }
    }
  }
}

// Half a step above the largest still rounds to it when that is even; from there on it overflows.
TEST(DTypePatterns, OverflowSaturatesOrNot) {
  for (const Format& f : kFormats) {
    const std::vector<double> values = magnitudes(f);
    const auto largest = static_cast<uint32_t>(values.size() - 1);
    const double limit = values.back() + (values.back() - values[largest - 1]) / 2;
    const bool tie_stays = largest % 2 == 0;
    for (const double value : {limit, std::nextafter(limit, kInfinity), 1e300, kInfinity}) {
      if (value == limit && tie_stays) {
        EXPECT_EQ(stored(f.type, value, false), largest) << name(f.type);
        continue;
      }
      const double over = loaded(f.type, stored(f.type, value, false));
      if (f.kind == Format::ieee) EXPECT_EQ(over, kInfinity) << name(f.type) << value;
      else if (f.kind == Format::finite) EXPECT_EQ(over, values.back());
      else EXPECT_TRUE(std::isnan(over)) << name(f.type) << value;
      const uint32_t saturated = stored(f.type, value, true);
      if (bits(f.type) == 16) EXPECT_EQ(loaded(f.type, saturated), kInfinity);
      else EXPECT_EQ(saturated, largest) << name(f.type) << value;
    }
    EXPECT_EQ(stored(f.type, std::nextafter(limit, 0), false), largest) << name(f.type);
  }
}

// Any pair of types: as if by way of the exact value; the same type is copied.
TEST(DTypePatterns, EveryPatternConvertsToEveryOtherFormat) {
  for (const Format& from : kFormats)
    for (const Format& to : kFormats) {
      const auto count = static_cast<int64_t>(code_count(from));
      std::vector<std::byte> codes(bytes_for(from.type, count));
      for (int64_t code = 0; code < count; ++code) {
        const auto bytes = std::bit_cast<std::array<std::byte, 4>>(static_cast<uint32_t>(code));
        if (bits(from.type) < 8)
          store_double(from.type, codes.data(), code,
                       loaded(from.type, static_cast<uint32_t>(code)));
        else
          std::copy_n(bytes.begin(), bits(from.type) / 8,
                      codes.begin() + code * bits(from.type) / 8);
      }
      for (const bool saturate : {false, true}) {
        std::vector<std::byte> out(bytes_for(to.type, count)), one(out.size());
        convert(from.type, codes.data(), count, to.type, out.data(), saturate);
        for (int64_t code = 0; code < count; ++code) {
          const double value = defined_value(from, static_cast<uint32_t>(code));
          store_double(to.type, one.data(), code, value, saturate);
          const double got = load_double(to.type, out.data(), code);
          const double wanted =
              from.type == to.type ? value : load_double(to.type, one.data(), code);
          ASSERT_TRUE(same(got, wanted)) << name(from.type) << " to " << name(to.type) << code;
        }
      }
    }
}

TEST(DTypePatterns, FloatsOfTheHalvesGoBothWays) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const auto half = static_cast<uint16_t>(code);
    const double f16 = defined_value(kFormats[0], code), bf16 = defined_value(kFormats[1], code);
    ASSERT_TRUE(same(static_cast<double>(from_f16(half)), f16)) << code;
    ASSERT_TRUE(same(static_cast<double>(from_bf16(half)), bf16)) << code;
    if (!std::isnan(f16)) {
      ASSERT_EQ(to_f16(static_cast<float>(f16)), half);
    }
    if (!std::isnan(bf16)) {
      ASSERT_EQ(to_bf16(static_cast<float>(bf16)), half);
    }
  }
}

// Scales of every exponent, and what lies between two of them.
TEST(DTypePatterns, EveryScale) {
  for (uint32_t code = 0; code < 255; ++code) {
    const double value = std::ldexp(1.0, static_cast<int>(code) - 127);
    ASSERT_EQ(loaded(DType::f8e8m0, code), value);
    if (code == 254) continue;
    for (const double factor : {1.25, 1.5, 1.75}) {
      const auto rounded = [&](ScaleRounding mode) {
        return static_cast<uint32_t>(to_f8e8m0(value * factor, true, mode));
      };
      EXPECT_EQ(rounded(ScaleRounding::up), code + 1);
      EXPECT_EQ(rounded(ScaleRounding::down), code);
      EXPECT_EQ(rounded(ScaleRounding::nearest), factor < 1.5 ? code : code + 1);
    }
  }
  EXPECT_TRUE(std::isnan(loaded(DType::f8e8m0, 255)));
}

struct Packed {
  DType type;
  int64_t least, most;
};
constexpr Packed kPacked[] = {
    {DType::i4, -8, 7}, {DType::u4, 0, 15}, {DType::i2, -2, 1}, {DType::u2, 0, 3}};

// Any number of elements, odd ones too: each place holds its own, and the bits after the last stay
// as they were.
TEST(DTypePatterns, PackedIntegersOfEveryCount) {
  for (const Packed& packed : kPacked)
    for (int64_t count = 1; count <= 9; ++count)
      for (int64_t value = packed.least; value <= packed.most; ++value)
        for (int64_t place = 0; place < count; ++place) {
          std::vector<std::byte> bytes(bytes_for(packed.type, count));
          store_int(packed.type, bytes.data(), place, value);
          for (int64_t i = 0; i < count; ++i) {
            ASSERT_EQ(load_int(packed.type, bytes.data(), i), i == place ? value : 0);
            ASSERT_EQ(load_double(packed.type, bytes.data(), i),
                      static_cast<double>(i == place ? value : 0));
          }
          const int64_t used = count * bits(packed.type) % 8;
          if (used != 0) {
            ASSERT_EQ(std::to_integer<int>(bytes.back()) >> used, 0) << name(packed.type);
          }
        }
}

// Four codes of six bits lie in three bytes, as ONNX's raw_data has them.
TEST(DTypePatterns, CodesOfSixBitsAreOneStreamFromTheLowestBit) {
  const std::vector<unsigned> codes = {0x15, 0x2A, 0x3F, 0x01, 0x20};
  std::vector<std::byte> bytes(bytes_for(DType::f6e2m3, 5));
  ASSERT_EQ(bytes.size(), 4u);
  for (int64_t i = 0; i < 5; ++i)
    store_code(DType::f6e2m3, bytes.data(), i, codes[static_cast<size_t>(i)]);
  uint32_t stream = 0;
  for (size_t i = 0; i < 4; ++i) stream |= codes[i] << (6 * i);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(std::to_integer<uint32_t>(bytes[i]), (stream >> (8 * i)) & 0xFF);
  EXPECT_EQ(std::to_integer<unsigned>(bytes[3]), 0x20u);
}

// Neighbours stay as they are, whatever place is written.
TEST(DTypePatterns, EveryCodeAtEveryPlaceOfAPackedType) {
  for (const DType type : {DType::f6e2m3, DType::f6e3m2, DType::f4e2m1, DType::u4, DType::i2})
    for (int64_t place = 0; place < 9; ++place)
      for (unsigned code = 0; code < 1u << bits(type); ++code) {
        const unsigned ones = (1u << bits(type)) - 1;
        std::vector<std::byte> bytes(bytes_for(type, 9), std::byte{0xFF}), copy(bytes.size());
        store_code(type, bytes.data(), place, code);
        for (int64_t i = 0; i < 9; ++i)
          ASSERT_EQ(load_code(type, bytes.data(), i), i == place ? code : ones) << name(type);
        copy_elements(type, bytes.data(), place, 9 - place, copy.data(), 0);
        ASSERT_EQ(load_code(type, copy.data(), 0), code);
        for (int64_t i = 1; i < 9; ++i)
          ASSERT_EQ(load_code(type, copy.data(), i), i < 9 - place ? ones : 0) << name(type);
      }
}

TEST(DTypePatterns, PackedIntegersWrapAndConvertAtOddCounts) {
  for (const Packed& packed : kPacked) {
    const int64_t range = packed.most - packed.least + 1;
    std::vector<std::byte> bytes(bytes_for(packed.type, 37)), back(37);
    std::vector<int8_t> wide(37);
    for (int64_t i = 0; i < 37; ++i)
      wide[static_cast<size_t>(i)] = static_cast<int8_t>(i * 7 - 128);
    const auto* data = reinterpret_cast<const std::byte*>(wide.data());
    convert(DType::i8, data, 37, packed.type, bytes.data());
    convert(packed.type, bytes.data(), 37, DType::i8, back.data());
    for (int64_t i = 0; i < 37; ++i) {
      const int64_t value = wide[static_cast<size_t>(i)];
      int64_t wrapped = (value % range + range) % range;
      if (wrapped > packed.most) wrapped -= range;
      ASSERT_EQ(load_int(packed.type, bytes.data(), i), wrapped) << name(packed.type) << value;
      ASSERT_EQ(load_int(DType::i8, back.data(), i), wrapped);
    }
  }
}

}  // namespace hone::dtype_patterns_test
