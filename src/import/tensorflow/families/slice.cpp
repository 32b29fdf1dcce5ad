// Cutting boxes out of tensors, and padding them.

#include "ops/slice.hpp"

#include <limits>

#include "import/builder/box.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

/// Begins and sizes; -1: all that is left.
void import_slice(NodeReader& node) {
  const auto begins = node.known(1), sizes = node.known(2);
  const auto list = [&](int i) { return begins && sizes ? nullptr : node.as_i64(i); };
  auto box = builder::box_of(node, node.required(0), begins, sizes, list(1), list(2));
  node.emit(std::move(box.op), std::move(box.inputs));
}

/// What a strided slice does, entry by entry: masks have a bit for each.
struct Entries {
  explicit Entries(const NodeReader& node)
      : no_begin(node.integer("begin_mask", 0)),
        no_end(node.integer("end_mask", 0)),
        ellipsis(node.integer("ellipsis_mask", 0)),
        new_axis(node.integer("new_axis_mask", 0)),
        shrink(node.integer("shrink_axis_mask", 0)) {}
  static bool is_set(int64_t mask, size_t i) { return (mask >> i & 1) != 0; }

  int64_t no_begin, no_end, ellipsis, new_axis, shrink;
  std::vector<int64_t> places, axes;  // entries that cut an axis, and which one
  Dims gone, added;                   // axes of the cut box, of the result
};

/// Which axes the entries mean.
void place_entries(const NodeReader& node, Entries& entries, size_t count, int rank) {
  node.check(count < 32, count, " entries");
  int64_t named = 0;  // axes that have an entry of their own
  for (size_t i = 0; i < count; ++i)
    if (!Entries::is_set(entries.ellipsis, i) && !Entries::is_set(entries.new_axis, i)) ++named;
  const int64_t others = rank - named;
  node.check(others >= 0, named, " entries for rank ", rank);
  int64_t from = 0, to = 0;
  for (size_t i = 0; i < count; ++i) {
    if (Entries::is_set(entries.ellipsis, i)) {
      from += others, to += others;
    } else if (Entries::is_set(entries.new_axis, i)) {
      entries.added.push_back(to++);
    } else {
      entries.places.push_back(static_cast<int64_t>(i));
      entries.axes.push_back(from);
      if (Entries::is_set(entries.shrink, i)) entries.gone.push_back(from);
      else ++to;
      ++from;
    }
  }
  node.check(from <= rank, "several ellipses");
}

void emit_box(NodeReader& node, const Entries& entries, Slice slice, std::vector<Value*> inputs) {
  Value* part = inputs[0];
  const bool cuts = !entries.places.empty();
  const bool is_last = entries.gone.empty() && entries.added.empty();
  if (cuts && is_last) return void(node.emit(std::move(slice), std::move(inputs)));
  if (cuts) part = node.intermediate(std::move(slice), std::move(inputs), "part");
  if (is_last) return node.give(0, part);
  if (entries.added.empty()) return void(node.emit(Squeeze{.axes = entries.gone}, {part}));
  if (!entries.gone.empty())
    part = node.intermediate(Squeeze{.axes = entries.gone}, {part}, "squeezed");
  node.emit(Unsqueeze{.axes = entries.added}, {part});
}

/// Begins or ends that only running tells, entry by entry; masks put others in their places.
void slice_by_values(NodeReader& node, const Entries& entries,
                     const std::vector<int64_t>& strides) {
  std::vector<int64_t> far_begins, far_ends, keeps_begin, keeps_end, shrinks, steps;
  for (const int64_t place : entries.places) {
    const auto i = static_cast<size_t>(place);
    const bool back = strides[i] < 0, shrink = Entries::is_set(entries.shrink, i);
    keeps_begin.push_back(shrink || !Entries::is_set(entries.no_begin, i));
    keeps_end.push_back(!Entries::is_set(entries.no_end, i));
    far_begins.push_back(back ? kFar : 0);
    far_ends.push_back(back ? -kFar : kFar);
    shrinks.push_back(shrink);
    steps.push_back(shrink ? 1 : strides[i]);
  }
  const auto list = [&](const std::vector<int64_t>& numbers, std::string_view hint,
                        DType type = DType::i64) {
    return node.constant(Tensor::ints(numbers, type), hint);
  };
  const auto pick = [&](Value* when, Value* then, Value* otherwise, std::string_view hint) {
    return node.intermediate(Where{}, {when, then, otherwise}, hint);
  };
  Value* places = list(entries.places, "entries");
  Value* begins = node.intermediate(Gather{}, {node.as_i64(1), places}, "given_begins");
  Value* ends = node.intermediate(Gather{}, {node.as_i64(2), places}, "given_ends");
  begins = pick(list(keeps_begin, "keeps_begin", DType::boolean), begins, list(far_begins, "first"),
                "begins");
  ends =
      pick(list(keeps_end, "keeps_end", DType::boolean), ends, list(far_ends, "last"), "open_ends");
  // A single element: up to the one behind it, or to the end where it is the last.
  Value* next = node.intermediate(Add{}, {begins, list({1}, "one")}, "next");
  Value* at_end = node.intermediate(Equal{}, {begins, list({-1}, "minus_one")}, "at_end");
  next = pick(at_end, list({kFar}, "far"), next, "single_ends");
  ends = pick(list(shrinks, "shrinks", DType::boolean), next, ends, "ends");
  emit_box(node, entries, {},
           {node.required(0), begins, ends, list(entries.axes, "axes"), list(steps, "steps")});
}

