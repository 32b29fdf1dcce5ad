#include "device/strided_view.hpp"

#include <algorithm>

namespace hone {
namespace {

Dims dense_strides(const Dims& shape) {
  Dims strides(shape.size());
  Dim stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride = stride * shape[axis];
  }
  return strides;
}

Dim dense_place(const Dims& at, const Dims& shape) {
  const Dims strides = dense_strides(shape);
  Dim place;
  for (size_t axis = 0; axis < shape.size(); ++axis) place = place + at[axis] * strides[axis];
  return place;
}

/// What a stage loads when it does nothing else.
struct Load {
  const Value* value;
  Dims indices;
};
std::optional<Load> load_of(const Stage& stage) {
  const Expr& expr = stage.expr;
  if (expr.kind() != Expr::Kind::load || expr.outside()) return std::nullopt;
  const auto* value = std::get_if<const Value*>(&expr.source());
  if (value == nullptr || !(*value)->type.is_tensor() || !(*value)->type.tensor().has_rank())
    return std::nullopt;
  Load load{*value, {}};
  for (const Expr& index : expr.operands()) {
    if (index.kind() != Expr::Kind::index) return std::nullopt;
    load.indices.push_back(index.dim());
  }
  return load;
}

Dims counters(size_t count) {
  Dims loops;
  for (size_t axis = 0; axis < count; ++axis) loops.push_back(loop(static_cast<int>(axis)));
  return loops;
}

bool keeps_order(const Load& load, const Dims& extents) {
  return dense_place(load.indices, load.value->type.tensor().shape()) ==
         dense_place(counters(extents.size()), extents);
}

/// The stage that makes the value, where a view does.
struct Made {
  Load load;
  Dims extents;
};
std::optional<Made> made_by_view(const Value& value) {
  if (value.producer == nullptr) return std::nullopt;
  const Stages stages = stages_of(*value.producer);
  const Stage* stage = stages ? stages.find(&value) : nullptr;
  if (stage == nullptr) return std::nullopt;
  auto load = load_of(*stage);
  if (!load) return std::nullopt;
  return Made{*std::move(load), stage->extents};
}

/// An index as offset + sum of factor * counter; nullopt: it is none.
struct Affine {
  Dim offset;
  Dims factors;
};
std::optional<Affine> affine(const Dim& index, size_t loops) {
  const auto at = [&](std::optional<size_t> one) {
    return index.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
      return Dim(one && loop(static_cast<int>(*one)).as_variable() == name ? 1 : 0);
    });
  };
  Affine made{at(std::nullopt), {}};
  Dim sum = made.offset;
  for (size_t axis = 0; axis < loops; ++axis) {
    made.factors.push_back(at(axis) - made.offset);
    sum = sum + made.factors.back() * loop(static_cast<int>(axis));
  }
  if (!(sum == index)) return std::nullopt;
  return made;
}

/// Strides of the same elements in the same order under another shape; nullopt: no strides lead
/// there. Axes are joined and parted in groups of as many elements on both sides.
std::optional<Dims> reshaped(const Dims& strides, const Dims& from, const Dims& to) {
  Dims made(to.size());
  size_t i = from.size(), j = to.size();  // from the innermost axis on
  while (i > 0 || j > 0) {
    const size_t last_from = i, last_to = j;
    Dim left = i > 0 ? from[--i] : Dim(1), right = j > 0 ? to[--j] : Dim(1);
    while (!(left == right)) {
      if (i > 0 && exact_div(right, left)) left = left * from[--i];
      else if (j > 0 && exact_div(left, right)) right = right * to[--j];
      else return std::nullopt;
    }
    // Axes of one element have no say.
    std::optional<Dim> inner, next;
    for (size_t axis = last_from; axis-- > i;) {
      if (from[axis].is(1)) continue;
      if (next && !(*next == strides[axis])) return std::nullopt;
      if (!inner) inner = strides[axis];
      next = strides[axis] * from[axis];
    }
    Dim stride = inner.value_or(1);
    for (size_t axis = last_to; axis-- > j;) {
      made[axis] = stride;
      stride = stride * to[axis];
    }
  }
  return made;
}

/// One view further: `view` is that of the operand.
std::optional<StridedView> through(const StridedView& view, const Made& made) {
  StridedView next{view.of, Dims(made.extents.size()), view.offset};
  bool strided = true;
  for (size_t axis = 0; strided && axis < made.load.indices.size(); ++axis) {
    const auto index = affine(made.load.indices[axis], made.extents.size());
    strided = index.has_value();
    if (!strided) break;
    next.offset = next.offset + index->offset * view.strides[axis];
    for (size_t i = 0; i < made.extents.size(); ++i)
      next.strides[i] = next.strides[i] + index->factors[i] * view.strides[axis];
  }
  if (strided) return next;
  if (!keeps_order(made.load, made.extents)) return std::nullopt;
  auto strides = reshaped(view.strides, made.load.value->type.tensor().shape(), made.extents);
  if (!strides) return std::nullopt;
  return StridedView{view.of, *std::move(strides), view.offset};
}

/// One view back: `place` is where the elements of what it makes lie.
std::optional<StridedView> before(const StridedView& place, const Made& made) {
  const Dims& shape = made.load.value->type.tensor().shape();
  if (keeps_order(made.load, made.extents)) {
    auto strides = reshaped(place.strides, made.extents, shape);
    if (!strides) return std::nullopt;
    return StridedView{place.of, *std::move(strides), place.offset};
  }
  StridedView turned{place.of, Dims(shape.size()), place.offset};
  std::vector<bool> used(made.extents.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const Dim& index = made.load.indices[axis];
    if (index.is(0) && shape[axis].is(1)) continue;
    size_t i = 0;
    while (i < used.size() && !(index == loop(static_cast<int>(i)))) ++i;
    if (i == used.size() || used[i] || !(made.extents[i] == shape[axis])) return std::nullopt;
    used[i] = true;
    turned.strides[axis] = place.strides[i];
  }
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i] && !made.extents[i].is(1)) return std::nullopt;  // it repeats elements
  return turned;
}

StridedView all_of(const Value& value) {
  return {&value, dense_strides(value.type.tensor().shape()), 0};
}

}  // namespace

bool keeps_order(const Stage& stage) {
  const auto load = load_of(stage);
  return load && keeps_order(*load, stage.extents);
}

const Value* viewed(const Value& value) {
  const auto made = made_by_view(value);
  return made ? made->load.value : nullptr;
}

std::optional<StridedView> view_of(const Value& value) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return std::nullopt;
  const auto made = made_by_view(value);
  if (!made) return all_of(value);
  const auto operand = view_of(*made->load.value);
  return operand ? through(*operand, *made) : std::nullopt;
}

std::optional<StridedView> view_in_operand(const Value& value) {
  const auto made = made_by_view(value);
  return made ? through(all_of(*made->load.value), *made) : std::nullopt;
}

std::optional<StridedView> place_in(const Value& value, const Value& result) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return std::nullopt;
  if (&value == &result) return all_of(value);
  if (value.first_output >= 0 || value.users.size() != 1) return std::nullopt;
  const Node& reader = *value.users.front();
  if (reader.outputs.size() != 1 || reader.output() == nullptr) return std::nullopt;
  const auto made = made_by_view(*reader.output());
  if (!made || made->load.value != &value) return std::nullopt;
  const auto place = place_in(*reader.output(), result);
  return place ? before(*place, *made) : std::nullopt;
}

}  // namespace hone
