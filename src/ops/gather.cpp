#include "ops/gather.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/indices.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

void Gather::infer(Inference& c) const {
  const TensorType &x = c.tensor(0), &indices = c.tensor(1);
  check_index_dtype(c, 1);
  if (!x.has_rank() || !indices.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const int at = c.axis(axis, x.rank());
  Dims result = x.shape();
  const auto place = result.erase(result.begin() + at);
  result.insert(place, indices.shape().begin(), indices.shape().end());
  c.set(0, x.dtype, std::move(result));
}

namespace {

/// data[:axis] + indices + data[axis+1:] as offsets; the indices flattened to one axis.
ElementMap gather_map(const std::vector<int64_t>& shape, size_t axis,
                      const std::vector<int64_t>& positions) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  ElementMap map;
  for (size_t d = 0; d < shape.size(); ++d) {
    std::vector<int64_t> list = arithmetic_offsets(0, d == axis ? 0 : shape[d], strides[d]);
    if (d == axis)
      for (const int64_t position : positions) list.push_back(position * strides[d]);
    map.offsets.push_back(std::move(list));
  }
  return map;
}

}  // namespace

void Gather::dims(Inference& c) const {
  const Dims *known = c.known(0), *indices = c.known(1);
  if (known == nullptr || indices == nullptr || !c.tensor(0).has_rank()) return;
  const auto shape = c.tensor(0).concrete();
  auto positions = constants(*indices);
  if (!shape || !positions) return;
  const auto at = static_cast<size_t>(c.axis(axis, c.tensor(0).rank()));
  for (int64_t& position : *positions) position = index_position(c, position, (*shape)[at]);
  // Their number is bounded here: a literal times a literal, each of at most kKnownElements.
  c.set_known(0, select(gather_map(*shape, at, *positions), *known));
}

void Gather::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &indices = c.input(1);
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  std::vector<int64_t> shape = x.shape();
  const auto place = shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(at));
  shape.insert(place, indices.shape().begin(), indices.shape().end());
  std::vector<int64_t> positions = indices.integers();
  for (int64_t& position : positions) position = index_position(c, position, x.shape()[at]);
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() > 0) y.take(x, gather_map(x.shape(), at, positions));
  y.finish();
}

void GatherElements::infer(Inference& c) const {
  const TensorType &x = c.tensor(0), &indices = c.tensor(1);
  check_index_dtype(c, 1);
  if (x.has_rank()) {
    c.axis(axis, x.rank());
    c.check(!indices.has_rank() || indices.rank() == x.rank(), "the data is ", x,
            ", the indices are ", indices, ", wanted the same rank");
  }
  if (indices.has_rank()) return c.set(0, x.dtype, indices.shape());
  if (x.has_rank()) return c.set(0, x.dtype, c.fresh_dims(0, x.rank()));
  c.set(0, Type::unranked(x.dtype));
}

void GatherElements::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &indices = c.input(1);
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  ElementWriter y(c, 0, x.dtype(), indices.shape());
  for_each_picked(c, x.shape(), indices, at,
                  [&](int64_t index, int64_t element) { y.copy(index, x, element); });
  y.finish();
}

namespace {

/// Sizes of the parts of GatherND's operands.
struct Picks {
  int64_t batches = 1;                  // product of the first batch_dims sizes
  int64_t tuples = 1;                   // coordinates in a batch
  int64_t width = 0;                    // numbers in one
  int64_t slice = 1;                    // elements that one picks
  std::vector<int64_t> sizes, strides;  // of the axes that coordinates name
};

template <class Context>
Picks picks_of(const Context& c, const std::vector<int64_t>& data,
               const std::vector<int64_t>& indices, size_t batch_dims) {
  Picks picks;
  picks.width = indices.back();
  const size_t named = batch_dims + static_cast<size_t>(picks.width);
  const auto d = data.begin(), i = indices.begin();
  const auto batch = static_cast<std::ptrdiff_t>(batch_dims),
             end = static_cast<std::ptrdiff_t>(named);
  c.check(std::equal(d, d + batch, i), "the first ", batch_dims, " sizes of ", shape_text(data),
          " and ", shape_text(indices), " differ");
  picks.batches = element_count({d, d + batch});
  picks.tuples = element_count({i + batch, indices.end() - 1});
  picks.slice = element_count({d + end, data.end()});
  picks.sizes.assign(d + batch, d + end);
  const std::vector<int64_t> strides = row_major_strides(data);
  picks.strides.assign(strides.begin() + batch, strides.begin() + end);
  return picks;
}

/// Checks ranks; the result's shape of sizes T.
template <class Context, class T>
std::vector<T> gathered_shape(const Context& c, const std::vector<T>& data,
                              const std::vector<T>& indices, int64_t batch_dims, int64_t width) {
  const auto least = static_cast<int64_t>(std::min(data.size(), indices.size()));
  c.check(batch_dims >= 0 && batch_dims < least, "batch_dims is ", batch_dims, ", the ranks are ",
          data.size(), " and ", indices.size());
  c.check(width >= 1 && batch_dims + width <= static_cast<int64_t>(data.size()), "coordinates of ",
          width, " numbers for data of rank ", data.size(), " with batch_dims ", batch_dims);
  std::vector<T> result(indices.begin(), indices.end() - 1);
  result.insert(result.end(), data.begin() + static_cast<std::ptrdiff_t>(batch_dims + width),
                data.end());
  return result;
}

}  // namespace

