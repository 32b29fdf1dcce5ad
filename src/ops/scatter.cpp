#include "ops/scatter.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/indices.hpp"
#include "ops/common/lanes.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

void check_operands(const Inference& c, ScatterReduction reduction) {
  const DType dtype = c.dtype(0);
  check_index_dtype(c, 1);
  c.check(c.dtype(2) == dtype, "the data is ", dtype, ", the updates are ", c.dtype(2));
  const bool numbers = is_float(dtype) || is_integer(dtype) || dtype == DType::boolean;
  c.check(reduction == ScatterReduction::none || numbers, "cannot combine ", dtype, " by ",
          kScatterReductions[static_cast<size_t>(reduction)]);
}

double combined(ScatterReduction reduction, double a, double b) {
  switch (reduction) {
    case ScatterReduction::none: return b;
    case ScatterReduction::add: return a + b;
    case ScatterReduction::mul: return a * b;
    case ScatterReduction::max: return std::isnan(a) || a > b ? a : b;
    case ScatterReduction::min: return std::isnan(a) || a < b ? a : b;
  }
  return b;
}

/// Integers wrap; `less` compares as the dtype does.
int64_t combined(ScatterReduction reduction, int64_t a, int64_t b, bool less) {
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (reduction) {
    case ScatterReduction::none: return b;
    case ScatterReduction::add: return static_cast<int64_t>(x + y);
    case ScatterReduction::mul: return static_cast<int64_t>(x * y);
    case ScatterReduction::max: return less ? b : a;
    case ScatterReduction::min: return less ? a : b;
  }
  return b;
}

/// Element `from` of the updates meets element `to` of the result.
void meet(ScatterReduction reduction, ElementWriter& y, int64_t to, const Tensor& updates,
          int64_t from) {
  if (reduction == ScatterReduction::none) return y.copy(to, updates, from);
  Tensor& result = y.tensor();
  if (is_float(updates.dtype())) {
    result.set_number(to, combined(reduction, result.number(to), updates.number(from)));
    return;
  }
  const int64_t a = result.integer(to), b = updates.integer(from);
  const bool less =
      updates.dtype() == DType::u64 ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
  int64_t value = combined(reduction, a, b, less);
  if (updates.dtype() == DType::boolean) value = value != 0;
  result.set_integer(to, value);
}

}  // namespace

void ScatterElements::infer(Inference& c) const {
  check_operands(c, reduction);
  const TensorType &x = c.tensor(0), &indices = c.tensor(1), &updates = c.tensor(2);
  if (x.has_rank()) c.axis(axis, x.rank());
  if (indices.has_rank() && updates.has_rank()) {
    c.check(indices.rank() == updates.rank(), "the indices are ", indices, ", the updates ",
            updates);
    for (size_t d = 0; d < indices.shape().size(); ++d)
      c.require_equal(indices.shape()[d], updates.shape()[d]);
  }
  c.set(0, x);
}

void ScatterElements::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  c.check(indices.shape() == updates.shape(), "the indices have shape ",
          shape_text(indices.shape()), ", the updates ", shape_text(updates.shape()));
  ElementWriter y(c, 0, x.dtype(), x.shape());
  y.copy(0, x, 0, x.count());
  for_each_picked(c, x.shape(), indices, at, [&](int64_t index, int64_t element) {
    meet(reduction, y, element, updates, index);
  });
  y.finish();
}

namespace {

/// The shape of ScatterND's updates, of sizes T.
template <class Context, class T>
std::vector<T> updates_shape(const Context& c, const std::vector<T>& data,
                             const std::vector<T>& indices, int64_t width) {
  c.check(width >= 0 && width <= static_cast<int64_t>(data.size()), "coordinates of ", width,
          " numbers for data of rank ", data.size());
  std::vector<T> shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(width), data.end());
  return shape;
}

/// Calls visit(to, from, count) for every slice of the updates.
template <class Context, class Visit>
void for_each_slice(const Context& c, const std::vector<int64_t>& data,
                    const std::vector<int64_t>& index_shape, const std::vector<int64_t>& indices,
                    Visit visit) {
  const auto width = static_cast<size_t>(index_shape.back());
  const std::vector<int64_t> strides = row_major_strides(data);
  const int64_t count =
      element_count({data.begin() + static_cast<std::ptrdiff_t>(width), data.end()});
  const int64_t slices = element_count({index_shape.begin(), index_shape.end() - 1});
  size_t next = 0;
  for (int64_t i = 0; count > 0 && i < slices; ++i) {
    int64_t to = 0;
    for (size_t d = 0; d < width; ++d)
      to += index_position(c, indices[next++], data[d]) * strides[d];
    visit(to, i * count, count);
  }
}

}  // namespace

