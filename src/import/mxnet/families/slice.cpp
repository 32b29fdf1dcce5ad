// Operators that take parts of tensors, or put something around them.

#include "ops/slice.hpp"

#include "import/mxnet/positions.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

constexpr int64_t kEnd = int64_t{1} << 40;  // beyond any size

void import_slice(NodeReader& node) {
  const auto begin = node.optional_integers("begin"), end = node.optional_integers("end");
  const auto step = node.optional_integers("step");
  node.check(begin.size() == end.size() && begin.size() <= static_cast<size_t>(node.rank_of(0)) &&
                 !begin.empty() && step.size() <= begin.size(),
             uint64_t{begin.size()}, " beginnings and ", uint64_t{end.size()}, " ends for ",
             node.rank_of(0), " axes");
  Slice op{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  for (size_t i = 0; i < begin.size(); ++i) {
    const int64_t by = i < step.size() ? step[i].value_or(1) : 1;
    node.check(by != 0, "a step of 0");
    if (!begin[i] && !end[i] && by == 1) continue;
    op.starts->push_back(begin[i].value_or(by > 0 ? 0 : kEnd));
    op.ends->push_back(end[i].value_or(by > 0 ? kEnd : -kEnd));
    op.axes->push_back(static_cast<int64_t>(i));
    op.steps->push_back(by);
  }
  if (op.axes->empty()) return node.give(0, node.required(0));
  node.emit(std::move(op), {node.required(0)});
}

void import_slice_axis(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis"), 0), begin = node.integer("begin");
  const int64_t end = node.optional_integer("end").value_or(kEnd);
  node.emit(Slice{.starts = Dims{begin}, .ends = Dims{end}, .axes = Dims{axis}},
            {node.required(0)});
}

/// As much of some axes, or of all, as another tensor has.
void import_slice_like(NodeReader& node) {
  std::vector<int64_t> axes = node.integers("axes");
  if (axes.empty()) {
    node.check(node.rank_of(0) == node.rank_of(1), "tensors of ", node.rank_of(0), " and ",
               node.rank_of(1), " axes");
    for (int axis = 0; axis < node.rank_of(0); ++axis) axes.push_back(axis);
  }
  Slice op{.starts = Dims(axes.size(), 0), .ends = Dims(), .axes = Dims()};
  for (const int64_t axis : axes) {
    op.axes->push_back(node.axis_of(axis, 0));
    op.ends->push_back(node.dims(1)[static_cast<size_t>(node.axis_of(axis, 1))]);
  }
  node.emit(std::move(op), {node.required(0)});
}

/// Gives the parts, each without the axis where the node wants that.
void give_parts(NodeReader& node, const Split& split, int64_t parts, bool squeezes) {
  Value* x = node.required(0);
  if (parts == 1 && !squeezes) return node.give(0, x);
  if (!squeezes) return void(node.emit_all(split, {x}, static_cast<int>(parts)));
  const auto made = parts == 1 ? std::vector<Value*>{x}
                               : node.intermediates(split, {x}, static_cast<int>(parts), "part");
  for (int i = 0; i < node.outputs() && i < static_cast<int>(made.size()); ++i)
    node.give(i, node.intermediate(Squeeze{.axes = Dims{split.axis}},
                                   {made[static_cast<size_t>(i)]}, cat("alone", i)));
}

void import_slice_channel(NodeReader& node) {
  const int64_t parts = node.integer("num_outputs"),
                axis = node.axis_of(node.integer("axis", 1), 0);
  const bool squeezes = node.flag("squeeze_axis", false);
  node.check(parts >= 1 && parts <= 4096 && node.outputs() <= parts, "num_outputs is ", parts);
  const auto size = node.dims(0)[static_cast<size_t>(axis)].constant();
  if (size) node.check(*size % parts == 0, *size, " elements in ", parts, " equal parts");
  give_parts(node, {.axis = axis, .num_outputs = parts}, parts, squeezes);
}

/// At places that are stated, or into equal sections.
void import_split(NodeReader& node) {
  const std::vector<int64_t> begins = node.integers("indices");
  const int64_t sections = node.integer("sections", 0),
                axis = node.axis_of(node.integer("axis", 1), 0);
  const bool squeezes = node.flag("squeeze_axis", false);
  if (sections > 0) {
    node.check(sections <= 4096, "sections is ", sections);
    return give_parts(node, {.axis = axis, .num_outputs = sections}, sections, squeezes);
  }
  const Dim& size = node.dims(0)[static_cast<size_t>(axis)];
  Dims sizes;
  for (size_t i = 0; i < begins.size(); ++i) {
    const Dim end = i + 1 < begins.size() ? Dim(begins[i + 1]) : size;
    const int64_t least = i + 1 < begins.size() ? begins[i + 1] : begins[i];
    node.check(begins[i] >= 0 && least >= begins[i] && begins.front() == 0, "the places ",
               join(begins, ","), " do not grow from 0");
    sizes.push_back(end - begins[i]);
  }
  node.check(!sizes.empty() && sizes.size() <= 4096, "neither indices nor sections");
  const auto parts = static_cast<int64_t>(sizes.size());
  give_parts(node, {.axis = axis, .split = std::move(sizes)}, parts, squeezes);
}

/// Height and width as stated or as the second input has them.
void import_crop(NodeReader& node) {
  const std::vector<int64_t> size = node.integers("h_w");
  std::vector<int64_t> offset = node.integers("offset");
  const bool centered = node.flag("center_crop", false);
  node.check(node.rank_of(0) == 4, "an input of ", node.rank_of(0), " axes, wanted 4");
  if (offset.empty()) offset = {0, 0};
  node.check(offset.size() == 2, "offset has ", uint64_t{offset.size()}, " entries");
  Slice op{.starts = Dims(), .ends = Dims(), .axes = Dims{2, 3}};
  for (size_t i = 0; i < 2; ++i) {
    Dim wanted;
    if (node.inputs() > 1) {
      node.check(node.rank_of(1) == 4, "a second input of ", node.rank_of(1), " axes, wanted 4");
      wanted = node.dims(1)[i + 2];
    } else {
      node.check(size.size() == 2, "h_w has ", uint64_t{size.size()}, " entries");
      wanted = size[i];
    }
    const Dim start = centered ? floor_div(node.dims(0)[i + 2] - wanted, 2) : Dim(offset[i]);
    op.starts->push_back(start);
    op.ends->push_back(start + wanted);
  }
  node.emit(std::move(op), {node.required(0)});
}

void import_pad(NodeReader& node) {
  const size_t mode = node.choice("mode", {"constant", "edge", "reflect"}, "constant");
  const std::vector<int64_t> widths = node.integers("pad_width");
  const double value = node.real("constant_value", 0);
  const auto rank = static_cast<size_t>(node.rank_of(0));
  node.check(widths.size() == 2 * rank, "pad_width has ", uint64_t{widths.size()}, " entries for ",
             uint64_t{rank}, " axes");
  Dims pads;
  for (size_t end = 0; end < 2; ++end)
    for (size_t axis = 0; axis < rank; ++axis) pads.push_back(widths[2 * axis + end]);
  constexpr Pad::Mode kModes[] = {Pad::Mode::constant, Pad::Mode::edge, Pad::Mode::reflect};
  std::vector<Value*> inputs{node.required(0)};
  if (mode == 0 && value != 0) inputs = {inputs[0], nullptr, node.scalar(value, "value")};
  node.emit(Pad{.pads = std::move(pads), .mode = kModes[mode]}, inputs);
}

void import_reverse(NodeReader& node) {
  Slice op{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  for (const int64_t axis : node.integers("axis")) {
    op.starts->push_back(-1);
    op.ends->push_back(-kEnd);
    op.axes->push_back(node.axis_of(axis, 0));
    op.steps->push_back(-1);
  }
  node.check(!op.axes->empty(), "axis is missing");
  node.emit(std::move(op), {node.required(0)});
}

/// Of sequences that are all of one length.
void refuse_lengths(NodeReader& node) {
  if (node.flag("use_sequence_length", false))
    node.unsupported("lengths of sequences (use_sequence_length)");
}
void import_sequence_last(NodeReader& node) {
  refuse_lengths(node);
  const int64_t axis = node.axis_of(node.integer("axis", 0), 0);
  Value* last =
      node.intermediate(Slice{.starts = Dims{Dim(-1)}, .ends = Dims{kEnd}, .axes = Dims{axis}},
                        {node.required(0)}, "last");
  node.emit(Squeeze{.axes = Dims{axis}}, {last});
}
void import_sequence_reverse(NodeReader& node) {
  refuse_lengths(node);
  node.ignore({"axis"});
  node.emit(
      Slice{.starts = Dims{Dim(-1)}, .ends = Dims{-kEnd}, .axes = Dims{0}, .steps = Dims{Dim(-1)}},
      {node.required(0)});
}
/// What lies past the end of each sequence becomes `value`.
void import_sequence_mask(NodeReader& node) {
  const double value = node.real("value", 0);
  const int64_t axis = node.integer("axis", 0);
  if (!node.flag("use_sequence_length", false)) return node.give(0, node.required(0));
  const int rank = node.rank_of(0);
  node.check(rank >= 2 && (axis == 0 || axis == 1) && node.rank_of(1) == 1, "axis ", axis,
             " of an input of ", rank, " axes, lengths of ", node.rank_of(1));
  Dims of_steps, of_batch;  // where sizes of 1 go
  for (int64_t at = 0; at < rank; ++at) {
    if (at != axis) of_steps.push_back(at);
    if (at != 1 - axis) of_batch.push_back(at);
  }
  Value* length = node.intermediate(Cast{.to = DType::f32}, {node.required(1)}, "length");
  length = node.intermediate(Unsqueeze{.axes = of_batch}, {length}, "length_of_each");
  Value* steps =
      node.intermediate(Unsqueeze{.axes = of_steps}, {positions(node, 0, axis)}, "steps");
  Value* inside = node.intermediate(Less{}, {steps, length}, "inside");
  node.emit(Where{}, {inside, node.required(0), node.scalar(value, "value")});
}

constexpr auto kRank = Importer::Like::rank;

}  // namespace

void register_slice(Importers& importers) {
  importers.add({"slice", "crop"}, {.run = import_slice, .like = kRank});
  importers.add("slice_axis", {.run = import_slice_axis, .like = kRank});
  importers.add("slice_like", {.run = import_slice_like, .like = kRank});
  importers.add({"SliceChannel", "split"}, {.run = import_slice_channel, .like = kRank});
  importers.add("_split_v2", {.run = import_split, .like = kRank});
  importers.add("Crop", {.run = import_crop, .like = kRank});
  importers.add({"Pad", "pad"}, {.run = import_pad, .like = kRank});
  importers.add({"reverse", "flip"}, {.run = import_reverse, .like = kRank});
  importers.add("SequenceLast", {.run = import_sequence_last});
  importers.add("SequenceReverse", {.run = import_sequence_reverse, .like = kRank});
  importers.add("SequenceMask", {.run = import_sequence_mask, .like = kRank});
}

}  // namespace hone::mxnet
