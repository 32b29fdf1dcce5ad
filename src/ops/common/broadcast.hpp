#pragma once
// NumPy broadcasting and other strided reading for reference evaluation: a walk over a result's
// elements in row-major order that knows each operand's offset without dividing.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ir/evaluation/evaluation.hpp"

namespace hone {

using Sizes = std::vector<int64_t>;

/// The shape that all of `shapes` broadcast to; nullopt: two sizes differ and neither is 1.
std::optional<Sizes> broadcast_shape(std::span<const Sizes> shapes);
/// Of the operands [first, first + count) of a node; fails naming the node and the shapes.
Sizes broadcast_shape(const Evaluation& c, int first, int count);

/// Strides for reading a tensor of `shape` as if it had `result`'s shape (which it broadcasts to):
/// 0 along dimensions that repeat.
Sizes broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> result);

/// The elements of an iteration space in row-major order, with an offset per operand that each
/// dimension moves by that operand's stride (0 repeats, negative reads backwards). Dimensions that
/// all operands run through evenly are merged, so the innermost runs are as long as they can be.
class StridedWalk {
 public:
  /// `strides[k]` has one entry per dimension of `sizes`; `starts[k]` (0 when left out) is operand
  /// k's offset at the first element.
  StridedWalk(const Sizes& sizes, const std::vector<Sizes>& strides, Sizes starts = {});

  /// run(at, count, offsets, steps) for each innermost run: `at` is the row-major index of the
  /// run's first element; operand k reads offsets[k] + i * steps[k] for i in [0, count).
  template <class Run>
  void runs(Run run) const {
    if (empty_) return;
    Sizes offsets = starts_;
    Sizes index(sizes_.size() - 1, 0);
    for (int64_t at = 0;; at += sizes_.back()) {
      run(at, sizes_.back(), offsets.data(), steps_.data());
      size_t d = index.size();
      for (; d > 0; --d) {
        if (++index[d - 1] < sizes_[d - 1]) {
          move(offsets, d - 1, 1);
          break;
        }
        index[d - 1] = 0;
        move(offsets, d - 1, 1 - sizes_[d - 1]);
      }
      if (d == 0) return;
    }
  }
  /// element(at, offsets) for each element.
  template <class Element>
  void elements(Element element) const {
    Sizes here(starts_.size());
    runs([&](int64_t at, int64_t count, const int64_t* offsets, const int64_t* steps) {
      here.assign(offsets, offsets + starts_.size());
      for (int64_t i = 0; i < count; ++i) {
        element(at + i, here.data());
        for (size_t k = 0; k < here.size(); ++k) here[k] += steps[k];
      }
    });
  }

 private:
  void move(Sizes& offsets, size_t dim, int64_t times) const {
    for (size_t k = 0; k < offsets.size(); ++k) offsets[k] += times * strides_[k][dim];
  }

  bool empty_ = false;
  Sizes sizes_;                 // merged; never without a dimension
  std::vector<Sizes> strides_;  // per operand, per merged dimension
  Sizes starts_, steps_;        // steps_: strides of the last dimension
};

/// A walk over `result` in which every operand is read as broadcast to it.
StridedWalk broadcast_walk(const Sizes& result, std::span<const Sizes> operands);

}  // namespace hone
