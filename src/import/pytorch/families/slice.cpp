// Views of some of the elements: rows, slices, pieces. What is written through one replaces those
// elements of what it shows.

#include "ops/slice.hpp"

#include "import/pytorch/call.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/scatter.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

/// A tensor without axes, for Gather.
Value* place(Call& call, std::string_view name) {
  return call.operand(call.argument(name), DType::i64, "place");
}

/// `base` with `written` in the places start ... end - 1 of an axis.
Value* replaced(Call& call, Value* base, Value* written, int64_t axis, const Dim& start,
                const Dim& end) {
  std::vector<Value*> parts;
  const Dim& size = Call::shape(base)[static_cast<size_t>(axis)];
  const auto part = [&](const Dim& from, const Dim& to) {
    parts.push_back(call.intermediate(
        Slice{.starts = Dims{Dim(from)}, .ends = Dims{Dim(to)}, .axes = Dims{Dim(axis)}}, {base},
        "kept"));
  };
  if (!start.is(0)) part(0, start);
  parts.push_back(written);
  if (provably_equal(end, size) != true) part(end, kEnd);
  if (parts.size() == 1) return written;
  return call.intermediate(Concat{.axis = axis}, parts, "written");
}

/// A place counted from the start.
Dim from_start(const Dim& place, const Dim& size) {
  const auto known = place.constant();
  return known && *known < 0 ? place + size : place;
}

void import_select(Call& call) {
  Value* x = call.tensor("self");
  call.emit(Gather{.axis = call.axis("dim", x)}, {x, place(call, "index")});
}
Value* select_back(Call& call, Value* written, size_t) {
  Value* base = call.tensor("self");
  const int64_t axis = call.axis("dim", base);
  const Dim at = from_start(call.dim("index"), Call::shape(base)[static_cast<size_t>(axis)]);
  written = call.intermediate(Unsqueeze{.axes = Dims{Dim(axis)}}, {written}, "row");
  return replaced(call, base, written, axis, at, at + 1);
}

/// start and end as a slice states them; absent: the whole axis.
struct Bounds {
  int64_t axis = 0, step = 1;
  Sizes start, end;
};
Bounds bounds(Call& call) {
  Bounds found;
  found.axis = call.axis("dim", call.tensor("self"));
  found.step = call.integer("step");
  const auto place = [&](std::string_view name, int64_t otherwise) {
    return call.has(name) ? call.sizes(std::vector<Item>{call.argument(name)})
                          : Sizes{Dims{Dim(otherwise)}, nullptr};
  };
  found.start = place("start", 0);
  found.end = place("end", kEnd);
  return found;
}

void import_slice(Call& call) {
  Value* x = call.tensor("self");
  const Bounds at = bounds(call);
  Slice op{.starts = at.start.known, .ends = at.end.known, .axes = Dims{Dim(at.axis)}};
  if (at.step != 1) op.steps = Dims{Dim(at.step)};
  call.emit(std::move(op), {x, at.start.operand, at.end.operand});
}

/// Every step-th place is written: by their numbers.
Value* strided_back(Call& call, Value* base, Value* written, int64_t axis, const Dim& start,
                    const Dim& end, int64_t step) {
  Value* numbers =
      call.intermediate(Range{}, {call.late(start), call.late(end), call.late(step)}, "places");
  Dims shape(static_cast<size_t>(Call::rank(base)), Dim(1));
  shape[static_cast<size_t>(axis)] = Call::shape(written)[static_cast<size_t>(axis)];
  numbers = call.reshaped(numbers, shape, "places");
  numbers = call.expanded(numbers, {Call::shape(written), nullptr}, "places");
  return call.intermediate(ScatterElements{.axis = axis}, {base, numbers, written}, "written");
}