/// Begins, ends and strides; masks say where they do not count, which axes go or are new.
void import_strided_slice(NodeReader& node) {
  Entries entries(node);
  const auto begins = node.known(1), ends = node.known(2);
  const std::vector<int64_t> strides = node.ints(3);
  place_entries(node, entries, strides.size(), node.rank_of(0));
  for (const int64_t stride : strides) node.check(stride != 0, "a stride of 0");
  if (!begins || !ends) return slice_by_values(node, entries, strides);
  node.check(begins->size() == ends->size() && begins->size() == strides.size(), begins->size(),
             " begins, ", ends->size(), " ends, ", strides.size(), " strides");
  Slice slice{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  for (size_t k = 0; k < entries.places.size(); ++k) {
    const auto i = static_cast<size_t>(entries.places[k]);
    const bool shrinks = Entries::is_set(entries.shrink, i), back = strides[i] < 0;
    Dim begin = (*begins)[i], end = (*ends)[i];
    if (shrinks) end = begin.is(-1) ? Dim(kFar) : begin + 1;
    else if (Entries::is_set(entries.no_end, i)) end = back ? -kFar : kFar;
    if (Entries::is_set(entries.no_begin, i) && !shrinks) begin = back ? kFar : 0;
    slice.starts->push_back(begin);
    slice.ends->push_back(end);
    slice.axes->push_back(entries.axes[k]);
    slice.steps->push_back(shrinks ? 1 : strides[i]);
  }
  emit_box(node, entries, std::move(slice), {node.required(0)});
}

/// Pads [rank, 2] as ONNX orders them: all begins, then all ends.
std::optional<Dims> known_pads(NodeReader& node) {
  const auto pairs = node.known(1);
  if (!pairs) return std::nullopt;
  node.check(pairs->size() == 2 * static_cast<size_t>(node.rank_of(0)), pairs->size(), " pads for ",
             node.rank_of(0), " axes");
  Dims pads;
  for (size_t end = 0; end < 2; ++end)
    for (size_t at = end; at < pairs->size(); at += 2) pads.push_back((*pairs)[at]);
  return pads;
}

/// With zeros, or with input 2.
void import_pad(NodeReader& node) {
  const auto pads = known_pads(node);
  std::vector<Value*> operands{node.required(0), nullptr, node.input(2)};
  if (!pads) {
    Value* turned = node.intermediate(Transpose{.perm = {1, 0}}, {node.as_i64(1)}, "turned");
    operands[1] = node.reshaped(turned, Dims{Dim(-1)}, "pads");
  }
  Pad pad;
  pad.pads = pads;
  node.emit(std::move(pad), std::move(operands));
}

/// The edge repeated: the elements before and after it backwards, axis by axis.
void pad_symmetrically(NodeReader& node) {
  const std::vector<int64_t> pads = node.ints(1);
  node.check(pads.size() == 2 * static_cast<size_t>(node.rank_of(0)), pads.size(), " pads for ",
             node.rank_of(0), " axes");
  Value* value = node.required(0);
  for (size_t axis = 0; 2 * axis < pads.size(); ++axis) {
    const int64_t before = pads[2 * axis], after = pads[2 * axis + 1];
    node.check(before >= 0 && after >= 0, "pads of ", before, " and ", after);
    const auto backwards = [&](int64_t first, int64_t last, std::string_view hint) {
      return node.intermediate(Slice{.starts = Dims{Dim(first)},
                                     .ends = Dims{Dim(last)},
                                     .axes = Dims{Dim(static_cast<int64_t>(axis))},
                                     .steps = Dims{Dim(-1)}},
                               {value}, cat(hint, uint64_t{axis}));
    };
    std::vector<Value*> parts;
    if (before > 0) parts.push_back(backwards(before - 1, -kFar, "before"));
    parts.push_back(value);
    if (after > 0) parts.push_back(backwards(-1, -1 - after, "after"));
    if (parts.size() > 1)
      value = node.intermediate(Concat{.axis = static_cast<int64_t>(axis)}, parts,
                                cat("mirrored", uint64_t{axis}));
  }
  node.give(0, value);
}

void import_mirror_pad(NodeReader& node) {
  if (node.word("mode", "REFLECT") == "SYMMETRIC") return pad_symmetrically(node);
  const auto pads = known_pads(node);
  if (!pads) node.unsupported("mirrored over sizes that are computed from data");
  node.emit(Pad{.pads = *pads, .mode = Pad::Mode::reflect}, {node.required(0)});
}

}  // namespace

void register_slice(Importers& importers) {
  importers.add("Slice", import_slice);
  importers.add("StridedSlice", import_strided_slice);
  importers.add({"Pad", "PadV2"}, import_pad);
  importers.add("MirrorPad", import_mirror_pad);
}

}  // namespace hone::tensorflow
