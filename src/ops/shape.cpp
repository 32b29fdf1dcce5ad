#include "ops/shape.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

/// The result has the operand's elements in the same order: so its known contents.
void pass_known(Inference& c) {
  if (const Dims* known = c.known(0)) c.set_known(0, *known);
}

template <class T>
std::vector<T> part(const std::vector<T>& list, size_t begin, size_t end) {
  return {list.begin() + static_cast<std::ptrdiff_t>(begin),
          list.begin() + static_cast<std::ptrdiff_t>(end)};
}

/// [begin, end) of Shape's sizes.
std::pair<size_t, size_t> bounds_of(const Shape& op, int rank) {
  const auto clamped = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t begin = clamped(op.start), end = clamped(op.end.value_or(rank));
  return {static_cast<size_t>(begin), static_cast<size_t>(std::max(begin, end))};
}

}  // namespace

void Shape::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return c.set(0, DType::i64, c.fresh_dims(0, 1));
  const auto [begin, stop] = bounds_of(*this, x.rank());
  c.set(0, DType::i64, {static_cast<int64_t>(stop - begin)});
}

void Shape::dims(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return;
  const auto [begin, stop] = bounds_of(*this, x.rank());
  c.set_known(0, part(x.shape(), begin, stop));
}

void Shape::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto [begin, stop] = bounds_of(*this, x.rank());
  Tensor& y = c.output(0, DType::i64, {static_cast<int64_t>(stop - begin)});
  for (size_t i = begin; i < stop; ++i)
    y.set_integer(static_cast<int64_t>(i - begin), x.shape()[i]);
}

void Size::infer(Inference& c) const {
  c.tensor(0);
  c.set(0, DType::i64, {});
}

void Size::dims(Inference& c) const {
  if (c.tensor(0).has_rank()) c.set_known(0, {product(c.tensor(0).shape())});
}

void Size::eval(Evaluation& c) const {
  c.output(0, DType::i64, {}).set_integer(0, c.input(0).count());
}

namespace {

/// Removes from both lists the sizes that stand in both, so that -1 needs no knowledge of them.
template <class T>
void cancel(std::vector<T>& a, std::vector<T>& b) {
  std::erase_if(a, [&](const T& size) {
    const auto found = std::find(b.begin(), b.end(), size);
    if (found == b.end()) return false;
    b.erase(found);
    return true;
  });
}

/// What -1 at place `open` stands for in a target whose other sizes are `rest`.
Dim left_over(Inference& c, size_t open, Dims from, Dims rest) {
  cancel(from, rest);
  const Dim total = product(from), divisor = product(rest);
  // A size that turns out as 0 is taken out with the operand's 0: what is left is not known.
  if (total.is(0) && !divisor.is_constant()) return c.fresh(0, static_cast<int>(open));
  if (const auto exact = exact_div(total, divisor)) return *exact;
  c.check(!divisor.is(0), "-1 in the shape is ambiguous beside a size of 0");
  const Dim size = floor_div(total, divisor);
  c.require_equal(size * divisor, total);
  return size;
}

Dims resolved(Inference& c, const Reshape& op, const TensorType& x, const Dims& target) {
  Dims result = target, rest;
  std::optional<size_t> open;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].is(-1)) {
      c.check(!open, "the shape has two -1, wanted at most one");
      open = i;
      continue;
    }
    if (target[i].is(0) && !op.allowzero) {
      c.check(!x.has_rank() || i < x.shape().size(), "the shape has 0 at place ", i,
              ", the operand has rank ", x.has_rank() ? x.rank() : 0);
      result[i] = x.has_rank() ? x.shape()[i] : c.fresh(0, static_cast<int>(i));
    }
    c.require_less_equal(0, result[i]);
    rest.push_back(result[i]);
  }
  if (open)
    result[*open] =
        x.has_rank() ? left_over(c, *open, x.shape(), rest) : c.fresh(0, static_cast<int>(*open));
  else if (x.has_rank()) c.require_equal(product(x.shape()), product(rest));
  return result;
}

}  // namespace

Reshape reshape_to(Dims sizes) {
  const bool zero = std::any_of(sizes.begin(), sizes.end(), [](const Dim& d) { return d.is(0); });
  return Reshape{std::move(sizes), zero};
}

void Reshape::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(shape, 1), "the shape is missing");
  if (const Dims* target = c.parameter(shape, 1))
    return c.set(0, x.dtype, resolved(c, *this, x, *target));
  const auto rank = parameter_length(c, shape, 1);
  if (rank) c.set(0, x.dtype, c.fresh_dims(0, static_cast<int>(*rank)));
  else c.set(0, Type::unranked(x.dtype));
}

void Reshape::dims(Inference& c) const { pass_known(c); }

