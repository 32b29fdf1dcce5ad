#include "device/cpu/requantize.hpp"

#include <algorithm>

#include "device/cpu/bytes.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kPiece = 256;

}  // namespace

void quantize_row(const float* values, int64_t count, int64_t zero, DType dtype, std::byte* to,
                  float divisor) {
  byte_functions().quantize(count, values, divisor, static_cast<int>(zero), dtype == DType::i8,
                            reinterpret_cast<unsigned char*>(to));
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
