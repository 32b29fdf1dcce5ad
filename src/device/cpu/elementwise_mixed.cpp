// Elementwise ops whose operands differ in type or may be absent: Cast, Where, Clip, Pow.

#include <algorithm>
#include <cmath>

#include "device/cpu/elementwise.hpp"
#include "device/cpu/half.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"

namespace hone::cpu {
namespace {

using Types = std::vector<DType>;

template <DType kFrom>
void cast_row(const void* op, const RowFunctions&, const Row& row) {
  const Cast& cast = *static_cast<const Cast*>(op);
  convert(kFrom, row.at[0], row.count, cast.to, row.to, cast.saturate);
}

template <DType kHalf>
void widening_row(const void*, const RowFunctions&, const Row& row) {
  widen_halves(kHalf, row.at[0], row.count, row.out<float>());
}
template <DType kHalf>
void narrowing_row(const void*, const RowFunctions&, const Row& row) {
  narrow_to_halves(row.in<float>(0), row.count, kHalf, row.to);
}

/// Integers wrap; those to floats are rounded once.
template <class From, class To>
void plain_cast_row(const void*, const RowFunctions&, const Row& row) {
  const From* from = row.in<From>(0);
  To* to = row.out<To>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

/// Floats to integers by way of Whole, which `kFrom` numbers mostly fit; a block with others, or
/// NaN, goes the slow way, which saturates at 64 bits and wraps then.
template <DType kFrom, class From, class Whole, class To>
void whole_cast_row(const void* op, const RowFunctions&, const Row& row) {
  constexpr int64_t kBlock = 256;
  constexpr From kLimit = -static_cast<From>(std::numeric_limits<Whole>::min());
  const From* from = row.in<From>(0);
  To* to = row.out<To>();
  for (int64_t first = 0; first < row.count; first += kBlock, from += kBlock, to += kBlock) {
    const int64_t count = std::min(kBlock, row.count - first);
    int outside = 0;
    for (int64_t i = 0; i < count; ++i)
      outside |= static_cast<int>(!(from[i] >= -kLimit)) | static_cast<int>(!(from[i] < kLimit));
    if (outside == 0)
      for (int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(static_cast<Whole>(from[i]));
    else
      convert(kFrom, reinterpret_cast<const std::byte*>(from), count,
              static_cast<const Cast*>(op)->to, reinterpret_cast<std::byte*>(to));
  }
}

template <class From>
void truth_row(const void*, const RowFunctions&, const Row& row) {
  const From* from = row.in<From>(0);
  auto* to = row.out<uint8_t>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = from[i] != 0;
}

template <class To>
void from_truth_row(const void*, const RowFunctions&, const Row& row) {
  const auto* from = row.in<uint8_t>(0);
  To* to = row.out<To>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = static_cast<To>(from[i] != 0);
}

template <DType kFrom, class From>
RowFunction cast_of_float(DType result) {
  switch (result) {
    case DType::i64: return whole_cast_row<kFrom, From, int64_t, int64_t>;
    case DType::i32: return whole_cast_row<kFrom, From, int32_t, int32_t>;
    case DType::i16: return whole_cast_row<kFrom, From, int32_t, int16_t>;
    case DType::i8: return whole_cast_row<kFrom, From, int32_t, int8_t>;
    case DType::u32: return whole_cast_row<kFrom, From, int64_t, uint32_t>;
    case DType::u16: return whole_cast_row<kFrom, From, int32_t, uint16_t>;
    case DType::u8: return whole_cast_row<kFrom, From, int32_t, uint8_t>;
    case DType::boolean: return truth_row<From>;
    default: return cast_row<kFrom>;
  }
}

template <DType kFrom, class From>
RowFunction cast_of_integer(DType result) {
  switch (result) {
    case DType::f64: return plain_cast_row<From, double>;
    case DType::f32: return plain_cast_row<From, float>;
    case DType::i64: return plain_cast_row<From, int64_t>;
    case DType::i32: return plain_cast_row<From, int32_t>;
    case DType::i16: return plain_cast_row<From, int16_t>;
    case DType::i8: return plain_cast_row<From, int8_t>;
    case DType::u64: return plain_cast_row<From, uint64_t>;
    case DType::u32: return plain_cast_row<From, uint32_t>;
    case DType::u16: return plain_cast_row<From, uint16_t>;
    case DType::u8: return plain_cast_row<From, uint8_t>;
    case DType::boolean: return truth_row<From>;
    default: return cast_row<kFrom>;
  }
}

RowFunction cast_of_truth(DType result) {
  switch (result) {
    case DType::f64: return from_truth_row<double>;
    case DType::f32: return from_truth_row<float>;
    case DType::i64: return from_truth_row<int64_t>;
    case DType::i32: return from_truth_row<int32_t>;
    case DType::u8:
    case DType::i8: return from_truth_row<uint8_t>;
    default: return cast_row<DType::boolean>;
  }
}

RowFunction cast_function(const void*, const Types& types, DType result) {
  if (result == DType::f8e8m0 || bits(result) < 8 || is_complex(result)) return nullptr;
  switch (types[0]) {
    case DType::f64: return cast_of_float<DType::f64, double>(result);
    case DType::f32:
      if (result == DType::f16) return narrowing_row<DType::f16>;
      if (result == DType::bf16) return narrowing_row<DType::bf16>;
      return cast_of_float<DType::f32, float>(result);
    case DType::f16: return result == DType::f32 ? widening_row<DType::f16> : cast_row<DType::f16>;
    case DType::bf16:
      return result == DType::f32 ? widening_row<DType::bf16> : cast_row<DType::bf16>;
    case DType::i64: return cast_of_integer<DType::i64, int64_t>(result);
    case DType::i32: return cast_of_integer<DType::i32, int32_t>(result);
    case DType::i16: return cast_of_integer<DType::i16, int16_t>(result);
    case DType::i8: return cast_of_integer<DType::i8, int8_t>(result);
    case DType::u64: return cast_of_integer<DType::u64, uint64_t>(result);
    case DType::u32: return cast_of_integer<DType::u32, uint32_t>(result);
    case DType::u16: return cast_of_integer<DType::u16, uint16_t>(result);
    case DType::u8: return cast_of_integer<DType::u8, uint8_t>(result);
    case DType::boolean: return cast_of_truth(result);
    default: return nullptr;
  }
}

/// Both are read, so that the loop has no branch that masks of chance would mislead. The steps of
/// the condition and of both choices are 0 or 1.
template <class T, int kCondition, int kX, int kY>
void where_loop(const Row& row) {
  const auto* condition = row.in<uint8_t>(0);
  const T *x = row.in<T>(1), *y = row.in<T>(2);
  T* to = row.out<T>();
  for (int64_t i = 0; i < row.count; ++i) {
    const T chosen = x[i * kX], other = y[i * kY];
    to[i] = condition[i * kCondition] != 0 ? chosen : other;
  }
}

template <class T>
void where_row(const void*, const RowFunctions&, const Row& row) {
  constexpr void (*kLoops[])(const Row&) = {where_loop<T, 0, 0, 0>, where_loop<T, 0, 0, 1>,
                                            where_loop<T, 0, 1, 0>, where_loop<T, 0, 1, 1>,
                                            where_loop<T, 1, 0, 0>, where_loop<T, 1, 0, 1>,
                                            where_loop<T, 1, 1, 0>, where_loop<T, 1, 1, 1>};
  kLoops[4 * row.step[0] + 2 * row.step[1] + row.step[2]](row);
}

RowFunction where_function(const void*, const Types&, DType result) {
  switch (bits(result)) {
    case 8: return where_row<uint8_t>;
    case 16: return where_row<uint16_t>;
    case 32: return where_row<uint32_t>;
    case 64: return where_row<uint64_t>;
    default: return nullptr;
  }
}

template <class T>
void clip_row(const void*, const RowFunctions&, const Row& row) {
  const T* from = row.in<T>(0);
  T* to = row.out<T>();
  T least = std::numeric_limits<T>::lowest(), most = std::numeric_limits<T>::max();
  if (row.at[1] != nullptr) least = *row.in<T>(1);
  if (row.at[2] != nullptr) most = *row.in<T>(2);
  for (int64_t i = 0; i < row.count; ++i) {
    const T raised = from[i] < least ? least : from[i];
    to[i] = raised > most ? most : raised;
  }
}

/// Apart from f32, for a bound that is absent is the largest number of 16 bits.
template <DType kHalf>
void clip_half_row(const void* op, const RowFunctions& functions, const Row& row) {
  constexpr int64_t kPiece = 256;
  const float largest = kHalf == DType::f16 ? 65504.0f : 0x1.FEp127f;
  float values[kPiece], least = -largest, most = largest;
  if (row.at[1] != nullptr) convert_to_f32(kHalf, row.at[1], 1, &least);
  if (row.at[2] != nullptr) convert_to_f32(kHalf, row.at[2], 1, &most);
  const auto bytes = [](const float* numbers) {
    return reinterpret_cast<const std::byte*>(numbers);
  };
  for (int64_t done = 0; done < row.count; done += kPiece) {
    Row piece = row;
    piece.count = std::min(kPiece, row.count - done);
    widen_halves(kHalf, row.at[0] + 2 * done, piece.count, values);
    piece.at[0] = bytes(values), piece.at[1] = bytes(&least), piece.at[2] = bytes(&most);
    piece.to = reinterpret_cast<std::byte*>(values);
    clip_row<float>(op, functions, piece);
    narrow_to_halves(values, piece.count, kHalf, row.to + 2 * done);
  }
}

RowFunction clip_function(const void*, const Types&, DType result) {
  switch (result) {
    case DType::f16: return clip_half_row<DType::f16>;
    case DType::bf16: return clip_half_row<DType::bf16>;
    case DType::f32: return clip_row<float>;
    case DType::f64: return clip_row<double>;
    case DType::i64: return clip_row<int64_t>;
    case DType::i32: return clip_row<int32_t>;
    case DType::i16: return clip_row<int16_t>;
    case DType::u64: return clip_row<uint64_t>;
    case DType::u32: return clip_row<uint32_t>;
    case DType::u16: return clip_row<uint16_t>;
    case DType::i8: return clip_row<int8_t>;
    case DType::u8: return clip_row<uint8_t>;
    default: return nullptr;
  }
}

/// The usual exponents apart: in double, rounded once. Integers of more digits than f32 has are
/// exponents in double, too.
template <class Exponent>
void power_row(const void*, const RowFunctions&, const Row& row) {
  const auto* base = row.in<float>(0);
  const auto* exponent = row.in<Exponent>(1);
  auto* to = row.out<float>();
  const bool square = row.step[1] == 0 && *exponent == 2;
  const bool cube = row.step[1] == 0 && *exponent == 3;
  if ((square || cube) && row.step[0] != 0) {
    for (int64_t i = 0; i < row.count; ++i) {
      const double x = base[i], squared = x * x;
      to[i] = static_cast<float>(square ? squared : squared * x);
    }
    return;
  }
  for (int64_t i = 0; i < row.count; ++i) {
    const float a = base[i * row.step[0]];
    const Exponent b = exponent[i * row.step[1]];
    if constexpr (std::is_same_v<Exponent, float>) to[i] = std::pow(a, b);
    else to[i] = static_cast<float>(std::pow(double{a}, static_cast<double>(b)));
  }
}

RowFunction power_function(const void*, const Types& types, DType) {
  if (types[0] != DType::f32) return nullptr;
  switch (types[1]) {
    case DType::f32: return power_row<float>;
    case DType::f64: return power_row<double>;
    case DType::i64: return power_row<int64_t>;
    case DType::i32: return power_row<int32_t>;
    default: return nullptr;
  }
}

}  // namespace

void add_mixed(ElementwiseOps& ops) {
  ops[&op_class<Cast>()] = {cast_function, 4};
  ops[&op_class<Where>()] = {where_function, 2};
  ops[&op_class<Clip>()] = {clip_function, 2};
  ops[&op_class<Pow>()] = {power_function, 20};
}

const ElementwiseOps& elementwise_ops() {
  static const ElementwiseOps kOps = [] {
    ElementwiseOps ops;
    add_unary(ops), add_binary(ops), add_mixed(ops);
    return ops;
  }();
  return kOps;
}

}  // namespace hone::cpu
