#pragma once
// Weights of products of integers, packed once in blocks as the generated kernels read them.

#include <functional>
#include <span>

#include "ir/tensor.hpp"

namespace hone::cpu {

/// How weights are packed: blocks of so many rows (filters, or the columns of a panel).
struct IntegerPacking {
  std::vector<int64_t> rows;  // of each block
  int64_t groups = 0;         // of the depth
  int64_t in_group = 4;       // 4: i8, 2: i16
  bool splits = false;        // see below
};

/// A packed weight, as a view of a tensor of i32 that packed() made.
///
/// Where bytes are multiplied in pairs whose sum must fit 16 bits (vpmaddubsw), 255 * w0 + 255 * w1
/// may be too much where both have one sign. Such weights are parted: a half stays in the group,
/// and a further group behind all others of the block has the rest, to be multiplied by the same
/// elements of x.
class IntegerWeights {
 public:
  /// What writes a row's weights in the order in which they are grouped; `to` is all zeros and as
  /// long as all groups.
  using Row = std::function<void(int64_t row, std::span<int16_t> to)>;
  /// Rows count through all blocks. `sums`: of each row's weights.
  static Tensor packed(const IntegerPacking& packing, std::span<const int32_t> sums,
                       const Row& row);

  IntegerWeights() = default;
  explicit IntegerWeights(Tensor packed);
  bool empty() const { return tensor_.empty(); }
  const int32_t* sums() const { return sums_; }
  const int32_t* block(int64_t index) const { return data_ + starts_[index]; }
  /// The further groups of a block are number [first, last) of all: which groups of the depth they
  /// belong to.
  std::span<const int32_t> more() const;
  int64_t first_more(int64_t index) const { return mores_[index]; }
  int64_t count_more(int64_t index) const { return mores_[index + 1] - mores_[index]; }

 private:
  Tensor tensor_;
  const int32_t *sums_ = nullptr, *starts_ = nullptr, *mores_ = nullptr, *ids_ = nullptr;
  const int32_t* data_ = nullptr;
  int64_t blocks_ = 0;
};

/// A pair of weights which, multiplied by two u8, may have a sum that leaves 16 bits: x is never
/// negative, so that products of weights of two signs do not add up.
constexpr bool is_large_pair(double first, double second) {
  constexpr double kMost = 128;
  return first * second > 0 && (first + second > kMost || first + second < -kMost);
}

}  // namespace hone::cpu
