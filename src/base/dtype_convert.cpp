// Conversions of many elements: the same results as element by element, in loops that a compiler
// turns into vector code.

#include <array>
#include <bit>
#include <cstring>

#include "base/dtype.hpp"
#include "base/error.hpp"
#include "base/float_format.hpp"

namespace hone {
namespace {

constexpr uint32_t kF32Infinity = 0x7F800000;

/// `yes` or `no` by masking: a branch around floating-point arithmetic would keep the loops below
/// from becoming vector code.
inline uint32_t select(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = 0 - static_cast<uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

inline float widen_f16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7FFF;
  const uint32_t rebias = static_cast<uint32_t>(127 - 15) << 23;
  const uint32_t normal = (magnitude << 13) + rebias;
  const uint32_t special = (magnitude << 13) | kF32Infinity | (magnitude > 0x7C00 ? 0x400000u : 0u);
  // Below the normals: 0.5 + m * 2^-24 is exact, for 0.5 has exactly that last place.
  const float small = std::bit_cast<float>(0x3F000000u | magnitude) - 0.5f;
  const uint32_t finite = select(magnitude < 0x400, std::bit_cast<uint32_t>(small), normal);
  return std::bit_cast<float>(sign | select(magnitude >= 0x7C00, special, finite));
}

inline uint16_t narrow_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  const uint32_t rebias = static_cast<uint32_t>(127 - 15) << 23;
  const uint32_t normal = (magnitude - rebias + 0xFFF + ((magnitude >> 13) & 1)) >> 13;
  // Below the normals: the addition rounds to the last place of 0.5, which is 2^-24.
  const uint32_t small =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000;
  const uint32_t nan = 0x7E00 | ((magnitude >> 13) & 0x3FF);
  const uint32_t finite = select(magnitude < 0x38800000, small, normal);
  const uint32_t large = select(magnitude > kF32Infinity, nan, 0x7C00);
  return static_cast<uint16_t>(sign | select(magnitude >= 0x477FF000, large, finite));
}

inline float widen_bf16(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  return std::bit_cast<float>(bits | ((half & 0x7FFF) > 0x7F80 ? 0x400000u : 0u));
}

inline uint16_t narrow_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t nan = (bits >> 16) | 0x40;
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  return static_cast<uint16_t>((bits & 0x7FFFFFFF) > kF32Infinity ? nan : rounded);
}

