#pragma once
// Rows of f32 that lie in a tensor wherever views lead: what makes or reads them does so in dense
// rows, some at a time, while they are in the caches.

#include <cstdint>
#include <optional>
#include <vector>

#include "device/cpu/recording.hpp"
#include "device/strided_view.hpp"

namespace hone::cpu {

class PlacedRows {
 public:
  PlacedRows() = default;
  /// A value's shape and where it lies. Its last axes are a row, whose elements lie at one stride.
  struct Form {
    Dims shape, strides;
    Dim offset;
    size_t row_axis = 0;  // of the first axis of a row
    /// The value's elements lie in their order.
    bool is_dense() const;
  };
  /// nullopt: a row's elements lie at no single stride.
  static std::optional<Form> form_of(const Value& value, StridedView view, size_t row_axis);
  PlacedRows(const Form& form, const Bindings& symbols);
  /// Rows of so many elements side by side, each at a place of its own.
  PlacedRows(std::vector<int64_t> places, int64_t columns)
      : places_(std::move(places)), columns_(columns) {}

  int64_t columns() const { return columns_; }
  /// Copies rows [first, first + count) as dense ones.
  void gather(const float* from, int64_t first, int64_t count, float* to) const;
  /// Puts dense rows' columns [column, column + columns), `stride` apart, to where they lie, plus
  /// what lies there in `added`, if any.
  void scatter(const float* rows, int64_t stride, int64_t first, int64_t count, int64_t column,
               int64_t columns, const float* added, float* to) const;
  /// All that these rows may touch of a tensor.
  Box box(const float* tensor, int64_t first, int64_t count, int64_t column, int64_t columns) const;

 private:
  struct Axis {
    int64_t size, stride;
  };
  int64_t place(int64_t row) const;
  /// run(first row, rows, place of the first, stride from row to row) for rows at one stride.
  template <class Run>
  void each_run(int64_t first, int64_t count, const Run& run) const;

  std::vector<int64_t> places_;  // empty: by axes
  std::vector<Axis> axes_;       // of the rows, outermost first
  int64_t offset_ = 0, columns_ = 0, column_stride_ = 1;
};

}  // namespace hone::cpu