void ScatterND::infer(Inference& c) const {
  check_operands(c, reduction);
  const TensorType &x = c.tensor(0), &indices = c.tensor(1), &updates = c.tensor(2);
  c.check(!indices.has_rank() || indices.rank() > 0, "the indices are a scalar");
  c.set(0, x);
  if (!x.has_rank() || !indices.has_rank() || !indices.shape().back().is_constant()) return;
  const Dims wanted =
      updates_shape(c, x.shape(), indices.shape(), *indices.shape().back().constant());
  if (!updates.has_rank()) return;
  c.check(updates.shape().size() == wanted.size(), "the updates are ", updates, ", wanted rank ",
          wanted.size());
  for (size_t d = 0; d < wanted.size(); ++d) c.require_equal(updates.shape()[d], wanted[d]);
}

void ScatterND::dims(Inference& c) const {
  const Dims *known = c.known(0), *indices = c.known(1), *updates = c.known(2);
  if (known == nullptr || indices == nullptr || updates == nullptr) return;
  const auto shape = c.tensor(0).concrete(), index_shape = c.tensor(1).concrete();
  const auto numbers = constants(*indices);
  if (!shape || !index_shape || !numbers || reduction != ScatterReduction::none) return;
  Dims contents = *known;
  for_each_slice(c, *shape, *index_shape, *numbers, [&](int64_t to, int64_t from, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      contents[static_cast<size_t>(to + i)] = (*updates)[static_cast<size_t>(from + i)];
  });
  c.set_known(0, std::move(contents));
}

void ScatterND::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  c.check(indices.rank() > 0, "the indices are a scalar");
  const std::vector<int64_t> wanted =
      updates_shape(c, x.shape(), indices.shape(), indices.shape().back());
  c.check(updates.shape() == wanted, "the updates have shape ", shape_text(updates.shape()),
          ", wanted ", shape_text(wanted));
  ElementWriter y(c, 0, x.dtype(), x.shape());
  y.copy(0, x, 0, x.count());
  for_each_slice(c, x.shape(), indices.shape(), indices.integers(),
                 [&](int64_t to, int64_t from, int64_t count) {
                   for (int64_t i = 0; i < count; ++i)
                     meet(reduction, y, to + i, updates, from + i);
                 });
  y.finish();
}

void TensorScatter::infer(Inference& c) const {
  same_dtype(c, 0, 1);
  const TensorType &cache = c.tensor(0), &update = c.tensor(1);
  c.set(0, cache);
  if (c.has(2)) c.check(is_integer(c.dtype(2)), "write_indices is ", c.dtype(2), ", wanted i64");
  if (!cache.has_rank()) return;
  const int along = c.axis(axis, cache.rank());
  c.check(along > 0, "axis=", axis, " of a cache ", cache, " is the batch");
  rank_is(c, 1, cache.rank());
  vector_of(c, 2, cache.shape()[0]);
  if (!update.has_rank()) return;
  for (size_t d = 0; d < cache.shape().size(); ++d) {
    const Dim &wide = cache.shape()[d], &narrow = update.shape()[d];
    if (d == static_cast<size_t>(along)) c.require_less_equal(narrow, wide);
    else c.require_equal(wide, narrow);
  }
}

void TensorScatter::eval(Evaluation& c) const {
  const Tensor &cache = c.input(0), &update = c.input(1);
  const auto along = static_cast<size_t>(c.axis(axis, cache.rank()));
  c.check(along > 0, "axis=", axis, " is the batch");
  std::vector<int64_t> wanted = update.shape();
  const int64_t size = cache.shape()[along];
  if (wanted.size() == cache.shape().size() && wanted[along] < size) wanted[along] = size;
  c.check(wanted == cache.shape(), "the update is ", shape_text(update.shape()), ", the cache ",
          shape_text(cache.shape()));
  const int64_t batch = cache.dim(0), count = update.shape()[along];
  c.check(!c.has(2) || c.input(2).count() == batch, "write_indices has ",
          c.has(2) ? c.input(2).count() : 0, " elements for ", batch, " samples");
  ElementWriter y(c, 0, cache.dtype(), cache.shape());
  y.copy(0, cache, 0, cache.count());
  if (update.count() > 0) {
    const Lanes lanes(cache.shape(), along, along + 1);
    const int64_t outer_per_sample = lanes.outer / batch;
    for (int64_t i = 0; i < lanes.outer; ++i) {
      int64_t start = c.has(2) ? c.input(2).integer(i / outer_per_sample) : 0;
      if (mode == Mode::circular) start = floor_mod(start, size);
      else
        c.check(start >= 0 && start <= size - count, "write index ", start, " + ", count,
                " runs over a cache of ", size);
      for (int64_t k = 0; k < count; ++k)
        y.copy((i * size + (start + k) % size) * lanes.step, update, (i * count + k) * lanes.step,
               lanes.step);
    }
  }
  y.finish();
}

void register_scatter(OpRegistry& registry) {
  registry.add<ScatterElements>();
  registry.add<ScatterND>();
  registry.add<TensorScatter>();
}

}  // namespace hone
