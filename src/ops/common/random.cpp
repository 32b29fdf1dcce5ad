#include "ops/common/random.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hone {

double RandomNumbers::uniform() {
  const uint32_t high = static_cast<uint32_t>(bits_()) >> 5;  // 27 bits
  const uint32_t low = static_cast<uint32_t>(bits_()) >> 6;   // 26 bits
  return (high * 0x1p26 + low) * 0x1p-53;
}

double RandomNumbers::normal() {
  if (spare_) {
    const double value = *spare_;
    spare_.reset();
    return value;
  }
  double x = 0, y = 0, square = 0;
  do {
    x = 2 * uniform() - 1;
    y = 2 * uniform() - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * portable_log(square) / square);  // sqrt is exact by IEEE 754
  spare_ = scale * x;
  return scale * y;
}

double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // in [1/2, 1)
  if (mantissa < std::numbers::sqrt2 / 2) {
    mantissa *= 2;
    --exponent;
  }
  // ln m = 2 artanh(t), t = (m - 1) / (m + 1), |t| < 0.172: the term t^23 is under 2^-60.
  const double t = (mantissa - 1) / (mantissa + 1), square = t * t;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * std::numbers::ln2 + 2 * t * sum;
}

double portable_exp(double x) {
  if (std::isnan(x)) return x;
  x = std::clamp(x, -800.0, 800.0);  // beyond, the result is 0 or infinite
  const double power = std::nearbyint(x / std::numbers::ln2);
  const double rest = x - power * std::numbers::ln2;  // |rest| < 0.35
  double sum = 1;
  for (int k = 16; k >= 1; --k) sum = 1 + sum * rest / k;
  return std::ldexp(sum, static_cast<int>(power));
}

}  // namespace hone
