// Elements picked and written by numbers of places or by masks.

#include "import/pytorch/indices.hpp"
#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/unique.hpp"

namespace hone::pytorch {
namespace {

/// Which axes are indexed, and the places along each, all of i64.
struct Indices {
  std::vector<int64_t> axes;
  std::vector<Value*> places;

  bool adjacent() const {
    return axes.back() - axes.front() + 1 == static_cast<int64_t>(axes.size());
  }
};

/// A mask stands for the places where it holds, along as many axes as it has.
void add_mask(Call& call, Indices& found, Value* mask, int64_t axis) {
  const int64_t rank = Call::rank(mask);
  Value* places = call.intermediate(NonZero{}, {mask}, "found");
  for (int64_t i = 0; i < rank; ++i) {
    Value* at = call.number(DType::i64, static_cast<double>(i), "row");
    found.axes.push_back(axis + i);
    found.places.push_back(call.intermediate(Gather{.axis = 0}, {places, at}, "places"));
  }
}

Indices indices(Call& call) {
  Indices found;
  int64_t axis = 0;
  for (Value* each : call.optional_tensors("indices")) {
    if (each == nullptr) {
      ++axis;
    } else if (Call::dtype(each) == DType::boolean || Call::dtype(each) == DType::u8) {
      add_mask(call, found, call.cast(each, DType::boolean), axis);
      axis += Call::rank(each);
    } else {
      found.axes.push_back(axis++);
      found.places.push_back(call.cast(each, DType::i64));
    }
  }
  return found;
}

/// The indexed axes first, the others in their order behind them.
std::vector<int64_t> indexed_first(const Indices& at, int64_t rank) {
  std::vector<int64_t> perm = at.axes;
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(at.axes.begin(), at.axes.end(), i) == at.axes.end()) perm.push_back(i);
  return perm;
}

bool is_identity(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Value* permuted(Call& call, Value* value, const std::vector<int64_t>& perm, std::string_view hint) {
  return is_identity(perm) ? value : call.intermediate(Transpose{.perm = perm}, {value}, hint);
}

/// The sizes that the places broadcast to.
Dims places_shape(const Indices& at) {
  Dims shape;
  for (const Value* places : at.places) {
    const Dims& own = Call::shape(places);
    if (own.size() > shape.size()) shape.insert(shape.begin(), own.size() - shape.size(), 1);
    for (size_t i = 0; i < own.size(); ++i) {
      Dim& size = shape[shape.size() - own.size() + i];
      size = broadcast({size, own[i]});
    }
  }
  return shape;
}

/// Coordinates along the indexed axes, as a last axis.
Value* coordinates(Call& call, const Indices& at, const Dims& shape) {
  std::vector<Value*> parts;
  for (Value* places : at.places) {
    places = call.expanded(places, {shape, nullptr}, "places");
    parts.push_back(call.intermediate(
        Unsqueeze{.axes = Dims{Dim(static_cast<int64_t>(shape.size()))}}, {places}, "coordinate"));
  }
  if (parts.size() == 1) return parts.front();
  return call.intermediate(Concat{.axis = static_cast<int64_t>(shape.size())}, parts,
                           "coordinates");
}

/// From [places..., rest...] to where the result has the places: at the first of adjacent axes.
std::vector<int64_t> placed(const Indices& at, int64_t places, int64_t rest) {
  const int64_t before = at.adjacent() ? at.axes.front() : 0;
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < before; ++i) perm.push_back(places + i);
  for (int64_t i = 0; i < places; ++i) perm.push_back(i);
  for (int64_t i = before; i < rest; ++i) perm.push_back(places + i);
  return perm;
}

void import_index(Call& call) {
  Value* x = call.tensor("self");
  const Indices at = indices(call);
  if (at.axes.empty()) return call.give(call.intermediate(Identity{}, {x}, "all"));
  if (at.axes.size() == 1) return void(call.emit(Gather{.axis = at.axes[0]}, {x, at.places[0]}));
  const int64_t rank = Call::rank(x), rest = rank - static_cast<int64_t>(at.axes.size());
  call.check(rest >= 0, "indexes ", uint64_t{at.axes.size()}, " axes of ", rank);
  const Dims shape = places_shape(at);
  x = permuted(call, x, indexed_first(at, rank), "turned");
  x = call.intermediate(GatherND{}, {x, coordinates(call, at, shape)}, "picked");
  call.give(permuted(call, x, placed(at, static_cast<int64_t>(shape.size()), rest), "placed"));
}

/// Whether one mask over the first axes says it all, and a number is written there.
Value* whole_mask(Call& call, const Value* values) {
  const auto given = call.optional_tensors("indices");
  if (given.size() != 1 || given[0] == nullptr || Call::dtype(given[0]) != DType::boolean)
    return nullptr;
  return product(Call::shape(values)).is(1) ? given[0] : nullptr;
}

void import_index_put(Call& call) {
  Value *x = call.tensor("self"), *values = call.cast(call.tensor("values"), Call::dtype(x));
  const bool adds = call.flag("accumulate");
  const int64_t rank = Call::rank(x);
  if (Value* mask = adds ? nullptr : whole_mask(call, values)) {
    Dims shape = Call::shape(mask);
    shape.resize(static_cast<size_t>(rank), 1);
    mask = call.reshaped(mask, shape, "mask");
    call.emit(Where{}, {mask, call.reshaped(values, {}, "value"), x});
    return;
  }
  const Indices at = indices(call);
  call.check(!at.axes.empty(), "writes to no places");
  const Dims shape = places_shape(at);
  const auto turn = indexed_first(at, rank);
  Value* turned = permuted(call, x, turn, "turned");
  // The values have the places where the result of indexing has them.
  const int64_t rest = rank - static_cast<int64_t>(at.axes.size());
  const auto places = static_cast<int64_t>(shape.size());
  Dims wanted;
  const auto order = placed(at, places, rest);
  for (const int64_t axis : order)
    wanted.push_back(
        axis < places ? shape[static_cast<size_t>(axis)]
                      : Call::shape(turned)[at.axes.size() + static_cast<size_t>(axis - places)]);
  values = call.expanded(values, {wanted, nullptr}, "values");
  std::vector<int64_t> inverse(order.size()), back(turn.size());
  for (size_t i = 0; i < order.size(); ++i)
    inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  values = permuted(call, values, inverse, "values");
  const auto kind = adds ? ScatterReduction::add : ScatterReduction::none;
  Value* written = call.intermediate(ScatterND{.reduction = kind},
                                     {turned, coordinates(call, at, shape), values}, "written");
  for (size_t i = 0; i < turn.size(); ++i)
    back[static_cast<size_t>(turn[i])] = static_cast<int64_t>(i);
  call.give(permuted(call, written, back, "result"));
}

void import_index_select(Call& call) {
  Value *x = call.tensor("self"), *places = call.cast(call.tensor("index"), DType::i64);
  if (Call::rank(places) == 0) places = call.reshaped(places, {1}, "places");
  call.emit(Gather{.axis = call.axis("dim", x)}, {x, places});
}

void import_gather(Call& call) {
  Value *x = call.tensor("self"), *places = call.cast(call.tensor("index"), DType::i64);
  const int64_t axis = call.axis("dim", x);
  call.emit(GatherElements{.axis = axis}, {cut_to_places(call, x, places, axis), places});
}

void import_take_along(Call& call) {
  Value *x = call.tensor("self"), *places = call.cast(call.tensor("indices"), DType::i64);
  if (!call.has("dim")) {
    x = call.reshaped(x, {-1}, "flat");
    return void(call.emit(GatherElements{.axis = 0}, {x, call.reshaped(places, {-1}, "places")}));
  }
  const int64_t axis = call.axis("dim", x);
  Dims data = Call::shape(x), at = Call::shape(places);
  for (size_t i = 0; i < data.size() && i < at.size(); ++i)
    if (static_cast<int64_t>(i) != axis) data[i] = at[i] = broadcast({data[i], at[i]});
  x = call.expanded(x, {data, nullptr}, "data");
  call.emit(GatherElements{.axis = axis}, {x, call.expanded(places, {at, nullptr}, "places")});
}

void import_take(Call& call) {
  Value* x = call.reshaped(call.tensor("self"), {-1}, "flat");
  call.emit(Gather{.axis = 0}, {x, call.cast(call.tensor("index"), DType::i64)});
}

void import_embedding(Call& call) {
  call.emit(Gather{}, {call.tensor("weight"), call.cast(call.tensor("indices"), DType::i64)});
}

void import_one_hot(Call& call) {
  const int64_t depth = call.integer("num_classes");
  if (depth < 1) call.unsupported("as many classes as the numbers name (num_classes=-1)");
  Value* places = call.cast(call.tensor("self"), DType::i64);
  call.emit(OneHot{}, {places, call.number(DType::i64, static_cast<double>(depth), "depth"),
                       call.constant(Tensor::ints({0, 1}), "values")});
}

void import_nonzero(Call& call) {
  Value* found = call.intermediate(NonZero{}, {call.tensor("self")}, "found");
  call.emit(Transpose{.perm = {1, 0}}, {found});
}

/// The places along each axis as vectors of their own.
void import_nonzero_numpy(Call& call) {
  Value* x = call.tensor(call.takes("condition") ? "condition" : "self");
  Indices found;
  add_mask(call, found, x, 0);
  call.give_list(found.places);
}

void import_masked_select(Call& call) {
  Value *x = call.tensor("self"), *mask = call.cast(call.tensor("mask"), DType::boolean);
  Dims shape;
  for (const Value* value : {x, mask}) {
    const Dims& own = Call::shape(value);
    if (own.size() > shape.size()) shape.insert(shape.begin(), own.size() - shape.size(), 1);
    for (size_t i = 0; i < own.size(); ++i) {
      Dim& size = shape[shape.size() - own.size() + i];
      size = broadcast({size, own[i]});
    }
  }
  x = call.reshaped(call.expanded(x, {shape, nullptr}, "data"), {-1}, "flat");
  mask = call.reshaped(call.expanded(mask, {shape, nullptr}, "mask"), {-1}, "flat_mask");
  call.emit(Compress{.axis = 0}, {x, mask});
}

void import_is_in(Call& call) {
  const bool is_one = !call.takes("test_elements");
  const std::string_view elements = call.takes("elements") ? "elements" : "element";
  const std::string_view among = is_one ? "test_element" : "test_elements";
  const DType dtype = promoted(call, {elements, among});
  Value* x = call.operand(call.argument(elements), dtype, "elements");
  Value* set = call.reshaped(call.operand(call.argument(among), dtype, "set"), {-1}, "set");
  const int64_t last = Call::rank(x);
  x = call.intermediate(Unsqueeze{.axes = Dims{Dim(last)}}, {x}, "each");
  Value* equal = call.intermediate(Equal{}, {x, set}, "equal");
  Value* any =
      call.intermediate(ReduceMax{.axes = Dims{Dim(last)}, .keepdims = false}, {equal}, "any");
  if (call.flag("invert")) call.emit(Not{}, {any});
  else call.give(any);
}

/// How many bounds lie below: below or at with `right`.
void import_buckets(Call& call) {
  const bool is_bucketize = call.overload().name == "aten::bucketize";
  const std::string_view bounds = is_bucketize ? "boundaries" : "sorted_sequence";
  if (!is_bucketize && (call.has("sorter") || Call::rank(call.tensor(bounds)) != 1))
    call.unsupported("bounds in rows, or with a sorter");
  bool right = call.flag("right");
  if (!is_bucketize && call.has("side")) right = call.text("side") == "right";
  const DType dtype = promoted(call, {"self", bounds});
  Value* x = call.operand(call.argument("self"), dtype, "numbers");
  const int64_t last = Call::rank(x);
  x = call.intermediate(Unsqueeze{.axes = Dims{Dim(last)}}, {x}, "each");
  Value* set = call.operand(call.argument(bounds), dtype, "bounds");
  Value* below = right ? call.intermediate(LessOrEqual{}, {set, x}, "below")
                       : call.intermediate(Less{}, {set, x}, "below");
  const DType to = call.flag("out_int32") ? DType::i32 : DType::i64;
  call.emit(ReduceSum{.axes = Dims{Dim(last)}, .keepdims = false},
            {call.cast(below, to, "counts")});
}

/// Row numbers, then column numbers, of a triangle.
template <bool kUpper>
void import_triangle(Call& call) {
  const int64_t rows = call.integer("row"), columns = call.integer("col");
  const int64_t offset = call.integer("offset");
  call.check(rows >= 0 && columns >= 0 && rows * columns < (1 << 24), "a triangle of ", rows, " x ",
             columns);
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      if (kUpper ? j >= i + offset : j <= i + offset) first.push_back(i), second.push_back(j);
  first.insert(first.end(), second.begin(), second.end());
  const Tensor places = Tensor::ints(first, call.dtype("dtype").value_or(DType::i64));
  call.give(call.constant(places.reshaped({2, static_cast<int64_t>(second.size())}), "places"));
}

void import_unique(Call& call) {
  Value* x = call.tensor("self");
  if (!call.flag("sorted")) call.unsupported("distinct elements in no order");
  const auto found = call.intermediates(Unique{}, {x}, 4, "unique");
  call.give(found[0]);
  call.give(call.reshaped(found[2], Call::shape(x), "places"));
  call.give(found[3]);
}

}  // namespace

