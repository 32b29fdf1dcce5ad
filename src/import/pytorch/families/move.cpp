// Elements put together, repeated, turned around and taken apart; conversions of their type.

#include "import/pytorch/promote.hpp"
#include "import/pytorch/windows.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/unique.hpp"

namespace hone::pytorch {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

/// The tensors in the type that they have together. What has one axis and no element is left out,
/// as PyTorch does.
std::vector<Value*> joined_tensors(Call& call) {
  std::vector<Value*> values = call.tensors("tensors");
  call.check(!values.empty(), "joins no tensors");
  if (values.size() > 1)
    std::erase_if(values, [](const Value* value) {
      return Call::rank(value) == 1 && Call::shape(value).front().is(0);
    });
  if (values.empty()) return call.tensors("tensors");
  const DType dtype = promoted(call, call.items("tensors"));
  for (Value*& value : values) value = call.cast(value, dtype);
  return values;
}

void emit_concat(Call& call, const std::vector<Value*>& values, int64_t axis) {
  if (values.size() == 1) return call.give(call.intermediate(Identity{}, values, "joined"));
  call.emit(Concat{.axis = axis}, values);
}

void import_cat(Call& call) {
  const auto values = joined_tensors(call);
  emit_concat(call, values, call.axis("dim", values.front()));
}

void import_stack(Call& call) {
  auto values = joined_tensors(call);
  const int64_t axis = call.axis(call.integer("dim"), Call::rank(values.front()) + 1);
  for (Value*& value : values)
    value = call.intermediate(Unsqueeze{.axes = Dims{Dim(axis)}}, {value}, "row");
  emit_concat(call, values, axis);
}

/// Along the second axis, or the first of vectors.
void import_hstack(Call& call) {
  const auto values = joined_tensors(call);
  emit_concat(call, values, Call::rank(values.front()) > 1 ? 1 : 0);
}
void import_vstack(Call& call) {
  auto values = joined_tensors(call);
  for (Value*& value : values)
    if (Call::rank(value) == 1)
      value = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {value}, "row");
  emit_concat(call, values, 0);
}

void emit_tiled(Call& call, const Sizes& repeats) {
  Value* x = call.tensor("self");
  if (!repeats.known) return void(call.emit(Tile{}, {x, repeats.operand}));
  Dims times = *repeats.known, shape = Call::shape(x);
  if (times.size() < shape.size()) times.insert(times.begin(), shape.size() - times.size(), 1);
  if (times.size() > shape.size()) {
    shape.insert(shape.begin(), times.size() - shape.size(), 1);
    x = call.reshaped(x, shape, "axes");
  }
  call.emit(Tile{.repeats = times}, {x});
}
void import_repeat(Call& call) { emit_tiled(call, call.sizes("repeats")); }
void import_tile(Call& call) { emit_tiled(call, call.sizes("dims")); }

/// Each place of an axis as often as asked, one behind the other.
void import_repeat_interleave(Call& call) {
  Value* x = call.tensor("self");
  if (!call.has("dim")) x = call.reshaped(x, {-1}, "flat");
  const int64_t axis = call.has("dim") ? call.axis("dim", x) : 0;
  const Dim times = call.dim("repeats");
  Dims shape = Call::shape(x), wide = shape;
  wide.insert(wide.begin() + axis + 1, times);
  shape[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)] * times;
  x = call.intermediate(Unsqueeze{.axes = Dims{Dim(axis + 1)}}, {x}, "each");
  x = call.intermediate(Expand{.shape = wide}, {x}, "each");
  call.emit(Reshape{.shape = shape}, {x});
}

/// The same, as often as a constant says for each place.
void import_repeat_interleave_tensor(Call& call) {
  Value *x = call.tensor("self"), *repeats = call.tensor("repeats");
  if (Call::rank(repeats) == 0) return import_repeat_interleave(call);  // a number, all alike
  if (!repeats->is_constant()) call.unsupported("repeats that only running tells");
  if (!call.has("dim")) x = call.reshaped(x, {-1}, "flat");
  const int64_t axis = call.has("dim") ? call.axis("dim", x) : 0;
  std::vector<int64_t> places;
  const auto times = repeats->weight->tensor().integers();
  for (size_t i = 0; i < times.size(); ++i) {
    call.check(times[i] >= 0 && times[i] < (1 << 20), "repeats ", times[i], " times");
    places.insert(places.end(), static_cast<size_t>(times[i]), static_cast<int64_t>(i));
  }
  call.emit(Gather{.axis = axis}, {x, call.constant(Tensor::ints(places), "places")});
}

