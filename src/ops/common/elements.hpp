#pragma once
// Moving elements whatever their dtype: bits are copied as they are, never through a number, so
// that payloads of NaNs, 64-bit integers, packed types and strings survive.

#include <cstdint>
#include <string>
#include <vector>

#include "ir/evaluation/evaluation.hpp"

namespace hone {

/// Elements between two neighbours along each axis of a dense row-major tensor; outermost first.
std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape);

/// Where each element of a result comes from. Element [i0,i1,...] of the result is the source's
/// element number offsets[0][i0] + offsets[1][i1] + ..., or none when one of these is kOutside.
struct ElementMap {
  static constexpr int64_t kOutside = -1;
  std::vector<std::vector<int64_t>> offsets;  // each >= 0 or kOutside

  /// Calls visit(to, from, count) for runs of the result in order: `count` elements from source
  /// element `from` on (or of no source: kOutside) are the result's elements from `to` on.
  template <class Visit>
  void for_each_run(Visit&& visit) const {
    for (const auto& axis : offsets)
      if (axis.empty()) return;
    int64_t to = 0;
    walk(0, 0, to, visit);
  }

 private:
  template <class Visit>
  void walk(size_t axis, int64_t from, int64_t& to, Visit& visit) const {
    if (axis == offsets.size()) return visit(to++, from, int64_t{1});
    const std::vector<int64_t>& list = offsets[axis];
    if (axis + 1 < offsets.size()) {
      for (const int64_t offset : list)
        walk(axis + 1, from < 0 || offset < 0 ? kOutside : from + offset, to, visit);
      return;
    }
    for (size_t begin = 0, end = 0; begin < list.size(); begin = end) {
      const bool outside = from < 0 || list[begin] < 0;
      for (end = begin + 1; end < list.size(); ++end)
        if (from >= 0 && (outside ? list[end] >= 0 : list[end] != list[end - 1] + 1)) break;
      const auto count = static_cast<int64_t>(end - begin);
      visit(to, outside ? kOutside : from + list[begin], count);
      to += count;
    }
  }
};

/// `count` offsets start, start + step, ...
std::vector<int64_t> arithmetic_offsets(int64_t start, int64_t count, int64_t step);

/// The known contents that a result gets from known contents of its source. Elements of no source:
/// `outside`.
Dims select(const ElementMap& map, const Dims& source, const Dim& outside = 0);

/// Writes the elements of one result.
class ElementWriter {
 public:
  /// Makes room for result `output` of the node; its elements start as zero or "".
  ElementWriter(Evaluation& evaluation, int output, DType dtype, const std::vector<int64_t>& shape);

  int64_t count() const { return count_; }
  /// `count` neighbouring elements from `source`'s element `from` on become the result's elements
  /// from `to` on. Same dtype; indices unchecked.
  void copy(int64_t to, const Tensor& source, int64_t from, int64_t count = 1);
  /// Element `from` of `source`, `count` times.
  void fill(int64_t to, const Tensor& source, int64_t from, int64_t count);
  /// All elements through `map`; those of no source become `outside`'s only element (null: stay).
  void take(const Tensor& source, const ElementMap& map, const Tensor* outside = nullptr);
  /// The result while it is written; not for strings.
  Tensor& tensor() { return *room_; }
  /// Hands the result over: the last call.
  void finish();

 private:
  Evaluation& evaluation_;
  int output_;
  DType dtype_;
  std::vector<int64_t> shape_;
  int64_t count_;
  Tensor* room_ = nullptr;            // null: strings
  std::byte* bytes_ = nullptr;        // of room_
  std::vector<std::string> strings_;  // instead of room_
};

}  // namespace hone