void Reshape::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  std::vector<int64_t> target = c.parameter(shape, 1), rest;
  const Value* operand = c.node().input(1);
  const auto& known = shape || operand == nullptr ? shape : operand->known;
  std::optional<size_t> open;
  for (size_t i = 0; i < target.size(); ++i) {
    // A symbol that happens to be 0 is a size, only the number 0 is a sentinel.
    const bool number = !known || (*known)[i].is_constant();
    if (target[i] == -1 && number) {
      c.check(!open, "the shape has two -1, wanted at most one");
      open = i;
      continue;
    }
    if (target[i] == 0 && number && !allowzero) {
      c.check(i < x.shape().size(), "the shape has 0 at place ", i, ", the operand has rank ",
              x.rank());
      target[i] = x.shape()[i];
    }
    c.check(target[i] >= 0, "the shape has ", target[i]);
    rest.push_back(target[i]);
  }
  if (open) {
    std::vector<int64_t> from = x.shape();
    cancel(from, rest);
    const int64_t total = element_count(from), divisor = element_count(rest);
    c.check(divisor != 0, "-1 in the shape is ambiguous beside a size of 0");
    target[*open] = total / divisor;
  }
  c.check(element_count(target) == x.count(), "cannot reshape ", shape_text(x.shape()), " to ",
          shape_text(target));
  c.give(0, x.reshaped(target));
}

namespace {

/// Flatten's axis in [0, rank].
template <class Context>
size_t split_at(const Context& c, int64_t axis, int rank) {
  c.check(axis >= -rank && axis <= rank, "axis ", axis, " is out of range for rank ", rank);
  return static_cast<size_t>(axis < 0 ? axis + rank : axis);
}

}  // namespace

void Flatten::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return c.set(0, x.dtype, c.fresh_dims(0, 2));
  const size_t at = split_at(c, axis, x.rank());
  c.set(0, x.dtype,
        {product(part(x.shape(), 0, at)), product(part(x.shape(), at, x.shape().size()))});
}

void Flatten::dims(Inference& c) const { pass_known(c); }

void Flatten::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const size_t at = split_at(c, axis, x.rank());
  c.give(0, x.reshaped({element_count(part(x.shape(), 0, at)),
                        element_count(part(x.shape(), at, x.shape().size()))}));
}

namespace {

template <class T>
std::vector<T> without(const std::vector<T>& sizes, const std::vector<int>& axes) {
  std::vector<T> kept;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (std::find(axes.begin(), axes.end(), static_cast<int>(i)) == axes.end())
      kept.push_back(sizes[i]);
  return kept;
}

template <class T>
std::vector<T> with_ones(const std::vector<T>& sizes, const std::vector<int>& axes) {
  std::vector<T> result(sizes.size() + axes.size(), T(1));
  size_t next = 0;
  for (size_t i = 0; i < result.size(); ++i)
    if (std::find(axes.begin(), axes.end(), static_cast<int>(i)) == axes.end())
      result[i] = sizes[next++];
  return result;
}

/// The axes of size 1; nullopt: of some dimension that cannot be told.
std::optional<std::vector<int64_t>> axes_of_ones(Inference& c, const Dims& dims) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto one = provably_equal(dims[i], 1, c.ranges());
    if (!one) return std::nullopt;
    if (*one) axes.push_back(static_cast<int64_t>(i));
  }
  return axes;
}

}  // namespace

void Squeeze::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const auto chosen =
      c.given(axes, 1) ? constant_parameter(c, axes, 1) : axes_of_ones(c, x.shape());
  if (chosen) {
    const std::vector<int> dropped = normalized_axes(c, *chosen, x.rank());
    for (const int axis : dropped) c.require_equal(x.shape()[static_cast<size_t>(axis)], 1);
    return c.set(0, x.dtype, without(x.shape(), dropped));
  }
  const auto count = parameter_length(c, axes, 1);
  if (!count) return c.set(0, Type::unranked(x.dtype));
  c.check(*count <= x.rank(), *count, " axes given for rank ", x.rank());
  c.set(0, x.dtype, c.fresh_dims(0, x.rank() - static_cast<int>(*count)));
}

void Squeeze::dims(Inference& c) const { pass_known(c); }

void Squeeze::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  std::vector<int64_t> chosen = c.parameter(axes, 1);
  if (!c.given(axes, 1))
    for (int i = 0; i < x.rank(); ++i)
      if (x.dim(i) == 1) chosen.push_back(i);
  const std::vector<int> dropped = normalized_axes(c, chosen, x.rank());
  for (const int axis : dropped)
    c.check(x.dim(axis) == 1, "cannot squeeze axis ", axis, " of ", shape_text(x.shape()));
  c.give(0, x.reshaped(without(x.shape(), dropped)));
}

