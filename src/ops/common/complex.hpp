#pragma once
// Elements of complex tensors, as numbers to compute with.

#include <complex>
#include <vector>

#include "ir/tensor.hpp"

namespace hone {

using Complex = std::complex<double>;

/// The type of the two parts of an element of a complex type.
inline DType part_type(DType complex) { return complex == DType::c64 ? DType::f32 : DType::f64; }

inline Complex complex_at(const Tensor& x, int64_t at) {
  const DType part = part_type(x.dtype());
  return {load_double(part, x.bytes().data(), 2 * at),
          load_double(part, x.bytes().data(), 2 * at + 1)};
}

inline void set_complex(Tensor& y, int64_t at, Complex value) {
  const DType part = part_type(y.dtype());
  store_double(part, y.mutable_bytes().data(), 2 * at, value.real());
  store_double(part, y.mutable_bytes().data(), 2 * at + 1, value.imag());
}

inline std::vector<Complex> complex_elements(const Tensor& x) {
  std::vector<Complex> values;
  values.reserve(static_cast<size_t>(x.count()));
  for (int64_t i = 0; i < x.count(); ++i) values.push_back(complex_at(x, i));
  return values;
}

}  // namespace hone
