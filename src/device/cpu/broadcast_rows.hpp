#pragma once
// A result's elements as rows that each operand reads at one step, for operands that broadcast.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace hone::cpu {

class BroadcastRows {
 public:
  static constexpr size_t kMostOperands = 3;

  BroadcastRows() = default;
  /// `shapes` broadcast to `result`; a null one repeats its first element. At most kMostOperands.
  BroadcastRows(const std::vector<int64_t>& result,
                std::span<const std::vector<int64_t>* const> shapes);

  int64_t count() const { return count_; }
  int64_t row() const { return row_; }
  /// Of operand k within a row: 0 or 1.
  int64_t step(size_t k) const { return steps_[k]; }

  /// run(at, count, offsets) for pieces of rows in [first, last): operand k's elements are
  /// offsets[k]
  /// + i * step(k) for result element at + i.
  template <class Run>
  void range(int64_t first, int64_t last, const Run& run) const {
    while (first < last) {
      const int64_t within = first % row_;
      const int64_t count = std::min(last - first, row_ - within);
      int64_t offsets[kMostOperands] = {};
      int64_t rest = first / row_;
      for (const Outer& outer : outer_) {
        const int64_t index = rest % outer.size;
        rest /= outer.size;
        for (size_t k = 0; k < kMostOperands; ++k) offsets[k] += index * outer.strides[k];
      }
      for (size_t k = 0; k < kMostOperands; ++k) offsets[k] += within * steps_[k];
      run(first, count, offsets);
      first += count;
    }
  }

 private:
  struct Outer {
    int64_t size;
    int64_t strides[kMostOperands];
  };
  int64_t count_ = 0, row_ = 1;
  int64_t steps_[kMostOperands] = {};
  std::vector<Outer> outer_;  // innermost first
};

}  // namespace hone::cpu
