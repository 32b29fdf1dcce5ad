#include "device/cpu/requantize.hpp"

#include <algorithm>

namespace hone::cpu {
namespace {

constexpr int64_t kPiece = 256;

template <class T>
void quantize_typed(const float* values, int64_t count, int64_t zero, T* to) {
  constexpr auto kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  const auto least = static_cast<float>(kLeast - zero), most = static_cast<float>(kMost - zero);
  const auto shift = static_cast<int32_t>(zero);
  for (int64_t i = 0; i < count; ++i) {
    float value = values[i] > least ? values[i] : least;  // NaN too
    value = value < most ? value : most;
    // 1.5 * 2^23: the sum has no place for a fraction, so it is rounded, halves to even.
    const float whole = (value + 12582912.0f) - 12582912.0f;
    to[i] = static_cast<T>(static_cast<int32_t>(whole) + shift);
  }
}

}  // namespace

void quantize_row(const float* values, int64_t count, int64_t zero, DType dtype, std::byte* to) {
  if (dtype == DType::u8) quantize_typed(values, count, zero, reinterpret_cast<uint8_t*>(to));
  else quantize_typed(values, count, zero, reinterpret_cast<int8_t*>(to));
}

void requantize(const int32_t* sums, int64_t count, int32_t bias, float scale, int64_t zero,
                DType dtype, std::byte* to) {
  float values[kPiece];
  for (int64_t done = 0; done < count; done += kPiece) {
    const int64_t now = std::min(kPiece, count - done);
    for (int64_t i = 0; i < now; ++i) {
      // In 64 bits: the bias may take the sum beyond 32.
      const int64_t sum = int64_t{sums[done + i]} + bias;
      values[i] = static_cast<float>(sum) * scale;
    }
    quantize_row(values, now, zero, dtype, to + done);
  }
}

}  // namespace hone::cpu
