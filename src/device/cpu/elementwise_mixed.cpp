// Elementwise ops whose operands differ in type or may be absent: Cast, Where, Clip, Pow. Those of
// integers and truths are in elementwise_loops.cpp.

#include <algorithm>
#include <cmath>

#include "device/cpu/element_rows.hpp"
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

/// What elementwise_loops.cpp leaves: halves, and types that few models have.
RowFunction cast_function(const void*, const Types& types, DType result) {
  if (result == DType::f8e8m0 || bits(result) < 8 || is_complex(result)) return nullptr;
  switch (types[0]) {
    case DType::f64: return cast_row<DType::f64>;
    case DType::f32:
      if (result == DType::f16) return narrowing_row<DType::f16>;
      if (result == DType::bf16) return narrowing_row<DType::bf16>;
      return cast_row<DType::f32>;
    case DType::f16: return result == DType::f32 ? widening_row<DType::f16> : cast_row<DType::f16>;
    case DType::bf16:
      return result == DType::f32 ? widening_row<DType::bf16> : cast_row<DType::bf16>;
    case DType::i64: return cast_row<DType::i64>;
    case DType::i32: return cast_row<DType::i32>;
    case DType::i16: return cast_row<DType::i16>;
    case DType::i8: return cast_row<DType::i8>;
    case DType::u64: return cast_row<DType::u64>;
    case DType::u32: return cast_row<DType::u32>;
    case DType::u16: return cast_row<DType::u16>;
    case DType::u8: return cast_row<DType::u8>;
    case DType::boolean: return cast_row<DType::boolean>;
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

/// Squares apart.
void double_power_row(const void*, const RowFunctions&, const Row& row) {
  const auto *base = row.in<double>(0), *exponent = row.in<double>(1);
  auto* to = row.out<double>();
  if (row.step[0] != 0 && row.step[1] == 0 && *exponent == 2) {
    for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = base[i] * base[i];
    return;
  }
  for (int64_t i = 0; i < row.count; ++i)
    to[i] = std::pow(base[i * row.step[0]], exponent[i * row.step[1]]);
}

/// Integers wrap; of a negative exponent the quotient is cut.
uint64_t whole_power_of(uint64_t base, int64_t exponent) {
  const bool is_unit = base == 1 || base == ~uint64_t{0};
  if (exponent < 0 && !is_unit) return 0;
  uint64_t result = 1;
  for (auto left = static_cast<uint64_t>(exponent); left != 0; left >>= 1, base *= base)
    if ((left & 1) != 0) result *= base;
  return result;
}

/// One exponent for a row of integers, by squaring.
template <int kNumber, class Exponent>
void whole_power_row(const void*, const RowFunctions&, const Row& row) {
  using T = BitsOfWidth<kNumber / 2>;
  const auto* exponent = row.in<Exponent>(1);
  if (row.step[0] == 0 || row.step[1] != 0 || *exponent < 1) {
    for (int64_t i = 0; i < row.count; ++i) {
      const auto base = static_cast<std::make_signed_t<T>>(row.in<T>(0)[i * row.step[0]]);
      row.out<T>()[i] = static_cast<T>(
          whole_power_of(static_cast<uint64_t>(int64_t{base}), exponent[i * row.step[1]]));
    }
    return;
  }
  constexpr int64_t kPiece = 256;
  const auto multiply = element_loops().multiply[kNumber / 2];
  for (int64_t done = 0; done < row.count; done += kPiece) {
    const int64_t count = std::min(kPiece, row.count - done);
    T* to = row.out<T>() + done;
    const T* power = row.in<T>(0) + done;  // to the bit that is looked at
    T square[kPiece], product[kPiece];
    const T* made = nullptr;  // of the bits so far
    for (auto left = static_cast<uint64_t>(*exponent);; power = square) {
      if (left % 2 != 0 && made != nullptr) multiply(count, made, power, product), made = product;
      else if (left % 2 != 0) made = std::copy_n(power, count, product) - count;
      if ((left /= 2) == 0) break;
      multiply(count, power, power, left == 1 && made == nullptr ? to : square);
      if (left == 1 && made == nullptr) break;
    }
    if (made != nullptr) std::copy_n(made, count, to);
  }
}

template <class Exponent>
RowFunction whole_power(DType base) {
  if (base == DType::i64) return whole_power_row<ElementLoops::i64, Exponent>;
  if (base == DType::i32) return whole_power_row<ElementLoops::i32, Exponent>;
  return nullptr;
}

RowFunction power_function(const void*, const Types& types, DType) {
  if (types[0] == DType::f64 && types[1] == DType::f64) return double_power_row;
  if (types[1] == DType::i64 && is_integer(types[0])) return whole_power<int64_t>(types[0]);
  if (types[1] == DType::i32 && is_integer(types[0])) return whole_power<int32_t>(types[0]);
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
  ops[&op_class<Where>()] = {nullptr, 2};
  ops[&op_class<Clip>()] = {clip_function, 2};
  ops[&op_class<Pow>()] = {power_function, 20};
}

const ElementwiseOps& elementwise_ops() {
  static const ElementwiseOps kOps = [] {
    ElementwiseOps ops;
    add_unary(ops), add_functions(ops), add_binary(ops), add_mixed(ops), add_loops(ops);
    return ops;
  }();
  return kOps;
}

}  // namespace hone::cpu