void import_flip(Call& call) {
  Value* x = call.tensor("self");
  Dims axes;
  if (call.overload().name == "aten::fliplr") axes = {1};
  else
    for (const int64_t axis : call.integers("dims"))
      axes.emplace_back(call.axis(axis, Call::rank(x)));
  if (axes.empty()) return call.give(call.intermediate(Identity{}, {x}, "same"));
  const Dims last(axes.size(), Dim(-1));
  const Dims before_first(axes.size(), Dim(std::numeric_limits<int64_t>::min()));
  call.emit(Slice{.starts = last, .ends = before_first, .axes = axes, .steps = last}, {x});
}

void import_roll(Call& call) {
  Value* x = call.tensor("self");
  const Dims shape = Call::shape(x);
  const Dims shifts = call.dims("shifts");
  std::vector<int64_t> axes = call.integers("dims", call.argument("dims").list() ? 0 : 1);
  const bool is_flat = axes.empty();
  if (is_flat) x = call.reshaped(x, {-1}, "flat"), axes = {0};
  call.check(axes.size() == shifts.size(), "shifts and dims differ in length");
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = call.axis(axes[i], Call::rank(x));
    const Dim size = Call::shape(x)[static_cast<size_t>(axis)];
    if (shifts[i].is(0) || size.is(0)) continue;
    const Dim cut = size - mod(shifts[i], size);
    const auto part = [&](const Dim& start, const Dim& end) {
      return call.intermediate(
          Slice{.starts = Dims{Dim(start)}, .ends = Dims{Dim(end)}, .axes = Dims{Dim(axis)}}, {x},
          "part");
    };
    x = call.intermediate(Concat{.axis = axis}, {part(cut, kEnd), part(0, cut)}, "rolled");
  }
  call.give(is_flat ? call.reshaped(x, shape, "rolled")
                    : call.intermediate(Identity{}, {x}, "rolled"));
}

/// A copy of its own: what is written into one does not show in the other.
void import_clone(Call& call) { call.emit(Identity{}, {call.tensor("self")}); }

void import_to(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = call.dtype("dtype").value_or(Call::dtype(x));
  if (dtype == Call::dtype(x)) return call.give_argument("self");
  call.give(call.cast(x, dtype, "cast"));
}
void import_to_other(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = Call::dtype(call.tensor("other"));
  if (dtype == Call::dtype(x)) return call.give_argument("self");
  call.give(call.cast(x, dtype, "cast"));
}
template <DType kTo>
void import_to_type(Call& call) {
  call.give(call.cast(call.tensor("self"), kTo, "cast"));
}
void import_to_copy(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = call.dtype("dtype").value_or(Call::dtype(x));
  if (dtype == Call::dtype(x)) call.emit(Identity{}, {x});
  else call.give(call.cast(x, dtype, "cast"));
}

/// The source over the sizes of what it is copied into.
void import_copy(Call& call) {
  Value *x = call.tensor("self"), *source = call.tensor("src");
  source = call.cast(source, Call::dtype(x));
  call.give(call.expanded(source, {Call::shape(x), nullptr}, "copy"));
}

void import_pixel_shuffle(Call& call) {
  Value* x = call.tensor("self");
  const int64_t factor = call.integer("upscale_factor");
  call.check(Call::rank(x) == 4, "an image of ", Call::rank(x), " axes, wanted 4");
  call.emit(DepthToSpace{.blocksize = factor, .mode = DepthToSpace::Mode::CRD}, {x});
}

void import_pixel_unshuffle(Call& call) {
  Value* x = call.tensor("self");
  const Dim factor = call.integer("downscale_factor");
  call.check(Call::rank(x) == 4, "an image of ", Call::rank(x), " axes, wanted 4");
  call.check(*factor.constant() > 0, "downscale_factor is ", factor);
  const Dims& s = Call::shape(x);
  const Dim height = floor_div(s[2], factor), width = floor_div(s[3], factor);
  x = call.reshaped(x, {s[0], s[1], height, factor, width, factor}, "blocks");
  x = call.intermediate(Transpose{.perm = {0, 1, 3, 5, 2, 4}}, {x}, "turned");
  call.emit(Reshape{.shape = Dims{s[0], s[1] * factor * factor, height, width}}, {x});
}