template <class T>
T load_at(const std::byte* data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void store_at(std::byte* out, int64_t index, T value) {
  std::memcpy(out + index * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

// Called with lambdas: a pointer to a function would be one type for all, and not be inlined.
template <class T, class Widen>
void widen(const std::byte* data, int64_t count, float* out, Widen widen_one) {
  for (int64_t i = 0; i < count; ++i) out[i] = widen_one(load_at<T>(data, i));
}

template <class Narrow>
void narrow(const float* data, int64_t count, std::byte* out, Narrow narrow_one) {
  for (int64_t i = 0; i < count; ++i) store_at(out, i, narrow_one(data[i]));
}

template <FloatFormat F>
constexpr std::array<float, 256> make_table() {
  std::array<float, 256> table{};
  for (uint32_t code = 0; code < 256; ++code) table[code] = static_cast<float>(decode<F>(code));
  return table;
}

template <FloatFormat F>
void widen_f8(const std::byte* data, int64_t count, float* out) {
  static constexpr std::array<float, 256> kTable = make_table<F>();
  widen<uint8_t>(data, count, out, [](uint8_t code) { return kTable[code]; });
}

template <FloatFormat F>
void narrow_f8(const float* data, int64_t count, std::byte* out) {
  narrow(data, count, out,
         [](float value) { return encode_f8<F>(static_cast<double>(value), true); });
}

template <class T>
float widen_number(T value) {
  return static_cast<float>(value);
}

bool is_aligned(const std::byte* data) {
  return reinterpret_cast<uintptr_t>(data) % alignof(float) == 0;
}

}  // namespace

float from_f16(uint16_t bits) { return widen_f16(bits); }
uint16_t to_f16(float value) { return narrow_f16(value); }
float from_bf16(uint16_t bits) { return widen_bf16(bits); }
uint16_t to_bf16(float value) { return narrow_bf16(value); }

void convert_to_f32(DType type, const std::byte* data, int64_t count, float* out) {
  switch (type) {
    case DType::f64: return widen<double>(data, count, out, widen_number<double>);
    case DType::f32: return widen<float>(data, count, out, widen_number<float>);
    case DType::f16:
      return widen<uint16_t>(data, count, out, [](uint16_t half) { return widen_f16(half); });
    case DType::bf16:
      return widen<uint16_t>(data, count, out, [](uint16_t half) { return widen_bf16(half); });
    case DType::f8e4m3fn: return widen_f8<kE4M3FN>(data, count, out);
    case DType::f8e4m3fnuz: return widen_f8<kE4M3FNUZ>(data, count, out);
    case DType::f8e5m2: return widen_f8<kE5M2>(data, count, out);
    case DType::f8e5m2fnuz: return widen_f8<kE5M2FNUZ>(data, count, out);
    case DType::i64: return widen<int64_t>(data, count, out, widen_number<int64_t>);
    case DType::i32: return widen<int32_t>(data, count, out, widen_number<int32_t>);
    case DType::i16: return widen<int16_t>(data, count, out, widen_number<int16_t>);
    case DType::i8: return widen<int8_t>(data, count, out, widen_number<int8_t>);
    case DType::u64: return widen<uint64_t>(data, count, out, widen_number<uint64_t>);
    case DType::u32: return widen<uint32_t>(data, count, out, widen_number<uint32_t>);
    case DType::u16: return widen<uint16_t>(data, count, out, widen_number<uint16_t>);
    case DType::u8: return widen<uint8_t>(data, count, out, widen_number<uint8_t>);
    default:
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(load_double(type, data, i));
  }
}

void convert_from_f32(const float* data, int64_t count, DType type, std::byte* out) {
  switch (type) {
    case DType::f64:
      return narrow(data, count, out, [](float value) { return static_cast<double>(value); });
    case DType::f32: return narrow(data, count, out, widen_number<float>);
    case DType::f16: return narrow(data, count, out, [](float value) { return narrow_f16(value); });
    case DType::bf16:
      return narrow(data, count, out, [](float value) { return narrow_bf16(value); });
    case DType::f8e4m3fn: return narrow_f8<kE4M3FN>(data, count, out);
    case DType::f8e4m3fnuz: return narrow_f8<kE4M3FNUZ>(data, count, out);
    case DType::f8e5m2: return narrow_f8<kE5M2>(data, count, out);
    case DType::f8e5m2fnuz: return narrow_f8<kE5M2FNUZ>(data, count, out);
    default:
      if (bits(type) < 8) std::memset(out, 0, bytes_for(type, count));
      for (int64_t i = 0; i < count; ++i) store_double(type, out, i, static_cast<double>(data[i]));
  }
}

void convert(DType from, const std::byte* data, int64_t count, DType to, std::byte* out,
             bool saturate) {
  const size_t bytes = bytes_for(to, count);
  if (from == to) {
    if (bytes > 0) std::memcpy(out, data, bytes);
    return;
  }
  if (from == DType::f32 && (saturate || bits(to) > 8) && is_aligned(data))
    return convert_from_f32(reinterpret_cast<const float*>(data), count, to, out);
  if (to == DType::f32 && is_aligned(out))
    return convert_to_f32(from, data, count, reinterpret_cast<float*>(out));
  if (bits(to) < 8) std::memset(out, 0, bytes);
  if (is_integer(from) || from == DType::boolean) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t value = load_int(from, data, i);
      const bool past_int64 = from == DType::u64 && value < 0 && is_float(to);
      if (past_int64) store_double(to, out, i, load_double(from, data, i), saturate);
      else store_int(to, out, i, value, saturate);
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    store_double(to, out, i, load_double(from, data, i), saturate);
}

}  // namespace hone
