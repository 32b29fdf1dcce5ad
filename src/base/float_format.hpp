#pragma once
// The narrow binary float formats as data, and the exact rounding that they all share. For
// base/dtype*.cpp.

#include <bit>
#include <cstdint>
#include <limits>

namespace hone {

enum class Specials : uint8_t {
  ieee,        ///< infinities and NaNs in the highest exponent
  fn,          ///< no infinity; all ones is NaN
  fnuz,        ///< no infinity, no -0: its code is the NaN
  finite_only  ///< neither infinity nor NaN
};

struct FloatFormat {
  int width, mantissa, bias;  // bits, bits, offset
  Specials specials;
  uint32_t largest;  // code of the largest finite magnitude
  uint32_t nan;      // code of the NaN (of NaNs: the quiet one), without its sign
};

inline constexpr FloatFormat kF16{16, 10, 15, Specials::ieee, 0x7BFF, 0x7E00};
inline constexpr FloatFormat kBF16{16, 7, 127, Specials::ieee, 0x7F7F, 0x7FC0};
inline constexpr FloatFormat kE4M3FN{8, 3, 7, Specials::fn, 0x7E, 0x7F};
inline constexpr FloatFormat kE4M3FNUZ{8, 3, 8, Specials::fnuz, 0x7F, 0x80};
inline constexpr FloatFormat kE5M2{8, 2, 15, Specials::ieee, 0x7B, 0x7E};
inline constexpr FloatFormat kE5M2FNUZ{8, 2, 16, Specials::fnuz, 0x7F, 0x80};
inline constexpr FloatFormat kE2M3{6, 3, 1, Specials::finite_only, 0x1F, 0x20};
inline constexpr FloatFormat kE3M2{6, 2, 3, Specials::finite_only, 0x1F, 0x20};
inline constexpr FloatFormat kE2M1{4, 1, 1, Specials::finite_only, 0x7, 0x8};

/// The double 2^exponent, for exponents of normal doubles.
constexpr double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(1023 + exponent) << 52);
}

/// The magnitude code nearest to a finite magnitude (as bits of a double), ties to even, as if the
/// exponent range had no upper end.
template <FloatFormat F>
constexpr uint64_t round_magnitude(uint64_t magnitude) {
  const int exponent = static_cast<int>(magnitude >> 52) - 1023 + F.bias;
  const uint64_t mantissa = (magnitude & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
  const int below_normal = exponent >= 1 ? 0 : 1 - exponent;
  if (below_normal > F.mantissa + 1) return 0;  // under half of the smallest magnitude
  const int dropped = 52 - F.mantissa + below_normal;
  const uint64_t half = uint64_t{1} << (dropped - 1);
  const uint64_t kept = mantissa >> dropped;
  const uint64_t rounded = (mantissa + half - 1 + (kept & 1)) >> dropped;
  // The leading one of a normal mantissa, and a carry out of it, add to the exponent field.
  return rounded + (static_cast<uint64_t>(exponent >= 1 ? exponent - 1 : 0) << F.mantissa);
}

/// Rounds to nearest even. Overflow: the largest magnitude when `saturate`, else infinity, or NaN
/// where there is none. Formats without NaN give -0 for it.
template <FloatFormat F>
constexpr uint32_t encode(double value, bool saturate = false) {
  constexpr uint64_t kInfinity = uint64_t{0x7FF} << 52;
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t magnitude = bits & ~(uint64_t{1} << 63);
  const uint32_t sign = static_cast<uint32_t>(bits >> 63) << (F.width - 1);
  if (magnitude > kInfinity) {
    if constexpr (F.specials == Specials::fnuz || F.specials == Specials::finite_only) return F.nan;
    if constexpr (F.width == 16) {
      const auto payload = static_cast<uint32_t>(magnitude >> (52 - F.mantissa));
      return sign | F.nan | (payload & ((1u << F.mantissa) - 1));
    }
    return sign | F.nan;
  }
  const uint64_t code = magnitude == kInfinity ? F.largest + 1 : round_magnitude<F>(magnitude);
  if (code <= F.largest) {
    if (F.specials == Specials::fnuz && code == 0) return 0;
    return sign | static_cast<uint32_t>(code);
  }
  if (saturate || F.specials == Specials::finite_only) return sign | F.largest;
  if (F.specials == Specials::fnuz) return F.nan;
  return sign | (F.largest + 1);  // ieee: infinity; fn: NaN
}

template <FloatFormat F>
constexpr uint8_t encode_f8(double value, bool saturate) {
  return static_cast<uint8_t>(encode<F>(value, saturate));
}

template <FloatFormat F>
constexpr double decode(uint32_t code) {
  const uint32_t magnitude = code & ((1u << (F.width - 1)) - 1);
  const double sign = code >> (F.width - 1) ? -1.0 : 1.0;
  if (F.specials == Specials::fnuz && code == F.nan)
    return std::numeric_limits<double>::quiet_NaN();
  if (F.specials != Specials::finite_only && magnitude > F.largest) {
    if (F.specials == Specials::ieee && magnitude == F.largest + 1)
      return sign * std::numeric_limits<double>::infinity();
    return sign < 0 ? -std::numeric_limits<double>::quiet_NaN()
                    : std::numeric_limits<double>::quiet_NaN();
  }
  const uint32_t exponent = magnitude >> F.mantissa;
  const uint32_t fraction = magnitude & ((1u << F.mantissa) - 1);
  const uint32_t significand = exponent == 0 ? fraction : fraction | (1u << F.mantissa);
  const int scale = (exponent == 0 ? 1 : static_cast<int>(exponent)) - F.bias - F.mantissa;
  return sign * static_cast<double>(significand) * power_of_two(scale);
}

/// f8e8m0.
constexpr double decode_scale(uint32_t code) {
  return code == 0xFF ? std::numeric_limits<double>::quiet_NaN()
                      : power_of_two(static_cast<int>(code) - 127);
}

}  // namespace hone