void import_channel_shuffle(Call& call) {
  Value* x = call.tensor("self");
  const Dim groups = call.integer("groups");
  const Dims shape = Call::shape(x);
  call.check(shape.size() > 2 && *groups.constant() > 0, "channels in ", groups, " groups");
  Dims wide = shape;
  wide[1] = floor_div(shape[1], groups);
  wide.insert(wide.begin() + 1, groups);
  x = call.transposed(call.reshaped(x, wide, "groups"), 1, 2, "turned");
  call.emit(Reshape{.shape = shape}, {x});
}

void import_tril(Call& call) {
  call.emit(Trilu{.k = Dims{Dim(call.dim("diagonal"))}, .upper = false}, {call.tensor("self")});
}
void import_triu(Call& call) {
  call.emit(Trilu{.k = Dims{Dim(call.dim("diagonal"))}, .upper = true}, {call.tensor("self")});
}

/// Windows of `size` along an axis, as a new last axis.
void import_unfold(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dimension", x), rank = Call::rank(x);
  const int64_t size = call.integer("size"), step = call.integer("step");
  call.check(size > 0 && step > 0, "windows of ", size, " in steps of ", step);
  const Dim count = floor_div(Call::shape(x)[static_cast<size_t>(axis)] - size, Dim(step)) + Dim(1);
  Value* places = window_places(call, {.windows = count, .elements = size, .stride = step});
  Value* windows = call.intermediate(Gather{.axis = axis}, {x, places}, "windows");
  std::vector<int64_t> perm;
  for (int64_t i = 0; i <= rank; ++i)
    if (i != axis + 1) perm.push_back(i);
  perm.push_back(axis + 1);
  call.emit(Transpose{.perm = perm}, {windows});
}

/// Elements [i, i + offset] of two axes, as a new last axis.
void import_diagonal(Call& call) {
  Value* x = call.tensor("self");
  const int64_t rank = Call::rank(x), offset = call.integer("offset");
  const int64_t a = call.axis("dim1", x), b = call.axis("dim2", x);
  const auto rows = Call::shape(x)[static_cast<size_t>(a)].constant();
  const auto columns = Call::shape(x)[static_cast<size_t>(b)].constant();
  if (!rows || !columns) call.unsupported("a diagonal of open size");
  std::vector<int64_t> perm, places;
  Dims shape;
  for (int64_t i = 0; i < rank; ++i)
    if (i != a && i != b)
      perm.push_back(i), shape.push_back(Call::shape(x)[static_cast<size_t>(i)]);
  perm.push_back(a), perm.push_back(b);
  shape.emplace_back(*rows * *columns);
  for (int64_t i = 0; i < *rows; ++i)
    if (i + offset >= 0 && i + offset < *columns) places.push_back(i * *columns + i + offset);
  x = call.intermediate(Transpose{.perm = perm}, {x}, "turned");
  x = call.reshaped(x, shape, "flat");
  call.emit(Gather{.axis = rank - 2}, {x, call.constant(Tensor::ints(places), "places")});
}

void import_broadcast_tensors(Call& call) {
  std::vector<Value*> values = call.tensors("tensors");
  Dims shape;
  for (const Value* value : values) {
    const Dims& own = Call::shape(value);
    if (own.size() > shape.size()) shape.insert(shape.begin(), own.size() - shape.size(), 1);
    for (size_t i = 0; i < own.size(); ++i) {
      Dim& size = shape[shape.size() - own.size() + i];
      size = broadcast({size, own[i]});
    }
  }
  for (Value*& value : values) value = call.expanded(value, {shape, nullptr}, "wide");
  call.give_list(values);
}