void GatherND::infer(Inference& c) const {
  const TensorType &x = c.tensor(0), &indices = c.tensor(1);
  check_index_dtype(c, 1);
  if (!x.has_rank() || !indices.has_rank() || indices.rank() == 0 ||
      !indices.shape().back().is_constant()) {
    c.check(!indices.has_rank() || indices.rank() > 0, "the indices are a scalar");
    return c.set(0, Type::unranked(x.dtype));
  }
  const int64_t width = *indices.shape().back().constant();
  Dims result = gathered_shape(c, x.shape(), indices.shape(), batch_dims, width);
  for (size_t d = 0; d < static_cast<size_t>(batch_dims); ++d)
    result[d] = c.same(x.shape()[d], indices.shape()[d]);
  c.set(0, x.dtype, std::move(result));
}

namespace {

/// Calls visit(to, from) for every slice of picks.slice elements.
template <class Context, class Visit>
void for_each_pick(const Context& c, const Picks& picks, int64_t data_count,
                   const std::vector<int64_t>& indices, Visit visit) {
  size_t next = 0;
  int64_t to = 0;
  if (picks.slice == 0 && picks.sizes.empty()) return;  // no elements by no indices
  for (int64_t batch = 0; batch < picks.batches; ++batch)
    for (int64_t tuple = 0; tuple < picks.tuples; ++tuple, to += picks.slice) {
      int64_t from = batch * (data_count / picks.batches);
      for (size_t i = 0; i < picks.sizes.size(); ++i)
        from += index_position(c, indices[next++], picks.sizes[i]) * picks.strides[i];
      visit(to, from);
    }
}

}  // namespace

void GatherND::dims(Inference& c) const {
  const Dims *known = c.known(0), *indices = c.known(1);
  const Type& type = c.node().output()->type;
  if (known == nullptr || indices == nullptr || !type.tensor().has_rank()) return;
  const auto shape = c.tensor(0).concrete(), index_shape = c.tensor(1).concrete();
  const auto positions = constants(*indices);
  const auto result = type.tensor().concrete();
  if (!shape || !index_shape || !positions || !result) return;
  const Picks picks = picks_of(c, *shape, *index_shape, static_cast<size_t>(batch_dims));
  Dims contents;
  for_each_pick(c, picks, element_count(*shape), *positions, [&](int64_t, int64_t from) {
    for (int64_t i = 0; i < picks.slice; ++i)
      contents.push_back((*known)[static_cast<size_t>(from + i)]);
  });
  c.set_known(0, std::move(contents));
}

void GatherND::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &indices = c.input(1);
  c.check(indices.rank() > 0, "the indices are a scalar");
  const std::vector<int64_t> shape =
      gathered_shape(c, x.shape(), indices.shape(), batch_dims, indices.shape().back());
  const Picks picks = picks_of(c, x.shape(), indices.shape(), static_cast<size_t>(batch_dims));
  ElementWriter y(c, 0, x.dtype(), shape);
  for_each_pick(c, picks, x.count(), indices.integers(),
                [&](int64_t to, int64_t from) { y.copy(to, x, from, picks.slice); });
  y.finish();
}

void register_gather(OpRegistry& registry) {
  registry.add<Gather>();
  registry.add<GatherElements>();
  registry.add<GatherND>();
}

}  // namespace hone
