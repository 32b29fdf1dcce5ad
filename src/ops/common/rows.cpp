#include "ops/common/rows.hpp"

#include <algorithm>

namespace hone {
namespace {

template <class T, class Out>
void load_as(const Tensor& tensor, int64_t at, int64_t step, int64_t count, Out* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<Out>(tensor.at<T>(at + i * step));
}

template <class T, class In>
void store_as(Tensor& tensor, int64_t at, int64_t count, const In* values) {
  for (int64_t i = 0; i < count; ++i) tensor.put<T>(at + i, static_cast<T>(values[i]));
}

}  // namespace

void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, double* out) {
  switch (tensor.dtype()) {
    case DType::f32: return load_as<float>(tensor, at, step, count, out);
    case DType::f64: return load_as<double>(tensor, at, step, count, out);
    case DType::i32: return load_as<int32_t>(tensor, at, step, count, out);
    case DType::i8: return load_as<int8_t>(tensor, at, step, count, out);
    case DType::u8: return load_as<uint8_t>(tensor, at, step, count, out);
    default:
      for (int64_t i = 0; i < count; ++i) out[i] = tensor.number(at + i * step);
  }
}

void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, int64_t* out) {
  switch (tensor.dtype()) {
    case DType::i64: return load_as<int64_t>(tensor, at, step, count, out);
    case DType::i32: return load_as<int32_t>(tensor, at, step, count, out);
    case DType::i8: return load_as<int8_t>(tensor, at, step, count, out);
    case DType::u8: return load_as<uint8_t>(tensor, at, step, count, out);
    default:
      for (int64_t i = 0; i < count; ++i) out[i] = tensor.integer(at + i * step);
  }
}

void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, uint64_t* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<uint64_t>(tensor.integer(at + i * step));
}

void store_row(Tensor& tensor, int64_t at, int64_t count, const double* values) {
  switch (tensor.dtype()) {
    case DType::f32: return store_as<float>(tensor, at, count, values);
    case DType::f64: return store_as<double>(tensor, at, count, values);
    default:
      for (int64_t i = 0; i < count; ++i) tensor.set_number(at + i, values[i]);
  }
}

void store_row(Tensor& tensor, int64_t at, int64_t count, const int64_t* values) {
  switch (tensor.dtype()) {
    case DType::i64: return store_as<int64_t>(tensor, at, count, values);
    case DType::i32: return store_as<int32_t>(tensor, at, count, values);
    case DType::i8: return store_as<int8_t>(tensor, at, count, values);
    case DType::u8: return store_as<uint8_t>(tensor, at, count, values);
    default:
      for (int64_t i = 0; i < count; ++i) tensor.set_integer(at + i, values[i]);
  }
}

void store_row(Tensor& tensor, int64_t at, int64_t count, const uint64_t* values) {
  for (int64_t i = 0; i < count; ++i) tensor.set_integer(at + i, static_cast<int64_t>(values[i]));
}

}  // namespace hone