void register_index(Importers& importers) {
  importers.add(
      {"index.Tensor(T self, T?[] indices)", "index.Tensor_hacked_twin(T self, T[] indices)",
       "_unsafe_index.Tensor(T self, T?[] indices)"},
      import_index);
  importers.add({"index_put(T self, T?[] indices, T values, b accumulate=False)",
                 "index_put.hacked_twin(T self, T[] indices, T values, b accumulate=False)",
                 "_unsafe_index_put(T self, T?[] indices, T values, b accumulate=False)"},
                import_index_put);
  importers.add("index_select(T self, i dim, T index)", import_index_select);
  importers.add("gather(T self, i dim, T index, b sparse_grad=False)", import_gather);
  importers.add("take_along_dim(T self, T indices, i? dim=None)", import_take_along);
  importers.add("take(T self, T index)", import_take);
  importers.add(
      "embedding(T weight, T indices, i padding_idx=-1, b scale_grad_by_freq=False, "
      "b sparse=False)",
      import_embedding);
  importers.add("one_hot(T self, i num_classes=-1)", import_one_hot);
  importers.add({"nonzero(T self)", "argwhere(T self)"}, import_nonzero);
  importers.add({"nonzero_numpy(T self)", "where(T condition)"}, import_nonzero_numpy);
  importers.add("masked_select(T self, T mask)", import_masked_select);
  importers.add({"isin.Tensor_Tensor(T elements, T test_elements, b assume_unique=False, "
                 "b invert=False)",
                 "isin.Tensor_Scalar(T elements, s test_element, b assume_unique=False, "
                 "b invert=False)",
                 "isin.Scalar_Tensor(s element, T test_elements, b assume_unique=False, "
                 "b invert=False)"},
                import_is_in);
  importers.add({"bucketize.Tensor(T self, T boundaries, b out_int32=False, b right=False)",
                 "bucketize.Scalar(s self, T boundaries, b out_int32=False, b right=False)",
                 "searchsorted.Tensor(T sorted_sequence, T self, b out_int32=False, b right=False, "
                 "t? side=None, T? sorter=None)",
                 "searchsorted.Scalar(T sorted_sequence, s self, b out_int32=False, b right=False, "
                 "t? side=None, T? sorter=None)"},
                import_buckets);
  importers.add(
      "tril_indices(i row, i col, i offset=0, i? dtype=4, i? layout=None, "
      "a device=None, b? pin_memory=None)",
      import_triangle<false>);
  importers.add(
      "triu_indices(i row, i col, i offset=0, i? dtype=4, i? layout=None, "
      "a device=None, b? pin_memory=None)",
      import_triangle<true>);
  importers.add("_unique2(T self, b sorted=True, b return_inverse=False, b return_counts=False)",
                import_unique);
}

}  // namespace hone::pytorch
