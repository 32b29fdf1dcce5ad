#pragma once
// Rows of elements widened to double or int64 and back: the dtype is looked at once a row, not once
// an element. The same results as Tensor's accessors.

#include <array>
#include <cstdint>
#include <type_traits>

#include "ir/tensor.hpp"
#include "ops/common/broadcast.hpp"

namespace hone {

/// `count` elements of `tensor` from index `at`, `step` apart. Integers of 64 bits round in the
/// double form; u64 keeps its bits in the int64 form.
void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, double* out);
void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, int64_t* out);
void load_row(const Tensor& tensor, int64_t at, int64_t step, int64_t count, uint64_t* out);
/// Into `count` elements from index `at`: floats round to nearest even, integers wrap.
void store_row(Tensor& tensor, int64_t at, int64_t count, const double* values);
void store_row(Tensor& tensor, int64_t at, int64_t count, const int64_t* values);
void store_row(Tensor& tensor, int64_t at, int64_t count, const uint64_t* values);

/// The elements a row is worked on at a time.
inline constexpr int64_t kRow = 512;

/// out[i] = f(in[0][..], in[1][..], ...) over `walk` of the operands, computed in domain D
/// (see with_domain) and stored by the type that f returns (bool as int64).
template <class D, size_t N, class F>
void map_elements(Tensor& out, const std::array<const Tensor*, N>& in, const StridedWalk& walk,
                  F f) {
  using Raw = decltype(std::apply(f, std::array<D, N>{}));
  using Result = std::conditional_t<std::is_same_v<Raw, bool>, int64_t, Raw>;
  std::array<std::array<D, kRow>, N> rows;
  std::array<Result, kRow> results;
  walk.runs([&](int64_t at, int64_t count, const int64_t* offsets, const int64_t* steps) {
    for (int64_t done = 0; done < count; done += kRow) {
      const int64_t now = std::min(kRow, count - done);
      for (size_t k = 0; k < N; ++k)
        load_row(*in[k], offsets[k] + done * steps[k], steps[k], now, rows[k].data());
      for (size_t i = 0; i < static_cast<size_t>(now); ++i) {
        std::array<D, N> values;
        for (size_t k = 0; k < N; ++k) values[k] = rows[k][i];
        results[i] = static_cast<Result>(std::apply(f, values));
      }
      store_row(out, at + done, now, results.data());
    }
  });
}

/// The same for operands of the result's shape.
template <class D, class F>
void map_elements(Tensor& out, const Tensor& in, F f) {
  map_elements<D, 1>(out, {&in}, StridedWalk({in.count()}, {{1}}), f);
}

}  // namespace hone
