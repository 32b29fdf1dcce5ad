#pragma once
// Element types: names, widths, and exact conversions to and from double and int64.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hone {

enum class DType : uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8e4m3fn,
  f8e4m3fnuz,
  f8e5m2,
  f8e5m2fnuz,
  f8e8m0,
  f6e2m3,
  f6e3m2,
  f4e2m1,
  i64,
  i32,
  i16,
  i8,
  i4,
  i2,
  u64,
  u32,
  u16,
  u8,
  u4,
  u2,
  boolean,
  c64,
  c128,    ///< complex of two f32, of two f64; pass through
  string,  ///< pass through: never computed with
};
inline constexpr int kDTypeCount = static_cast<int>(DType::string) + 1;

std::string_view name(DType type);  // "f32", "bf16", "bool", "c64", "str", ...
std::optional<DType> parse_dtype(std::string_view name);
void append(std::string& out, DType type);

/// Width of one element in bits; 2, 4 and 6 for the packed types, 0 for string.
int bits(DType type);
bool is_float(DType type);    // f64 ... f4e2m1
bool is_integer(DType type);  // signed and unsigned, not bool
bool is_signed(DType type);   // floats (f8e8m0 not) and signed integers
bool is_complex(DType type);

/// Bytes that `count` elements occupy, packed from the lowest bit on (two f4/i4/u4, four i2/u2 a
/// byte, four f6 in three; the last byte padded with zero). Checked: throws Error(invalid_model) on
/// overflow. Strings: throws Error(internal).
size_t bytes_for(DType type, int64_t count);

/// Element `index` of packed data at `data` (no alignment needed), widened exactly (64-bit integers
/// round to nearest in load_double). bool reads as 0 or 1. Complex and string: Error(internal).
double load_double(DType type, const std::byte* data, int64_t index);
/// Floats truncate (NaN is 0, the rest clamps to 64 bits); u64 wraps.
int64_t load_int(DType type, const std::byte* data, int64_t index);

/// Stores one element. Floats round to nearest even; overflow of f16, bf16, f32 goes to infinity;
/// f8 saturate to the largest finite value when `saturate`, else become NaN or infinity as the ONNX
/// Cast tables say (f6 and f4 always saturate, their NaN is -0; f8e8m0 rounds up, of the
/// magnitude).
/// Integers from double: truncated toward zero, then wrapped to the width (NaN and out of int64
/// range: 0 / limits; u64 takes all of its own range); from int64: wrapped, floats rounded once.
/// bool: anything but zero is true. Signalling NaNs become quiet. Packed neighbours share a byte:
/// two threads must not store into the same one.
void store_double(DType type, std::byte* data, int64_t index, double value, bool saturate = true);
void store_int(DType type, std::byte* data, int64_t index, int64_t value, bool saturate = true);

/// The bits of an element of a packed type, zeros above them; the same caution.
unsigned load_code(DType type, const std::byte* data, int64_t index);
void store_code(DType type, std::byte* data, int64_t index, unsigned code);
/// `count` elements from place `first` on to place `place` on, their bits unchanged. No strings;
/// the places must not overlap.
void copy_elements(DType type, const std::byte* from, int64_t first, int64_t count, std::byte* to,
                   int64_t place);

/// How f8e8m0 rounds: ONNX Cast's round_mode. `nearest` sends ties up.
enum class ScaleRounding : uint8_t {
  up,
  down,
  nearest
};
/// 2^(code - 127), 0xFF is NaN. The sign is ignored; zero and what is below 2^-127 give code 0,
/// what is above 2^127 code 0xFE when `saturate`; else they are NaN.
uint8_t to_f8e8m0(double value, bool saturate = true, ScaleRounding mode = ScaleRounding::up);

/// Single conversions, exact tables of IEEE and the OCP FP8 / ONNX definitions.
uint16_t to_f16(float value);
float from_f16(uint16_t bits);
uint16_t to_bf16(float value);
float from_bf16(uint16_t bits);

/// Many elements at once: the same results as loops over load_double and store_double, faster
/// (64-bit integers are rounded once). `out` must not overlap `data`.
void convert_to_f32(DType type, const std::byte* data, int64_t count, float* out);
void convert_from_f32(const float* data, int64_t count, DType type, std::byte* out);
/// Any numeric type to any other, as ONNX Cast does: integers by way of int64, the rest by way of
/// double. The same type is copied. Neither pointer need be aligned.
void convert(DType from, const std::byte* data, int64_t count, DType to, std::byte* out,
             bool saturate = true);

}  // namespace hone
