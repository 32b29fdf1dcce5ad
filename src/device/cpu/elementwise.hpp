#pragma once
// What the elementwise kernel knows of each op: a function over a row of elements for its element
// types. A new op is a line in elementwise_unary.cpp, elementwise_functions.cpp,
// elementwise_binary.cpp or elementwise_mixed.cpp.

#include <map>
#include <vector>

#include "device/cpu/rows.hpp"
#include "ir/op.hpp"
#include "ir/type.hpp"

namespace hone::cpu {

/// A piece of a row: operand k's element i is at[k] + i * step[k] elements; step is 0 or 1. Null:
/// an absent operand.
struct Row {
  int64_t count = 0;
  const std::byte* at[3] = {};
  int64_t step[3] = {};
  std::byte* to = nullptr;

  template <class T>
  const T* in(size_t k) const {
    return reinterpret_cast<const T*>(at[k]);
  }
  template <class T>
  T* out() const {
    return reinterpret_cast<T*>(to);
  }
};

/// `op` is the op's struct.
using RowFunction = void (*)(const void* op, const RowFunctions& rows, const Row& row);

struct Elementwise {
  /// The function for these element types (absent operands left out); null: there is none.
  using Find = RowFunction (*)(const void* op, const std::vector<DType>& operands, DType result);
  Find function = nullptr;
  double operations = 1;  // about, an element
  Find faster = nullptr;  // asked first
  RowFunction of(const void* op, const std::vector<DType>& operands, DType result) const {
    RowFunction found = faster == nullptr ? nullptr : faster(op, operands, result);
    return found != nullptr || function == nullptr ? found : function(op, operands, result);
  }
};
using ElementwiseOps = std::map<const OpClass*, Elementwise>;
const ElementwiseOps& elementwise_ops();

// Parts of the table.
void add_unary(ElementwiseOps& ops);
void add_functions(ElementwiseOps& ops);
void add_binary(ElementwiseOps& ops);
void add_mixed(ElementwiseOps& ops);
void add_loops(ElementwiseOps& ops);  // last: it makes others faster

/// f(a, b) over a row, one loop for each way the operands step.
template <class T, class R, class F>
void map_pair(const Row& row, const F& f) {
  const T *a = row.in<T>(0), *b = row.in<T>(1);
  R* to = row.out<R>();
  const int64_t count = row.count;  // which bytes that are written could be, for all GCC knows
  if (row.step[0] != 0 && row.step[1] != 0) {
    for (int64_t i = 0; i < count; ++i) to[i] = f(a[i], b[i]);
  } else if (row.step[0] != 0) {
    const T second = *b;
    for (int64_t i = 0; i < count; ++i) to[i] = f(a[i], second);
  } else if (row.step[1] != 0) {
    const T first = *a;
    for (int64_t i = 0; i < count; ++i) to[i] = f(first, b[i]);
  } else {
    const R value = f(*a, *b);
    for (int64_t i = 0; i < count; ++i) to[i] = value;
  }
}

}  // namespace hone::cpu
