// Elementwise ops of one operand.

#include <algorithm>
#include <cmath>

#include "device/cpu/double_rows.hpp"
#include "device/cpu/elementwise.hpp"
#include "device/cpu/scalar_rows.hpp"
#include "ops/activation.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::cpu {
namespace {

using Types = std::vector<DType>;

template <auto kFunction>
void map_row(const void*, const RowFunctions& rows, const Row& row) {
  (rows.*kFunction)(row.count, row.in<float>(0), row.out<float>());
}

/// Of f32 by a row function, of f64 as it is.
template <class Op, auto kFunction>
RowFunction vector_function(const void* op, const Types& types, DType result) {
  return types[0] == DType::f32 ? map_row<kFunction>
                                : scalar_function<Op, double>(op, types, result);
}

/// Of both by row functions.
template <auto kFloats, auto kDoubles>
RowFunction vectors_of_both(const void*, const Types& types, DType) {
  return types[0] == DType::f32   ? map_row<kFloats>
         : types[0] == DType::f64 ? map_doubles<kDoubles>
                                  : nullptr;
}

void swish(const void* op, const RowFunctions& rows, const Row& row) {
  rows.swish(row.count, static_cast<const Swish*>(op)->alpha, row.in<float>(0), row.out<float>());
}

/// f32 in pieces: `prepare` makes an argument of each x, `rows.*kFunction` is taken of all of them,
/// `finish` makes the result of x and that.
template <auto kFunction, class Prepare, class Finish>
void map_pieces(const RowFunctions& rows, const Row& row, Prepare prepare, Finish finish) {
  constexpr int64_t kPiece = 256;
  float values[kPiece];
  for (int64_t first = 0; first < row.count; first += kPiece) {
    const int64_t count = std::min(kPiece, row.count - first);
    const float* from = row.in<float>(0) + first;
    float* to = row.out<float>() + first;
    for (int64_t i = 0; i < count; ++i) values[i] = prepare(from[i]);
    (rows.*kFunction)(count, values, values);
    for (int64_t i = 0; i < count; ++i) to[i] = finish(from[i], values[i]);
  }
}

/// With e = exp(x), tanh(log(1 + e)) is (e^2 + 2e) / (e^2 + 2e + 2): 1 from 20 on.
void mish(const void*, const RowFunctions& rows, const Row& row) {
  map_pieces<&RowFunctions::exp>(
      rows, row, [](float x) { return x > 20 ? 20 : x; },
      [](float x, float e) {
        const float n = e * (e + 2);
        return x * (n / (n + 2));
      });
}

/// x / 2 * (1 + tanh(u)) is x * sigmoid(2u).
void gelu_tanh(const void*, const RowFunctions& rows, const Row& row) {
  constexpr float kTwice = 1.5957691216057308F, kCube = 0.044715F * kTwice;
  map_pieces<&RowFunctions::sigmoid>(
      rows, row, [](float x) { return x * (kTwice + kCube * x * x); },
      [](float x, float share) { return x * share; });
}

void hard_sigmoid(const void* op, const RowFunctions& rows, const Row& row) {
  const auto& fields = *static_cast<const HardSigmoid*>(op);
  rows.hard_sigmoid(row.count, fields.alpha, fields.beta, row.in<float>(0), row.out<float>());
}

/// Of f32 by `kFunction`, of f64 as it is.
template <class Op, RowFunction kFunction>
RowFunction piece_function(const void* op, const Types& types, DType result) {
  return types[0] == DType::f32 ? kFunction : scalar_function<Op, double>(op, types, result);
}

void add_vectors(ElementwiseOps& ops) {
  ops[&op_class<HardSigmoid>()] = {piece_function<HardSigmoid, hard_sigmoid>, 3};
  ops[&op_class<HardSwish>()] = {vector_function<HardSwish, &RowFunctions::hard_swish>, 4};
  ops[&op_class<Mish>()] = {piece_function<Mish, mish>, 12};
  ops[&op_class<Exp>()] = {vectors_of_both<&RowFunctions::exp, &DoubleFunctions::exp>, 4};
  ops[&op_class<Sigmoid>()] = {vectors_of_both<&RowFunctions::sigmoid, &DoubleFunctions::sigmoid>,
                               6};
  ops[&op_class<Tanh>()] = {vectors_of_both<&RowFunctions::tanh, &DoubleFunctions::tanh>, 6};
  ops[&op_class<Erf>()] = {vector_function<Erf, &RowFunctions::erf>, 8};
  ops[&op_class<Swish>()] = {[](const void*, const Types& types, DType) -> RowFunction {
                               return types[0] == DType::f32 ? swish : nullptr;
                             },
                             6};
  ops[&op_class<Gelu>()] = {[](const void* op, const Types& types, DType result) -> RowFunction {
                              const bool exact = static_cast<const Gelu*>(op)->approximate ==
                                                 Gelu::Approximate::none;
                              if (types[0] == DType::f32)
                                return exact ? map_row<&RowFunctions::gelu> : gelu_tanh;
                              return scalar_function<Gelu, double>(op, types, result);
                            },
                            8};
}

void negate_truth(const void*, const RowFunctions&, const Row& row) {
  const auto* from = row.in<uint8_t>(0);
  auto* to = row.out<uint8_t>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = from[i] == 0;
}

/// What the bits of a float beside its sign say: T is as wide, kInfinity its bits of infinity.
template <class T, T kInfinity>
void is_nan(const void*, const RowFunctions&, const Row& row) {
  constexpr T kMagnitude = static_cast<T>(~T{0}) >> 1;
  const T* from = row.in<T>(0);
  auto* to = row.out<uint8_t>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = (from[i] & kMagnitude) > kInfinity;
}

template <class T, T kInfinity>
void is_infinite(const void* op, const RowFunctions&, const Row& row) {
  constexpr T kAll = static_cast<T>(~T{0}), kMagnitude = kAll >> 1;
  const auto& fields = *static_cast<const IsInf*>(op);
  if (!fields.detect_positive && !fields.detect_negative) {
    std::fill_n(row.out<uint8_t>(), row.count, uint8_t{0});
    return;
  }
  const bool both = fields.detect_positive && fields.detect_negative;
  const T mask = both ? kMagnitude : kAll;
  const T wanted = fields.detect_positive ? kInfinity : static_cast<T>(kInfinity | ~kMagnitude);
  const T* from = row.in<T>(0);
  auto* to = row.out<uint8_t>();
  for (int64_t i = 0, count = row.count; i < count; ++i) to[i] = (from[i] & mask) == wanted;
}

RowFunction is_nan_function(const void*, const Types& types, DType) {
  switch (types[0]) {
    case DType::f64: return is_nan<uint64_t, 0x7ff0000000000000>;
    case DType::f32: return is_nan<uint32_t, 0x7f800000>;
    case DType::f16: return is_nan<uint16_t, 0x7c00>;
    case DType::bf16: return is_nan<uint16_t, 0x7f80>;
    default: return nullptr;
  }
}

RowFunction is_infinite_function(const void*, const Types& types, DType) {
  switch (types[0]) {
    case DType::f64: return is_infinite<uint64_t, 0x7ff0000000000000>;
    case DType::f32: return is_infinite<uint32_t, 0x7f800000>;
    case DType::f16: return is_infinite<uint16_t, 0x7c00>;
    case DType::bf16: return is_infinite<uint16_t, 0x7f80>;
    default: return nullptr;
  }
}

}  // namespace

void add_unary(ElementwiseOps& ops) {
  add_vectors(ops);
  add_scalar<Relu, float>(ops, 1), add_scalar<Abs, float>(ops, 1), add_scalar<Neg, float>(ops, 1);
  add_scalar<Sign, float>(ops, 2), add_scalar<ThresholdedRelu, float>(ops, 2);
  add_scalar<Shrink, float>(ops, 4);
  ops[&op_class<IsNaN>()] = {is_nan_function, 1};
  ops[&op_class<IsInf>()] = {is_infinite_function, 2};
  ops[&op_class<Not>()] = {[](const void*, const Types& types, DType) -> RowFunction {
                             return types[0] == DType::boolean ? negate_truth : nullptr;
                           },
                           1};
}

}  // namespace hone::cpu
