#include "import/tflite/sparse.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/size.hpp"

namespace hone::tflite {
namespace {

// Fields of tables by number. (Source: tensorflow/lite/schema/schema.fbs.)
struct SparsityField {
  static constexpr int order = 0, blocks = 1, axes = 2;
};
struct AxisField {
  static constexpr int format = 0, size = 1, segments_type = 2, segments = 3, places_type = 4,
                       places = 5;
};

std::vector<int64_t> list_of(const FlatTable& axis, int type_field, int field) {
  const auto table = axis.table(field);
  check(table.has_value(), Code::invalid_model, "a sparse axis without places");
  switch (axis.i8(type_field)) {
    case 1: return table->ints32(0);
    case 2: return table->words(0);
    case 3: {
      std::vector<int64_t> found;
      for (const std::byte each : table->bytes(0)) found.push_back(std::to_integer<int64_t>(each));
      return found;
    }
    default: fail(Code::invalid_model, "places of a type that the schema does not have");
  }
}

struct Axis {
  bool is_sparse = false;
  int64_t size = 0;                       // of a whole one
  std::vector<int64_t> segments, places;  // of a sparse one
};

class Spread {
 public:
  Spread(const TensorInfo& stated, Tensor& dense) : stated_(stated), dense_(dense) {
    const FlatTable& sparsity = *stated.sparsity;
    order_ = sparsity.ints32(SparsityField::order);
    blocks_ = sparsity.ints32(SparsityField::blocks);
    for (const FlatTable& axis : sparsity.tables(SparsityField::axes)) add(axis);
    rank_ = stated.shape.size();
    const size_t all = rank_ + blocks_.size();
    check(axes_.size() == all && order_.size() == all, Code::invalid_model, "sparse weights of ",
          uint64_t{axes_.size()}, " axes in an order of ", uint64_t{order_.size()}, ", wanted ",
          uint64_t{all});
    std::vector<int64_t> sorted = order_;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < all; ++i)
      check(sorted[i] == static_cast<int64_t>(i), Code::invalid_model,
            "an order of axes that is none");
    for (const int64_t block : blocks_)
      check(block >= 0 && block < static_cast<int64_t>(rank_), Code::invalid_model,
            "blocks of axis ", block);
    at_.assign(all, 0);
    sizes_.assign(all, 1);
    for (size_t level = 0; level < all; ++level)
      if (!axes_[level].is_sparse) sizes_[static_cast<size_t>(order_[level])] = axes_[level].size;
    width_ = static_cast<size_t>(bits(dense.dtype())) / 8;
  }

  void run() {
    walk(0, 0);
    check(taken_ * width_ == stated_.data.size(), Code::invalid_model, "sparse weights of ",
          uint64_t{taken_}, " elements in ", uint64_t{stated_.data.size()}, " bytes");
  }

 private:
  void add(const FlatTable& table) {
    Axis axis;
    axis.is_sparse = table.i8(AxisField::format) != 0;
    axis.size = table.i32(AxisField::size);
    if (axis.is_sparse) {
      axis.segments = list_of(table, AxisField::segments_type, AxisField::segments);
      axis.places = list_of(table, AxisField::places_type, AxisField::places);
      // Segments that overlap would let a small file take for ever.
      check(std::is_sorted(axis.segments.begin(), axis.segments.end()), Code::invalid_model,
            "segments out of order");
    }
    axes_.push_back(std::move(axis));
  }

  /// `before`: which of the entries of the level before this one.
  void walk(size_t level, int64_t before) {
    if (level == axes_.size()) return put();
    const Axis& axis = axes_[level];
    int64_t& at = at_[static_cast<size_t>(order_[level])];
    if (!axis.is_sparse) {
      check(axis.size > 0 && axis.size <= dense_.count(), Code::invalid_model, "an axis of ",
            axis.size);
      for (at = 0; at < axis.size; ++at) walk(level + 1, before * axis.size + at);
      return;
    }
    check(before + 1 < static_cast<int64_t>(axis.segments.size()), Code::invalid_model,
          "segments that are too few");
    const int64_t begin = axis.segments[static_cast<size_t>(before)];
    const int64_t end = axis.segments[static_cast<size_t>(before) + 1];
    check(begin >= 0 && end <= static_cast<int64_t>(axis.places.size()), Code::invalid_model,
          "a segment of [", begin, ", ", end, ")");
    for (int64_t i = begin; i < end; ++i) {
      at = axis.places[static_cast<size_t>(i)];
      walk(level + 1, i);
    }
  }

  /// The next element that is stored, where the coordinates say.
  void put() {
    std::vector<int64_t> place(at_.begin(), at_.begin() + static_cast<std::ptrdiff_t>(rank_));
    for (size_t i = 0; i < blocks_.size(); ++i) {
      int64_t& axis = place[static_cast<size_t>(blocks_[i])];
      axis = axis * sizes_[rank_ + i] + at_[rank_ + i];
    }
    int64_t flat = 0;
    for (size_t axis = 0; axis < rank_; ++axis) {
      check(place[axis] >= 0 && place[axis] < stated_.shape[axis], Code::invalid_model,
            "a weight at place ", place[axis], " of ", stated_.shape[axis]);
      flat = flat * stated_.shape[axis] + place[axis];
    }
    check((taken_ + 1) * width_ <= stated_.data.size(), Code::invalid_model,
          "sparse weights of fewer elements than their places");
    std::memcpy(dense_.mutable_bytes().data() + static_cast<size_t>(flat) * width_,
                stated_.data.data() + taken_ * width_, width_);
    ++taken_;
  }

  const TensorInfo& stated_;
  Tensor& dense_;
  std::vector<int64_t> order_, blocks_, at_, sizes_;  // the latter two by axis, blocks at the end
  std::vector<Axis> axes_;                            // in that order
  size_t rank_ = 0, width_ = 0, taken_ = 0;
};

}  // namespace

Tensor densified(const TensorInfo& stated, size_t most_bytes) {
  check(stated.dtype && bits(*stated.dtype) % 8 == 0 && !is_complex(*stated.dtype),
        Code::unsupported, "sparse weights of this type");
  const size_t wanted = bytes_for(*stated.dtype, element_count(stated.shape));
  check(wanted <= most_bytes, Code::unsupported, "sparse weights of ", uint64_t{wanted},
        " bytes, at most ", uint64_t{most_bytes});
  Tensor dense(*stated.dtype, stated.shape);
  Spread(stated, dense).run();
  return dense;
}

}  // namespace hone::tflite