void Unsqueeze::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(axes, 1), "the axes are missing");
  const auto count = parameter_length(c, axes, 1);
  if (!x.has_rank() || !count) return c.set(0, Type::unranked(x.dtype));
  const int rank = x.rank() + static_cast<int>(*count);
  const auto chosen = constant_parameter(c, axes, 1);
  if (!chosen) return c.set(0, x.dtype, c.fresh_dims(0, rank));
  c.set(0, x.dtype, with_ones(x.shape(), normalized_axes(c, *chosen, rank)));
}

void Unsqueeze::dims(Inference& c) const { pass_known(c); }

void Unsqueeze::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> chosen = c.parameter(axes, 1);
  const int rank = x.rank() + static_cast<int>(chosen.size());
  c.give(0, x.reshaped(with_ones(x.shape(), normalized_axes(c, chosen, rank))));
}

namespace {

/// Offsets of a tensor of `shape` broadcast to `target`.
ElementMap broadcast_map(const std::vector<int64_t>& shape, const std::vector<int64_t>& target) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  const size_t shift = target.size() - shape.size();
  ElementMap map;
  for (size_t i = 0; i < target.size(); ++i) {
    const bool spread = i < shift || shape[i - shift] == 1;
    map.offsets.push_back(arithmetic_offsets(0, target[i], spread ? 0 : strides[i - shift]));
  }
  return map;
}

}  // namespace

void Expand::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(shape, 1), "the shape is missing");
  if (const Dims* target = c.parameter(shape, 1)) {
    for (const Dim& size : *target) c.require_less_equal(0, size);
    const TensorType wanted{x.dtype, *target};
    const auto result = c.broadcast({&x, &wanted});
    return c.set(0, TensorType{x.dtype, result});
  }
  const auto length = parameter_length(c, shape, 1);
  if (!length || !x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  c.set(0, x.dtype, c.fresh_dims(0, std::max(x.rank(), static_cast<int>(*length))));
}

void Expand::dims(Inference& c) const {
  const Dims* known = c.known(0);
  const Type& type = c.node().output()->type;
  if (known == nullptr || !type.tensor().has_rank()) return;
  const auto from = c.tensor(0).concrete(), to = type.tensor().concrete();
  if (!from || !to || try_element_count(*to).value_or(kKnownElements + 1) > kKnownElements) return;
  c.set_known(0, select(broadcast_map(*from, *to), *known));
}

void Expand::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  std::vector<int64_t> target = c.parameter(shape, 1);
  if (target.size() < x.shape().size())
    target.insert(target.begin(), x.shape().size() - target.size(), 1);
  const size_t shift = target.size() - x.shape().size();
  for (size_t i = shift; i < target.size(); ++i) {
    const int64_t size = x.shape()[i - shift];
    c.check(size == target[i] || size == 1 || target[i] == 1, "cannot expand ",
            shape_text(x.shape()), " to ", shape_text(target));
    if (target[i] == 1) target[i] = size;
  }
  for (const int64_t size : target) c.check(size >= 0, "the shape has ", size);
  ElementWriter y(c, 0, x.dtype(), target);
  if (y.count() > 0) y.take(x, broadcast_map(x.shape(), target));
  y.finish();
}

void EnsureShape::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  if (!shape) return c.set(0, c.type(0));
  c.check(!x.has_rank() || x.shape().size() == shape->size(), "operand is ", x, ", stated to have ",
          shape->size(), " dimensions");
  Dims sizes;
  for (size_t i = 0; i < shape->size(); ++i) {
    const Dim& stated = (*shape)[i];
    const bool open = stated.is(-1);
    if (!open && x.has_rank()) c.require_equal(stated, x.shape()[i]);
    if (!open) sizes.push_back(stated);
    else sizes.push_back(x.has_rank() ? x.shape()[i] : c.fresh(0, static_cast<int>(i)));
  }
  c.set(0, x.dtype, std::move(sizes));
}

void EnsureShape::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> stated = shape ? c.dims(*shape) : x.shape();
  bool fits = x.shape().size() == stated.size();
  for (size_t i = 0; fits && i < stated.size(); ++i)
    fits = stated[i] == -1 || stated[i] == x.shape()[i];
  c.check(fits, "has sizes ", shape_text(x.shape()), ", stated are [", join(stated, ","), "]");
  c.give(0, x);
}

void Identity::infer(Inference& c) const { c.set(0, c.type(0)); }

void Identity::dims(Inference& c) const { pass_known(c); }

void Identity::eval(Evaluation& c) const { c.give(0, c.input(0)); }

void register_shape(OpRegistry& registry) {
  registry.add<Shape>();
  registry.add<Size>();
  registry.add<Reshape>();
  registry.add<Flatten>();
  registry.add<Squeeze>();
  registry.add<Unsqueeze>();
  registry.add<Expand>();
  registry.add<Identity>();
  registry.add<EnsureShape>();
}

}  // namespace hone
