#pragma once
// Row functions made of an op's own function of one element.

#include "device/cpu/elementwise.hpp"
#include "ops/common/elementwise.hpp"

namespace hone::cpu {

/// The op's own scalar function, in D.
template <class Op, class T, class D>
void map_scalar(const void* op, const RowFunctions&, const Row& row) {
  const Op& scalar = *static_cast<const Op*>(op);
  const T* from = row.in<T>(0);
  T* to = row.out<T>();
  for (int64_t i = 0; i < row.count; ++i)
    to[i] = static_cast<T>(scalar.of(static_cast<D>(from[i])));
}

/// D32: what f32 is computed in.
template <class Op, class D32>
RowFunction scalar_function(const void*, const std::vector<DType>& types, DType) {
  switch (types[0]) {
    case DType::f32: return map_scalar<Op, float, D32>;
    case DType::f64: return map_scalar<Op, double, double>;
    default: break;
  }
  if constexpr (Op::kElements == Elements::numbers || Op::kElements == Elements::signed_numbers)
    switch (types[0]) {
      case DType::i64: return map_scalar<Op, int64_t, int64_t>;
      case DType::i32: return map_scalar<Op, int32_t, int64_t>;
      case DType::i16: return map_scalar<Op, int16_t, int64_t>;
      case DType::i8: return map_scalar<Op, int8_t, int64_t>;
      default: break;
    }
  if constexpr (Op::kElements == Elements::numbers) switch (types[0]) {
      case DType::u64: return map_scalar<Op, uint64_t, uint64_t>;
      case DType::u32: return map_scalar<Op, uint32_t, int64_t>;
      case DType::u16: return map_scalar<Op, uint16_t, int64_t>;
      case DType::u8: return map_scalar<Op, uint8_t, int64_t>;
      default: break;
    }
  return nullptr;
}

template <class Op, class D32 = double>
void add_scalar(ElementwiseOps& ops, double operations) {
  ops[&op_class<Op>()] = {scalar_function<Op, D32>, operations};
}

}  // namespace hone::cpu
