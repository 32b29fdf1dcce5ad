// Views: the same elements under another shape or another order of axes. Each says how what is
// written through it reaches what it shows.

#include "import/pytorch/call.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// The base's own shape again.
Value* reshaped_back(Call& call, Value* written, size_t) {
  return call.reshaped(written, Call::shape(call.tensor("self")), "written");
}

void emit_reshaped(Call& call, const Sizes& sizes) {
  Value* x = call.tensor("self");
  if (!sizes.known) return void(call.emit(Reshape{.allowzero = true}, {x, sizes.operand}));
  bool has_zero = false;
  for (const Dim& dim : *sizes.known) has_zero |= dim.is(0);
  call.emit(Reshape{.shape = sizes.known, .allowzero = has_zero}, {x});
}

void import_view(Call& call) { emit_reshaped(call, call.sizes("size")); }
void import_reshape(Call& call) { emit_reshaped(call, call.sizes("shape")); }
void import_view_as(Call& call) {
  emit_reshaped(call, {Call::shape(call.tensor("other")), nullptr});
}

void import_flatten(Call& call) {
  Value* x = call.tensor("self");
  const Dims& from = Call::shape(x);
  const auto first = static_cast<size_t>(call.axis("start_dim", x));
  const auto last = static_cast<size_t>(call.axis("end_dim", x));
  if (from.empty()) return emit_reshaped(call, {Dims{Dim(1)}, nullptr});
  call.check(first <= last, "start_dim is behind end_dim");
  if (first == 1 && last + 1 == from.size()) return void(call.emit(Flatten{.axis = 1}, {x}));
  Dims shape(from.begin(), from.begin() + static_cast<int64_t>(first));
  Dim count = 1;
  for (size_t i = first; i <= last; ++i) count = count * from[i];
  shape.push_back(count);
  shape.insert(shape.end(), from.begin() + static_cast<int64_t>(last) + 1, from.end());
  emit_reshaped(call, {shape, nullptr});
}

void import_ravel(Call& call) { emit_reshaped(call, {Dims{Dim(-1)}, nullptr}); }

/// One axis becomes several; -1 stands for what is left.
void import_unflatten(Call& call) {
  Value* x = call.tensor("self");
  const auto axis = static_cast<size_t>(call.axis("dim", x));
  Dims shape = Call::shape(x), parts = call.dims("sizes");
  call.check(axis < shape.size(), "an axis of a number");
  Dim rest = shape[axis];
  for (const Dim& part : parts)
    if (!part.is(-1)) rest = exact_div(rest, part).value_or(floor_div(rest, part));
  for (Dim& part : parts)
    if (part.is(-1)) part = rest;
  shape.erase(shape.begin() + static_cast<int64_t>(axis));
  shape.insert(shape.begin() + static_cast<int64_t>(axis), parts.begin(), parts.end());
  emit_reshaped(call, {shape, nullptr});
}

void import_squeeze(Call& call) {
  Value* x = call.tensor("self");
  std::vector<int64_t> asked;
  const auto& parameters = call.overload().parameters;
  if (parameters.size() > 1) {
    asked = call.integers("dim", call.argument("dim").list() ? 0 : 1);
    for (int64_t& axis : asked) axis = call.axis(axis, Call::rank(x));
  }
  Dims axes;
  const Dims& shape = Call::shape(x);
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_asked =
        parameters.size() == 1 ||
        std::find(asked.begin(), asked.end(), static_cast<int64_t>(i)) != asked.end();
    if (is_asked && shape[i].is(1)) axes.emplace_back(static_cast<int64_t>(i));
  }
  call.emit(Squeeze{.axes = axes}, {x});
}

void import_unsqueeze(Call& call) {
  Value* x = call.tensor("self");
  call.emit(Unsqueeze{.axes = Dims{Dim(call.axis(call.integer("dim"), Call::rank(x) + 1))}}, {x});
}

/// Sizes to expand to: -1 keeps what is there.
void emit_expanded(Call& call, Sizes sizes) {
  Value* x = call.tensor("self");
  if (!sizes.known) return void(call.emit(Expand{}, {x, sizes.operand}));
  const Dims& from = Call::shape(x);
  Dims& to = *sizes.known;
  call.check(to.size() >= from.size(), "expands ", uint64_t{from.size()}, " axes to ",
             uint64_t{to.size()});
  for (size_t i = 0; i < from.size(); ++i)
    if (Dim& size = to[to.size() - from.size() + i]; size.is(-1)) size = from[i];
  call.emit(Expand{.shape = to}, {x});
}

void import_expand(Call& call) { emit_expanded(call, call.sizes("size")); }
void import_expand_as(Call& call) {
  emit_expanded(call, {Call::shape(call.tensor("other")), nullptr});
}

/// The order of axes that a call asks for.
std::vector<int64_t> order(Call& call) {
  const Value* x = call.tensor("self");
  const int64_t rank = Call::rank(x);
  std::vector<int64_t> perm;
  const std::string_view name = call.overload().name;
  if (name == "aten::permute") {
    for (const int64_t axis : call.integers("dims")) perm.push_back(call.axis(axis, rank));
    return perm;
  }
  for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
  const auto swap = [&](int64_t a, int64_t b) {
    const bool fits = a >= 0 && b >= 0 && a < rank && b < rank;
    call.check(fits, "exchanges axes ", a, " and ", b, " of ", rank);
    std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  };
  if (name == "aten::numpy_T") std::reverse(perm.begin(), perm.end());
  else if (name == "aten::t") rank > 1 ? swap(0, 1) : void();
  else if (name == "aten::mT" || name == "aten::adjoint") swap(rank - 2, rank - 1);
  else if (name == "aten::swapaxes") swap(call.axis("axis0", x), call.axis("axis1", x));
  else if (rank > 0) swap(call.axis("dim0", x), call.axis("dim1", x));
  return perm;
}

