#include "device/cpu/placed_rows.hpp"

#include <algorithm>

#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kRows = 16;  // of a block: a cache line of what lies the other way round

}  // namespace

std::optional<PlacedRows::Form> PlacedRows::form_of(const Value& value, StridedView view,
                                                    size_t row_axis) {
  const Dims& shape = value.type.tensor().shape();
  std::optional<Dim> next;  // the stride that the axis before a row's must have
  for (size_t axis = shape.size(); axis-- > row_axis;) {
    if (shape[axis].is(1)) continue;
    if (next && !(view.strides[axis] == *next)) return std::nullopt;
    next = view.strides[axis] * shape[axis];
  }
  return Form{shape, std::move(view.strides), std::move(view.offset), row_axis};
}

bool PlacedRows::Form::is_dense() const {
  Dim stride = 1;
  for (size_t axis = shape.size(); axis-- > 0; stride = stride * shape[axis])
    if (!shape[axis].is(1) && !(strides[axis] == stride)) return false;
  return offset.is(0);
}

PlacedRows::PlacedRows(const Form& form, const Bindings& symbols) {
  const std::vector<int64_t> sizes = evaluated(form.shape, symbols);
  const std::vector<int64_t> strides = evaluated(form.strides, symbols);
  offset_ = evaluated({form.offset}, symbols).front();
  columns_ = 1;
  for (size_t axis = sizes.size(); axis-- > form.row_axis;) {
    if (columns_ == 1) column_stride_ = strides[axis];
    columns_ *= sizes[axis];
  }
  for (size_t axis = 0; axis < form.row_axis; ++axis) {
    if (sizes[axis] == 1) continue;
    if (!axes_.empty() && axes_.back().stride == sizes[axis] * strides[axis])
      axes_.back() = {axes_.back().size * sizes[axis], strides[axis]};
    else axes_.push_back({sizes[axis], strides[axis]});
  }
  if (axes_.empty()) axes_.push_back({1, 0});
}

int64_t PlacedRows::place(int64_t row) const {
  if (!places_.empty()) return places_[static_cast<size_t>(row)];
  int64_t place = offset_;
  for (size_t axis = axes_.size(); axis-- > 0; row /= axes_[axis].size)
    place += row % axes_[axis].size * axes_[axis].stride;
  return place;
}

template <class Run>
void PlacedRows::each_run(int64_t first, int64_t count, const Run& run) const {
  const auto [size, stride] = places_.empty() ? axes_.back() : Axis{1, 0};
  for (int64_t row = first; row < first + count;) {
    const int64_t rows = std::min(first + count - row, size - row % size);
    run(row, rows, place(row), stride);
    row += rows;
  }
}

void PlacedRows::gather(const float* from, int64_t first, int64_t count, float* to) const {
  each_run(first, count, [&](int64_t row, int64_t rows, int64_t place, int64_t stride) {
    const float* source = from + place;
    float* target = to + (row - first) * columns_;
    if (column_stride_ == 1) {
      for (int64_t i = 0; i < rows; ++i)
        std::copy_n(source + i * stride, columns_, target + i * columns_);
    } else if (stride == 1) {
      for (int64_t i = 0; i < rows; i += kRows)
        row_functions().turn(columns_, std::min(kRows, rows - i), source + i, column_stride_,
                             nullptr, target + i * columns_, columns_);
    } else {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns_; ++j)
          target[i * columns_ + j] = source[i * stride + j * column_stride_];
    }
  });
}

void PlacedRows::scatter(const float* rows, int64_t row_stride, int64_t first, int64_t count,
                         int64_t column, int64_t columns, const float* added, float* to) const {
  each_run(first, count, [&](int64_t row, int64_t size, int64_t place, int64_t stride) {
    const float* source = rows + (row - first) * row_stride;
    const int64_t start = place + column * column_stride_;
    const auto also = [&](int64_t at) { return added == nullptr ? nullptr : added + at; };
    if (column_stride_ != 1 && stride == 1) {
      for (int64_t i = 0; i < size; i += kRows)
        row_functions().turn(std::min(kRows, size - i), columns, source + i * row_stride,
                             row_stride, also(start + i), to + start + i, column_stride_);
      return;
    }
    for (int64_t i = 0; i < size; ++i) {
      const int64_t at = start + i * stride;
      const float* line = source + i * row_stride;
      float* target = to + at;
      if (column_stride_ == 1 && added == nullptr) {
        std::copy_n(line, columns, target);
      } else if (column_stride_ == 1) {
        for (int64_t j = 0; j < columns; ++j) target[j] = line[j] + added[at + j];
      } else {
        for (int64_t j = 0; j < columns; ++j) {
          const int64_t by = j * column_stride_;
          target[by] = line[j] + (added == nullptr ? 0 : added[at + by]);
        }
      }
    }
  });
}

Box PlacedRows::box(const float* tensor, int64_t first, int64_t count, int64_t column,
                    int64_t columns) const {
  int64_t least = INT64_MAX, most = INT64_MIN;
  each_run(first, count, [&](int64_t, int64_t rows, int64_t place, int64_t stride) {
    for (const int64_t row : {int64_t{0}, rows - 1})
      for (const int64_t at : {column, column + columns - 1}) {
        const int64_t element = place + row * stride + at * column_stride_;
        least = std::min(least, element);
        most = std::max(most, element);
      }
  });
  const auto [size, stride] = places_.empty() ? axes_.back() : Axis{1, 0};
  const bool one_run = first / size == (first + count - 1) / size;
  if (one_run && stride == 1 && column_stride_ >= count)
    return Box::of(tensor, least, least + count, columns, column_stride_);
  return Box::of(tensor, least, most + 1);
}

}  // namespace hone::cpu