Value* slice_written(Call& call, Value* written) {
  Value* base = call.tensor("self");
  const Bounds at = bounds(call);
  if (!at.start.known || !at.end.known)
    call.unsupported("writes through a slice whose bounds only running tells");
  const Dim& size = Call::shape(base)[static_cast<size_t>(at.axis)];
  const Dim start = from_start(at.start.known->front(), size);
  const Dim end = min(from_start(at.end.known->front(), size), size);
  if (at.step == 1) return replaced(call, base, written, at.axis, start, end);
  return strided_back(call, base, written, at.axis, start, end, at.step);
}
Value* slice_back(Call& call, Value* written, size_t) { return slice_written(call, written); }

void import_slice_scatter(Call& call) {
  Value* base = call.tensor("self");
  Value* written = call.cast(call.tensor("src"), Call::dtype(base));
  call.give(slice_written(call, written));
}
void import_select_scatter(Call& call) {
  Value* base = call.tensor("self");
  call.give(select_back(call, call.cast(call.tensor("src"), Call::dtype(base)), 0));
}

void import_narrow(Call& call) {
  Value* x = call.tensor("self");
  const Dim start = call.dim("start"), length = call.dim("length");
  call.emit(Slice{.starts = Dims{Dim(start)},
                  .ends = Dims{Dim(start + length)},
                  .axes = Dims{Dim(call.axis("dim", x))}},
            {x});
}
Value* narrow_back(Call& call, Value* written, size_t) {
  Value* base = call.tensor("self");
  const int64_t axis = call.axis("dim", base);
  const Dim start = from_start(call.dim("start"), Call::shape(base)[static_cast<size_t>(axis)]);
  return replaced(call, base, written, axis, start, start + call.dim("length"));
}

/// Where pieces of an axis end.
std::vector<Dim> piece_sizes(Call& call, const Value* x, int64_t axis) {
  const Dim& size = Call::shape(x)[static_cast<size_t>(axis)];
  const std::string_view name = call.overload().name;
  const bool in_sizes = name == "aten::split_with_sizes" ||
                        (name == "aten::split" && call.overload().variant.empty());
  const std::string_view argument = in_sizes                  ? "split_sizes"
                                    : name.ends_with("chunk") ? "chunks"
                                                              : "split_size";
  if (call.argument(argument).list() != nullptr) return call.dims(argument);
  Dim piece = call.dim(argument);
  std::optional<int64_t> count;
  if (argument == "chunks") {
    const int64_t chunks = call.integer(argument);
    call.check(chunks > 0, "chunks is ", chunks);
    piece = ceil_div(size, chunks);
    if (!size.is_constant()) count = chunks;
  }
  if (!count && size.is_constant()) {
    call.check(piece.is_constant() && (*piece.constant() > 0 || size.is(0)), "pieces of ", piece);
    // Of no elements there are as many chunks as are asked for, and otherwise one piece.
    if (size.is(0)) count = argument == "chunks" ? call.integer(argument) : 1;
    else count = *ceil_div(size, piece).constant();
  }
  if (!count && call.outputs() > 1) count = call.outputs();
  if (!count) call.unsupported("how many pieces there are only running tells");
  call.check(*count < (1 << 20), "makes ", *count, " pieces");
  std::vector<Dim> sizes(static_cast<size_t>(*count), piece);
  sizes.back() = size - piece * Dim(*count - 1);
  return sizes;
}

void import_split(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dim", x);
  const std::vector<Dim> sizes = piece_sizes(call, x, axis);
  if (sizes.size() == 1) return call.give_list({call.intermediate(Identity{}, {x}, "piece")});
  call.give_list(call.intermediates(Split{.axis = axis, .split = sizes}, {x},
                                    static_cast<int>(sizes.size()), "piece"));
}
Value* split_back(Call& call, Value* written, size_t result) {
  Value* base = call.tensor("self");
  const int64_t axis = call.axis("dim", base);
  const std::vector<Dim> sizes = piece_sizes(call, base, axis);
  Dim start = 0;
  for (size_t i = 0; i < result; ++i) start = start + sizes[i];
  return replaced(call, base, written, axis, start, start + sizes[result]);
}

