#pragma once
// What the reduction of a tensor along any of its axes comes down to, and the folds over elements.

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "device/cpu/half.hpp"
#include "device/cpu/moves.hpp"
#include "ops/reduction.hpp"

namespace hone::cpu {

/// A dense tensor reduced along `axes`: neighbouring axes that go, or stay, together are one.
struct Reduction {
  std::vector<MoveDim> kept, gone;  // but for the innermost one; `from`: strides of the tensor
  int64_t line = 1, columns = 1;    // the innermost axis: goes (`line`), or stays (`columns`)
  int64_t results = 1;              // lines of `columns` results
  int64_t rows = 1;                 // of line * columns elements that make one of them
  Reduction() = default;
  Reduction(const std::vector<int64_t>& shape, const std::vector<bool>& gone_axes);

  int64_t count() const { return rows * line; }  // elements of one result
  /// Where the elements of line `i` of results begin.
  int64_t start(int64_t i) const;
  /// row(offset) for each row that makes a result, from its start on.
  template <class Row>
  void each_row(const Row& row) const {
    std::array<int64_t, kMostAxes> at{};
    int64_t offset = 0;
    for (int64_t i = 0; i < rows; ++i) {
      row(offset);
      for (size_t d = gone.size(); d-- > 0;) {
        offset += gone[d].from;
        if (++at[d] < gone[d].size) break;
        offset -= gone[d].size * gone[d].from;
        at[d] = 0;
      }
    }
  }

  static constexpr size_t kMostAxes = 32;
};

/// run(map, join): a fold joins what is made of each element. Integers wrap.
template <class A, class Run>
void with_fold(Fold fold, const Run& run) {
  using U = std::conditional_t<std::is_floating_point_v<A>, A, uint64_t>;
  const auto itself = [](A x) { return x; };
  const auto add = [](A a, A b) { return static_cast<A>(static_cast<U>(a) + static_cast<U>(b)); };
  const auto multiply = [](A a, A b) {
    return static_cast<A>(static_cast<U>(a) * static_cast<U>(b));
  };
  switch (fold) {
    case Fold::prod: return run(itself, multiply);
    case Fold::max:
    case Fold::log_sum_exp: return run(itself, [](A a, A b) { return b > a || b != b ? b : a; });
    case Fold::min: return run(itself, [](A a, A b) { return b < a || b != b ? b : a; });
    case Fold::l1:
      return run(
          [](A x) {
            if constexpr (std::is_floating_point_v<A>) return std::fabs(x);
            else return x < A{} ? static_cast<A>(U{} - static_cast<U>(x)) : x;
          },
          add);
    case Fold::l2:
    case Fold::sum_square: return run([=](A x) { return multiply(x, x); }, add);
    default: return run(itself, add);
  }
}

/// What a fold of no elements T is, in A.
template <class T, class A>
A identity(Fold fold) {
  if (fold == Fold::prod) return A{1};
  if (fold != Fold::max && fold != Fold::min && fold != Fold::log_sum_exp) return A{};
  if constexpr (std::is_floating_point_v<A>)
    return fold == Fold::min ? std::numeric_limits<A>::infinity()
                             : -std::numeric_limits<A>::infinity();
  else
    return fold == Fold::min ? A{std::numeric_limits<T>::max()}
                             : A{std::numeric_limits<T>::lowest()};
}

/// The result of a sum of `count` elements.
template <class A>
A finished(Fold fold, A sum, int64_t count) {
  if constexpr (std::is_floating_point_v<A>) {
    if (fold == Fold::mean) return sum / static_cast<A>(count);
    if (fold == Fold::l2) return std::sqrt(sum);
    if (fold == Fold::log_sum) return std::log(sum);
  } else if (fold == Fold::mean) {
    return count == 0 ? A{} : sum / static_cast<A>(count);
  }
  return sum;
}

/// Folds a line onto `start`: floats in several lanes, as each step waits for the one before. With
/// integers GCC finds that itself. (In lanes it makes wrong code of 8-bit ones: GCC 12 at -O3.)
template <class A, class T, class Map, class Join>
A fold_line(int64_t count, const T* from, A start, const Map& map, const Join& join) {
  constexpr int64_t kLanes = 8;
  int64_t i = 0;
  if (std::is_floating_point_v<A> && count >= 2 * kLanes) {
    A lanes[kLanes];
    for (; i < kLanes; ++i) lanes[i] = map(static_cast<A>(from[i]));
    for (; i + kLanes <= count; i += kLanes)
      for (int64_t k = 0; k < kLanes; ++k)
        lanes[k] = join(lanes[k], map(static_cast<A>(from[i + k])));
    for (const A lane : lanes) start = join(start, lane);
  }
  for (; i < count; ++i) start = join(start, map(static_cast<A>(from[i])));
  return start;
}

}  // namespace hone::cpu