/// Each vector along an axis of its own, over the sizes of all.
void import_meshgrid(Call& call) {
  std::vector<Value*> values = call.tensors("tensors");
  const bool is_turned = call.overload().variant == "indexing" && call.text("indexing") == "xy";
  Dims shape;
  for (const Value* value : values) shape.push_back(product(Call::shape(value)));
  if (is_turned && shape.size() > 1) std::swap(shape[0], shape[1]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t axis = is_turned && i < 2 && values.size() > 1 ? 1 - i : i;
    Dims own(shape.size(), Dim(1));
    own[axis] = shape[axis];
    values[i] = call.expanded(call.reshaped(values[i], own, "axis"), {shape, nullptr}, "grid");
  }
  call.give_list(values);
}

void register_conversions(Importers& importers) {
  importers.add(
      "to.dtype(T self, i dtype, b non_blocking=False, b copy=False, i? memory_format=None)",
      import_to);
  importers.add(
      "to.device(T self, a device, i dtype, b non_blocking=False, b copy=False, "
      "i? memory_format=None)",
      import_to);
  importers.add(
      "to.dtype_layout(T self, i? dtype=None, i? layout=None, a device=None, "
      "b? pin_memory=None, b non_blocking=False, b copy=False, "
      "i? memory_format=None)",
      import_to);
  importers.add(
      "to.prim_Device(T self, a device, i? dtype=None, b non_blocking=False, "
      "b copy=False)",
      import_to);
  importers.add("to.prim_dtype(T self, i? dtype=None, b non_blocking=False, b copy=False)",
                import_to);
  importers.add(
      "to.other(T self, T other, b non_blocking=False, b copy=False, i? memory_format=None)",
      import_to_other);
  importers.add("type_as(T self, T other)", import_to_other);
  importers.add(
      "_to_copy(T self, i? dtype=None, i? layout=None, a device=None, "
      "b? pin_memory=None, b non_blocking=False, i? memory_format=None)",
      import_to_copy);
  importers.add("_cast_Float(T self, b non_blocking=False)", import_to_type<DType::f32>);
  importers.add("_cast_Long(T self, b non_blocking=False)", import_to_type<DType::i64>);
  importers.add("copy(T self, T src, b non_blocking=False)", import_copy);
  importers.add("clone(T self, i? memory_format=None)", import_clone);
  importers.add({"lift_fresh_copy(T self)", "detach_copy(T self)", "alias_copy(T self)"},
                import_clone);
}

}  // namespace

void register_move(Importers& importers) {
  importers.add({"cat(T[] tensors, i dim=0)", "concat(T[] tensors, i dim=0)",
                 "concatenate(T[] tensors, i dim=0)"},
                import_cat);
  importers.add("stack(T[] tensors, i dim=0)", import_stack);
  importers.add("hstack(T[] tensors)", import_hstack);
  importers.add("vstack(T[] tensors)", import_vstack);
  importers.add("repeat(T self, i[] repeats)", import_repeat);
  importers.add("tile(T self, i[] dims)", import_tile);
  importers.add("repeat_interleave.self_int(T self, i repeats, i? dim=None, i? output_size=None)",
                import_repeat_interleave);
  importers.add(
      "repeat_interleave.self_Tensor(T self, T repeats, i? dim=None, i? output_size=None)",
      import_repeat_interleave_tensor);
  importers.add({"flip(T self, i[] dims)", "fliplr(T self)"}, import_flip);
  importers.add("roll(T self, i[1] shifts, i[1] dims=[])", import_roll);
  importers.add("pixel_shuffle(T self, i upscale_factor)", import_pixel_shuffle);
  importers.add("pixel_unshuffle(T self, i downscale_factor)", import_pixel_unshuffle);
  importers.add({"channel_shuffle(T self, i groups)", "native_channel_shuffle(T self, i groups)"},
                import_channel_shuffle);
  importers.add("tril(T self, i diagonal=0)", import_tril);
  importers.add("triu(T self, i diagonal=0)", import_triu);
  importers.add("unfold(T self, i dimension, i size, i step)", import_unfold);
  importers.add("diagonal(T self, i offset=0, i dim1=0, i dim2=1)", import_diagonal);
  importers.add("broadcast_tensors(T[] tensors)", import_broadcast_tensors);
  importers.add({"meshgrid(T[] tensors)", "meshgrid.indexing(T[] tensors, t indexing)"},
                import_meshgrid);
  register_conversions(importers);
}

}  // namespace hone::pytorch