/// Axes are taken out and put in at other places, the others keep their order.
std::vector<int64_t> moved_order(Call& call) {
  const Value* x = call.tensor("self");
  const int64_t rank = Call::rank(x);
  auto from = call.integers("source", call.argument("source").list() ? 0 : 1);
  auto to = call.integers("destination", call.argument("destination").list() ? 0 : 1);
  call.check(from.size() == to.size(), "source and destination differ in length");
  std::vector<int64_t> perm(static_cast<size_t>(rank), -1), rest;
  for (size_t i = 0; i < from.size(); ++i)
    perm[static_cast<size_t>(call.axis(to[i], rank))] = from[i] = call.axis(from[i], rank);
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(from.begin(), from.end(), i) == from.end()) rest.push_back(i);
  auto next = rest.begin();
  for (int64_t& axis : perm)
    if (axis < 0 && next != rest.end()) axis = *next++;
  return perm;
}

Value* ordered_back(Call& call, Value* written, const std::vector<int64_t>& perm) {
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return call.intermediate(Transpose{.perm = inverse}, {written}, "written");
}

void import_order(Call& call) { call.emit(Transpose{.perm = order(call)}, {call.tensor("self")}); }
Value* order_back(Call& call, Value* written, size_t) {
  return ordered_back(call, written, order(call));
}
void import_moved(Call& call) {
  call.emit(Transpose{.perm = moved_order(call)}, {call.tensor("self")});
}
Value* moved_back(Call& call, Value* written, size_t) {
  return ordered_back(call, written, moved_order(call));
}

void import_same(Call& call) { call.give_argument("self"); }

/// The same bits as another type of elements.
void import_view_dtype(Call& call) {
  const DType to = *call.dtype("dtype");
  Value* x = call.tensor("self");
  if (bits(to) != bits(Call::dtype(x))) call.unsupported("bits read as elements of another width");
  call.emit(BitCast{.to = to}, {x});
}

/// Row-major strides only: then it is a shape.
void import_as_strided(Call& call) {
  Value* x = call.tensor("self");
  const Dims size = call.dims("size"), stride = call.dims("stride");
  call.check(size.size() == stride.size(), "size and stride differ in length");
  Dim wanted = 1;
  bool is_plain = call.optional_integer("storage_offset").value_or(0) == 0;
  for (size_t i = size.size(); i-- > 0; wanted = wanted * size[i])
    is_plain = is_plain && (size[i].is(1) || stride[i] == wanted);
  is_plain = is_plain && provably_equal(wanted, product(Call::shape(x))) == true;
  if (!is_plain) call.unsupported("strides that are no plain shape");
  call.emit(Reshape{.shape = size}, {x});
}

void register_shapes(Importers& importers) {
  importers.add_view("view(T self, i[] size)", import_view, reshaped_back);
  importers.add_view("_unsafe_view(T self, i[] size)", import_view, reshaped_back);
  importers.add_view("reshape(T self, i[] shape)", import_reshape, reshaped_back);
  importers.add_view("view_as(T self, T other)", import_view_as, reshaped_back);
  importers.add_view("reshape_as(T self, T other)", import_view_as, reshaped_back);
  importers.add_view("flatten.using_ints(T self, i start_dim=0, i end_dim=-1)", import_flatten,
                     reshaped_back);
  importers.add_view("ravel(T self)", import_ravel, reshaped_back);
  importers.add_view("unflatten.int(T self, i dim, i[] sizes)", import_unflatten, reshaped_back);
  importers.add_view("squeeze(T self)", import_squeeze, reshaped_back);
  importers.add_view("squeeze.dim(T self, i dim)", import_squeeze, reshaped_back);
  importers.add_view("squeeze.dims(T self, i[] dim)", import_squeeze, reshaped_back);
  importers.add_view("unsqueeze(T self, i dim)", import_unsqueeze, reshaped_back);
  importers.add_view("as_strided(T self, i[] size, i[] stride, i? storage_offset=None)",
                     import_as_strided, reshaped_back);
  importers.add_view("expand(T self, i[] size, b implicit=False)", import_expand);
  importers.add_view("expand_as(T self, T other)", import_expand_as);
  importers.add_view("broadcast_to(T self, i[] size)", import_expand);
  importers.add("view.dtype(T self, i dtype)", import_view_dtype);
}

}  // namespace

void register_view(Importers& importers) {
  register_shapes(importers);
  importers.add_view("permute(T self, i[] dims)", import_order, order_back);
  importers.add_view("transpose.int(T self, i dim0, i dim1)", import_order, order_back);
  importers.add_view("swapaxes(T self, i axis0, i axis1)", import_order, order_back);
  importers.add_view("swapdims(T self, i dim0, i dim1)", import_order, order_back);
  importers.add_view("t(T self)", import_order, order_back);
  importers.add_view("numpy_T(T self)", import_order, order_back);
  importers.add_view("mT(T self)", import_order, order_back);
  importers.add_view("adjoint(T self)", import_order, order_back);
  importers.add_view("movedim.int(T self, i source, i destination)", import_moved, moved_back);
  importers.add_view("movedim.intlist(T self, i[] source, i[] destination)", import_moved,
                     moved_back);
  importers.add_view("moveaxis.int(T self, i source, i destination)", import_moved, moved_back);
  importers.add("contiguous(T self, i memory_format=0)", import_same);
  importers.add("alias(T self)", import_same);
  importers.add("detach(T self)", import_same);
  importers.add("lift_fresh(T self)", import_same);
}

}  // namespace hone::pytorch