void import_tensor_split(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dim", x);
  const auto size = Call::shape(x)[static_cast<size_t>(axis)].constant();
  if (!size) call.unsupported("an axis of open size");
  Dims sizes;
  if (call.overload().variant == "sections") {
    const int64_t count = call.integer("sections");
    call.check(count > 0 && count < (1 << 20), "sections is ", count);
    for (int64_t i = 0; i < count; ++i)
      sizes.emplace_back(*size / count + (i < *size % count ? 1 : 0));
  } else {
    int64_t before = 0;
    for (int64_t place : call.integers("indices")) {
      place = std::clamp<int64_t>(place < 0 ? place + *size : place, 0, *size);
      if (place < before) call.unsupported("pieces that overlap");
      sizes.emplace_back(place - before);
      before = place;
    }
    sizes.emplace_back(*size - before);
  }
  const auto count = static_cast<int>(sizes.size());
  call.give_list(call.intermediates(Split{.axis = axis, .split = sizes}, {x}, count, "piece"));
}

void import_unbind(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dim", x);
  const Dim& size = Call::shape(x)[static_cast<size_t>(axis)];
  const int64_t count = size.constant().value_or(call.outputs() > 1 ? call.outputs() : -1);
  if (count < 0) call.unsupported("how many pieces there are only running tells");
  call.check(count < (1 << 20), "makes ", count, " pieces");
  // Slices, which are views where gathers would copy.
  std::vector<Value*> pieces;
  for (int64_t i = 0; i < count; ++i) {
    const Slice row{.starts = Dims{Dim(i)}, .ends = Dims{Dim(i + 1)}, .axes = Dims{Dim(axis)}};
    pieces.push_back(call.intermediate(Squeeze{.axes = Dims{Dim(axis)}},
                                       {call.intermediate(row, {x}, "row")}, "piece"));
  }
  call.give_list(pieces);
}
Value* unbind_back(Call& call, Value* written, size_t result) {
  Value* base = call.tensor("self");
  const int64_t axis = call.axis("dim", base);
  written = call.intermediate(Unsqueeze{.axes = Dims{Dim(axis)}}, {written}, "row");
  const Dim at = static_cast<int64_t>(result);
  return replaced(call, base, written, axis, at, at + 1);
}

}  // namespace

void register_slice(Importers& importers) {
  importers.add_view("select.int(T self, i dim, i index)", import_select, select_back);
  importers.add_view("slice.Tensor(T self, i dim=0, i? start=None, i? end=None, i step=1)",
                     import_slice, slice_back);
  importers.add_view("narrow(T self, i dim, i start, i length)", import_narrow, narrow_back);
  importers.add("slice_scatter(T self, T src, i dim=0, i? start=None, i? end=None, i step=1)",
                import_slice_scatter);
  importers.add("select_scatter(T self, T src, i dim, i index)", import_select_scatter);
  importers.add_view("split.Tensor(T self, i split_size, i dim=0)", import_split, split_back);
  importers.add_view("split.sizes(T self, i[] split_size, i dim=0)", import_split, split_back);
  importers.add_view("split(T self, i[] split_sizes, i dim=0)", import_split, split_back);
  importers.add_view("split_with_sizes(T self, i[] split_sizes, i dim=0)", import_split,
                     split_back);
  importers.add_view("chunk(T self, i chunks, i dim=0)", import_split, split_back);
  importers.add("unsafe_split.Tensor(T self, i split_size, i dim=0)", import_split);
  importers.add("unsafe_chunk(T self, i chunks, i dim=0)", import_split);
  importers.add({"tensor_split.sections(T self, i sections, i dim=0)",
                 "tensor_split.indices(T self, i[] indices, i dim=0)"},
                import_tensor_split);
  importers.add_view("unbind.int(T self, i dim=0)", import_unbind, unbind_back);
}

}  // namespace hone::pytorch
