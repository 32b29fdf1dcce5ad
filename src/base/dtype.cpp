#include "base/dtype.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/float_format.hpp"
#include "base/size.hpp"

namespace hone {
namespace {

struct Row {
  std::string_view name;
  int bits;
};

constexpr std::array<Row, kDTypeCount> kRows = {{
    {"f64", 64},       {"f32", 32},   {"f16", 16},       {"bf16", 16},  {"f8e4m3fn", 8},
    {"f8e4m3fnuz", 8}, {"f8e5m2", 8}, {"f8e5m2fnuz", 8}, {"f8e8m0", 8}, {"f6e2m3", 6},
    {"f6e3m2", 6},     {"f4e2m1", 4}, {"i64", 64},       {"i32", 32},   {"i16", 16},
    {"i8", 8},         {"i4", 4},     {"i2", 2},         {"u64", 64},   {"u32", 32},
    {"u16", 16},       {"u8", 8},     {"u4", 4},         {"u2", 2},     {"bool", 8},
    {"c64", 64},       {"c128", 128}, {"str", 0},
}};
static_assert(kRows.back().name == "str");

const Row& row(DType type) {
  const auto index = static_cast<size_t>(type);
  check(index < kRows.size(), Code::internal, "not a dtype: ", index);
  return kRows[index];
}

template <class T>
T load_as(const std::byte* data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void store_as(std::byte* data, int64_t index, T value) {
  std::memcpy(data + index * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

/// Where element `index` of elements of `width` (2, 4 or 6) bits begins, the first in the lowest
/// bits: four take width / 2 bytes.
struct PackedPlace {
  PackedPlace(int64_t index, int width)
      : byte(index / 4 * (width / 2) + index % 4 * width / 8),
        shift(static_cast<int>(index % 4 * width % 8)) {}
  int64_t byte;
  int shift;
};

unsigned load_packed(const std::byte* data, int64_t index, int width) {
  const PackedPlace at(index, width);
  unsigned found = std::to_integer<unsigned>(data[at.byte]) >> at.shift;
  if (at.shift + width > 8) found |= std::to_integer<unsigned>(data[at.byte + 1]) << (8 - at.shift);
  return found & ((1u << width) - 1);
}

void store_packed(std::byte* data, int64_t index, int width, uint64_t value) {
  const PackedPlace at(index, width);
  const unsigned mask = ((1u << width) - 1) << at.shift;
  const unsigned wanted = (static_cast<unsigned>(value) << at.shift) & mask;
  data[at.byte] = (data[at.byte] & ~static_cast<std::byte>(mask)) | static_cast<std::byte>(wanted);
  if (at.shift + width <= 8) return;
  std::byte& next = data[at.byte + 1];
  next = (next & ~static_cast<std::byte>(mask >> 8)) | static_cast<std::byte>(wanted >> 8);
}

int64_t sign_extend(unsigned value, int width) {
  const unsigned sign = 1u << (width - 1);
  return static_cast<int64_t>(value ^ sign) - static_cast<int64_t>(sign);
}

int64_t truncate_to_int(double value) {
  constexpr double kLimit = 0x1p63;
  if (std::isnan(value)) return 0;
  if (value >= kLimit) return std::numeric_limits<int64_t>::max();
  if (value < -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

uint64_t truncate_to_unsigned(double value) {
  if (!(value >= 0x1p63)) return static_cast<uint64_t>(truncate_to_int(value));
  if (value >= 0x1p64) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(value);
}

/// Magnitudes above 2^53 keep one sticky bit instead of rounding, so that rounding the double to
/// any narrower type equals rounding the integer (f64 and f32 are not stored by way of it).
double to_double_sticky(uint64_t magnitude) {
  if (magnitude >> 53)
    magnitude = (magnitude & ~uint64_t{0xFFF}) |
                ((magnitude & 0xFFF) != 0 ? uint64_t{0x1000} : uint64_t{0});
  return static_cast<double>(magnitude);
}

/// An op of numbers got complex ones or strings: a valid file may ask for that.
[[noreturn]] void refuse(DType type, std::string_view what) {
  fail(Code::unsupported, "elements of type ", name(type), " cannot be ", what, " as numbers");
}

template <class T>
double load_float(const std::byte* data, int64_t index) {
  return static_cast<double>(load_as<T>(data, index));
}

}  // namespace

std::string_view name(DType type) { return row(type).name; }

std::optional<DType> parse_dtype(std::string_view name) {
  const auto found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == name; });
  if (found == kRows.end()) return std::nullopt;
  return static_cast<DType>(found - kRows.begin());
}

void append(std::string& out, DType type) { append(out, name(type)); }
int bits(DType type) { return row(type).bits; }
bool is_float(DType type) { return type <= DType::f4e2m1; }
bool is_integer(DType type) { return type >= DType::i64 && type <= DType::u2; }
bool is_signed(DType type) { return type <= DType::i2 && type != DType::f8e8m0; }
bool is_complex(DType type) { return type == DType::c64 || type == DType::c128; }

size_t bytes_for(DType type, int64_t count) {
  check(type != DType::string, Code::internal, "strings have no fixed size");
  check(count >= 0, Code::invalid_model, "negative element count ", count);
  const int width = bits(type);
  if (width >= 8) return static_cast<size_t>(checked_mul(count, width / 8));
  return static_cast<size_t>(count / 4 * (width / 2) + (count % 4 * width + 7) / 8);
}

double load_double(DType type, const std::byte* data, int64_t index) {
  switch (type) {
    case DType::f64: return load_as<double>(data, index);
    case DType::f32: return load_float<float>(data, index);
    case DType::f16: return static_cast<double>(from_f16(load_as<uint16_t>(data, index)));
    case DType::bf16: return static_cast<double>(from_bf16(load_as<uint16_t>(data, index)));
    case DType::f8e4m3fn: return decode<kE4M3FN>(load_as<uint8_t>(data, index));
    case DType::f8e4m3fnuz: return decode<kE4M3FNUZ>(load_as<uint8_t>(data, index));
    case DType::f8e5m2: return decode<kE5M2>(load_as<uint8_t>(data, index));
    case DType::f8e5m2fnuz: return decode<kE5M2FNUZ>(load_as<uint8_t>(data, index));
    case DType::f8e8m0: return decode_scale(load_as<uint8_t>(data, index));
    case DType::f6e2m3: return decode<kE2M3>(load_packed(data, index, 6));
    case DType::f6e3m2: return decode<kE3M2>(load_packed(data, index, 6));
    case DType::f4e2m1: return decode<kE2M1>(load_packed(data, index, 4));
    case DType::u64: return static_cast<double>(load_as<uint64_t>(data, index));
    default: return static_cast<double>(load_int(type, data, index));
  }
}

int64_t load_int(DType type, const std::byte* data, int64_t index) {
  switch (type) {
    case DType::i64: return load_as<int64_t>(data, index);
    case DType::i32: return load_as<int32_t>(data, index);
    case DType::i16: return load_as<int16_t>(data, index);
    case DType::i8: return load_as<int8_t>(data, index);
    case DType::i4: return sign_extend(load_packed(data, index, 4), 4);
    case DType::i2: return sign_extend(load_packed(data, index, 2), 2);
    case DType::u64: return static_cast<int64_t>(load_as<uint64_t>(data, index));
    case DType::u32: return load_as<uint32_t>(data, index);
    case DType::u16: return load_as<uint16_t>(data, index);
    case DType::u8: return load_as<uint8_t>(data, index);
    case DType::u4: return load_packed(data, index, 4);
    case DType::u2: return load_packed(data, index, 2);
    case DType::boolean: return load_as<uint8_t>(data, index) != 0 ? 1 : 0;
    default:
      if (!is_float(type)) refuse(type, "read");
      return truncate_to_int(load_double(type, data, index));
  }
}

void store_double(DType type, std::byte* data, int64_t index, double value, bool saturate) {
  switch (type) {
    case DType::f64: return store_as(data, index, value);
    case DType::f32: return store_as(data, index, static_cast<float>(value));
    case DType::f16: return store_as(data, index, static_cast<uint16_t>(encode<kF16>(value)));
    case DType::bf16: return store_as(data, index, static_cast<uint16_t>(encode<kBF16>(value)));
    case DType::f8e4m3fn: return store_as(data, index, encode_f8<kE4M3FN>(value, saturate));
    case DType::f8e4m3fnuz: return store_as(data, index, encode_f8<kE4M3FNUZ>(value, saturate));
    case DType::f8e5m2: return store_as(data, index, encode_f8<kE5M2>(value, saturate));
    case DType::f8e5m2fnuz: return store_as(data, index, encode_f8<kE5M2FNUZ>(value, saturate));
    case DType::f8e8m0: return store_as(data, index, to_f8e8m0(value, saturate));
    case DType::f6e2m3: return store_packed(data, index, 6, encode<kE2M3>(value, true));
    case DType::f6e3m2: return store_packed(data, index, 6, encode<kE3M2>(value, true));
    case DType::f4e2m1: return store_packed(data, index, 4, encode<kE2M1>(value, true));
    case DType::u64: return store_as(data, index, truncate_to_unsigned(value));
    case DType::boolean: return store_as(data, index, static_cast<uint8_t>(value != 0 ? 1 : 0));
    default:
      if (!is_integer(type)) refuse(type, "written");
      return store_int(type, data, index, truncate_to_int(value));
  }
}

void store_int(DType type, std::byte* data, int64_t index, int64_t value, bool saturate) {
  const auto wrapped = static_cast<uint64_t>(value);
  switch (bits(type)) {
    case 2: return store_packed(data, index, 2, wrapped);
    case 4:
      if (is_integer(type)) return store_packed(data, index, 4, wrapped);
      break;
    case 6: break;
    case 8:
      if (type == DType::boolean) return store_as(data, index, static_cast<uint8_t>(value != 0));
      if (is_integer(type)) return store_as(data, index, static_cast<uint8_t>(wrapped));
      break;
    case 16:
      if (is_integer(type)) return store_as(data, index, static_cast<uint16_t>(wrapped));
      break;
    case 32:
      if (is_integer(type)) return store_as(data, index, static_cast<uint32_t>(wrapped));
      return store_as(data, index, static_cast<float>(value));
    default:
      if (is_integer(type)) return store_as(data, index, wrapped);
      if (type == DType::f64) return store_as(data, index, static_cast<double>(value));
  }
  if (!is_float(type)) refuse(type, "written");
  const double magnitude = to_double_sticky(value < 0 ? 0 - wrapped : wrapped);
  store_double(type, data, index, value < 0 ? -magnitude : magnitude, saturate);
}

unsigned load_code(DType type, const std::byte* data, int64_t index) {
  check(bits(type) < 8 && type != DType::string, Code::internal, name(type), " is not packed");
  return load_packed(data, index, bits(type));
}

void store_code(DType type, std::byte* data, int64_t index, unsigned code) {
  check(bits(type) < 8 && type != DType::string, Code::internal, name(type), " is not packed");
  store_packed(data, index, bits(type), code);
}

void copy_elements(DType type, const std::byte* from, int64_t first, int64_t count, std::byte* to,
                   int64_t place) {
  check(type != DType::string, Code::internal, "strings are not copied by their bits");
  const int width = bits(type);
  if (width < 8) {
    for (int64_t i = 0; i < count; ++i)
      store_packed(to, place + i, width, load_packed(from, first + i, width));
  } else if (count > 0) {
    const int64_t bytes = width / 8;
    std::memcpy(to + place * bytes, from + first * bytes, static_cast<size_t>(count * bytes));
  }
}

uint8_t to_f8e8m0(double value, bool saturate, ScaleRounding mode) {
  constexpr uint8_t kNaN = 0xFF, kMost = 0xFE;
  if (std::isnan(value)) return kNaN;
  const double magnitude = std::fabs(value);
  if (magnitude < 0x1p-127) return saturate ? 0 : kNaN;
  if (magnitude > 0x1p127) return saturate ? kMost : kNaN;
  int exponent = 0;
  const double mantissa = std::frexp(magnitude, &exponent);  // [0.5, 1)
  const bool up = mode == ScaleRounding::up ? mantissa > 0.5
                                            : mode == ScaleRounding::nearest && mantissa >= 0.75;
  return static_cast<uint8_t>(exponent - 1 + 127 + (up ? 1 : 0));
}

}  // namespace hone
