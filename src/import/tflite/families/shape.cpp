// Operators that move elements or change sizes.

#include "ops/shape.hpp"

#include <limits>
#include <numeric>

#include "import/builder/batch_gather.hpp"
#include "import/builder/box.hpp"
#include "import/builder/channels_last.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/select.hpp"
#include "ops/slice.hpp"
#include "ops/softmax.hpp"

namespace hone::tflite {
namespace {

Dims dims_of(const std::vector<int64_t>& list) { return {list.begin(), list.end()}; }

/// To the sizes of input 1, or else of the options; -1 stands for what is left.
void import_reshape(OpReader& op) {
  Value* x = op.moved(0);
  const bool is_known = !op.has_input(1) || op.constant_ints(1).has_value();
  if (!is_known) return op.give_moved(Reshape{.allowzero = true}, {x, op.as_i64(1)});
  const std::vector<int64_t> sizes = op.has_input(1) ? op.ints(1) : op.option_ints(0);
  Reshape reshape{.shape = dims_of(sizes)};
  reshape.allowzero = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  op.give_moved(std::move(reshape), {x});
}

void import_squeeze(OpReader& op) {
  const std::vector<int64_t> axes = op.option_ints(0);
  Squeeze squeeze;
  if (!axes.empty()) squeeze.axes = dims_of(axes);
  op.give_moved(std::move(squeeze), {op.moved(0)});
}

void import_expand_dims(OpReader& op) {
  const std::vector<int64_t> axis = op.ints(1);
  op.check(axis.size() == 1, axis.size(), " axes, wanted 1");
  op.give_moved(Unsqueeze{.axes = dims_of(axis)}, {op.moved(0)});
}

void import_transpose(OpReader& op) { op.give_moved(Transpose{.perm = op.ints(1)}, {op.moved(0)}); }

/// Of inputs that are all quantized as the result is, or of real numbers.
void concatenate(OpReader& op, const std::vector<int>& inputs, Concat concat, Activation then,
                 const std::optional<Unsqueeze>& each) {
  bool as_is = then == Activation::none;
  for (const int i : inputs) as_is = as_is && op.moves(i);
  std::vector<Value*> operands;
  for (const int i : inputs) {
    Value* value = as_is ? op.required(i) : op.real(i);
    if (each) value = op.intermediate(*each, {value}, cat("part", i));
    operands.push_back(value);
  }
  if (as_is) op.emit(concat, operands);
  else op.give_real(concat, operands, then);
}

std::vector<int> all_of(const OpReader& op) {
  std::vector<int> inputs(static_cast<size_t>(op.inputs()));
  std::iota(inputs.begin(), inputs.end(), 0);
  return inputs;
}

void import_concatenation(OpReader& op) {
  concatenate(op, all_of(op), Concat{.axis = op.option_i32(0)}, op.activation(1), std::nullopt);
}

/// Along a new axis.
void import_pack(OpReader& op) {
  const int64_t axis = op.axis_of(op.option_i32(1), op.rank_of(0) + 1);
  concatenate(op, all_of(op), Concat{.axis = axis}, Activation::none,
              Unsqueeze{.axes = Dims{Dim(axis)}});
}

void import_unpack(OpReader& op) {
  const int64_t axis = op.axis_of(op.option_i32(1), op.rank_of(0)), parts = op.outputs();
  if (!op.moves(0)) op.unsupported("parts that are quantized in other ways than the whole");
  const auto made = op.intermediates(Split{.axis = axis, .num_outputs = parts}, {op.required(0)},
                                     static_cast<int>(parts), "part");
  for (int i = 0; i < op.outputs(); ++i)
    op.give(i, op.intermediate(Squeeze{.axes = Dims{Dim(axis)}}, {made[static_cast<size_t>(i)]},
                               cat("unpacked", i)));
}

void give_parts(OpReader& op, int i, Split split) {
  if (!op.moves(i)) op.unsupported("parts that are quantized in other ways than the whole");
  op.emit_all(std::move(split), {op.required(i)});
}

/// Inputs: the axis, the data.
void import_split(OpReader& op) {
  const std::vector<int64_t> axis = op.ints(0);
  op.check(axis.size() == 1, axis.size(), " axes, wanted 1");
  give_parts(op, 1, {.axis = axis.front(), .num_outputs = op.outputs()});
}

/// Inputs: the data, sizes, the axis.
void import_split_v(OpReader& op) {
  const std::vector<int64_t> sizes = op.ints(1), axis = op.ints(2);
  op.check(axis.size() == 1, axis.size(), " axes, wanted 1");
  for (const int64_t size : sizes)
    if (size < 0) op.unsupported("a part of whatever is left");
  give_parts(op, 0, {.axis = axis.front(), .split = dims_of(sizes)});
}

/// Pads [rank, 2] as ONNX orders them: all begins, then all ends.
Dims pads_of(OpReader& op, int i) {
  const std::vector<int64_t> pairs = op.ints(i);
  op.check(pairs.size() == 2 * static_cast<size_t>(op.rank_of(0)), pairs.size(), " pads for ",
           op.rank_of(0), " axes");
  Dims pads;
  for (size_t end = 0; end < 2; ++end)
    for (size_t at = end; at < pairs.size(); at += 2) pads.push_back(pairs[at]);
  return pads;
}

/// With zeros, or with input 2: what stands for 0 where the data is quantized.
void import_pad(OpReader& op) {
  Pad pad{.pads = pads_of(op, 1)};
  Value* fill = op.has_input(2) ? op.moved(2) : nullptr;
  const auto& zeros = op.in(0).quantization.zeros;
  if (fill == nullptr && op.moves(0) && !zeros.empty())
    fill = op.constant(Tensor::scalar(*op.in(0).dtype, static_cast<double>(zeros.front())), "zero");
  if (fill == nullptr) op.give_moved(std::move(pad), {op.moved(0)});
  else op.give_moved(std::move(pad), {op.moved(0), nullptr, fill});
}

/// The edge repeated: elements of each axis by their numbers.
void pad_symmetrically(OpReader& op) {
  const std::vector<int64_t> pads = op.ints(1);
  const int rank = op.rank_of(0);
  op.check(pads.size() == 2 * static_cast<size_t>(rank), pads.size(), " pads for ", rank, " axes");
  Value* value = op.moved(0);
  for (size_t axis = 0; 2 * axis < pads.size(); ++axis) {
    const int64_t before = pads[2 * axis], after = pads[2 * axis + 1];
    if (before == 0 && after == 0) continue;
    const auto size = value->type.tensor().shape()[axis].constant();
    if (!size) op.unsupported("mirrored over a size that is not known");
    op.check(before >= 0 && after >= 0 && before <= *size && after <= *size && *size < (1 << 24),
             "pads of ", before, " and ", after, " around ", *size);
    std::vector<int64_t> places;
    for (int64_t i = before; i-- > 0;) places.push_back(i);
    for (int64_t i = 0; i < *size; ++i) places.push_back(i);
    for (int64_t i = 0; i < after; ++i) places.push_back(*size - 1 - i);
    Value* list = op.constant(Tensor::ints(places), cat("places", axis));
    value = op.intermediate(Gather{.axis = static_cast<int64_t>(axis)}, {value, list},
                            cat("mirrored", axis));
  }
  if (op.moves(0)) op.give(0, value);
  else op.give_real(0, value);
}

void import_mirror_pad(OpReader& op) {
  if (op.option_i8(0) != 0) return pad_symmetrically(op);
  op.give_moved(Pad{.pads = pads_of(op, 1), .mode = Pad::Mode::reflect}, {op.moved(0)});
}

/// Begins and sizes; -1: all that is left.
void import_slice(OpReader& op) {
  const auto begins = builder::known_list(op, 1), sizes = builder::known_list(op, 2);
  const auto list = [&](int i) { return begins && sizes ? nullptr : op.as_i64(i); };
  auto box = builder::box_of(op, op.moved(0), begins, sizes, list(1), list(2));
  if (op.moves(0)) op.emit(std::move(box.op), std::move(box.inputs));
  else op.give_real(std::move(box.op), std::move(box.inputs));
}

/// Masks of a strided slice, a bit for each entry.
struct SliceMasks {
  int64_t no_begin, no_end, ellipsis, new_axis, shrink;
  static bool is_set(int64_t mask, size_t i) { return (mask >> i & 1) != 0; }
};

/// What entry `i` of begins, ends and strides makes of one axis.
void add_entry(OpReader& op, Slice& slice, const SliceMasks& masks, size_t i, int64_t axis,
               const std::vector<int64_t>& begins, const std::vector<int64_t>& ends,
               const std::vector<int64_t>& strides) {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  const bool shrinks = masks.is_set(masks.shrink, i), back = strides[i] < 0;
  op.check(strides[i] != 0, "a stride of 0");
  int64_t begin = begins[i], end = op.option_flag(5) ? begins[i] + ends[i] : ends[i];
  if (shrinks) end = begin == -1 ? kFar : begin + 1;
  else if (masks.is_set(masks.no_end, i)) end = back ? -kFar : kFar;
  if (masks.is_set(masks.no_begin, i) && !shrinks) begin = back ? kFar : 0;
  slice.starts->push_back(begin);
  slice.ends->push_back(end);
  slice.axes->push_back(axis);
  slice.steps->push_back(shrinks ? 1 : strides[i]);
}

/// Begins, ends and strides; masks say where they do not count, which axes go or are new.
void import_strided_slice(OpReader& op) {
  const std::vector<int64_t> begins = op.ints(1), ends = op.ints(2), strides = op.ints(3);
  const SliceMasks masks{op.option_i32(0), op.option_i32(1), op.option_i32(2), op.option_i32(3),
                         op.option_i32(4)};
  op.check(begins.size() == ends.size() && begins.size() == strides.size() && begins.size() < 32,
           begins.size(), " begins, ", ends.size(), " ends, ", strides.size(), " strides");
  int64_t named = 0;  // axes that have an entry of their own
  for (size_t i = 0; i < begins.size(); ++i)
    if (!masks.is_set(masks.ellipsis, i) && !masks.is_set(masks.new_axis, i)) ++named;
  const int64_t others = op.rank_of(0) - named;
  op.check(others >= 0, named, " entries for rank ", op.rank_of(0));
  Slice slice{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  Dims gone, added;
  int64_t from = 0, to = 0;  // axes of the data, of the result
  for (size_t i = 0; i < begins.size(); ++i) {
    if (masks.is_set(masks.ellipsis, i)) {
      from += others, to += others;
    } else if (masks.is_set(masks.new_axis, i)) {
      added.push_back(to++);
    } else {
      add_entry(op, slice, masks, i, from, begins, ends, strides);
      if (masks.is_set(masks.shrink, i)) gone.push_back(from);
      else ++to;
      ++from;
    }
  }
  op.check(from <= op.rank_of(0), "several ellipses");
  if (gone.empty() && added.empty()) return op.give_moved(std::move(slice), {op.moved(0)});
  Value* part = op.intermediate(std::move(slice), {op.moved(0)}, "part");
  if (added.empty()) return op.give_moved(Squeeze{.axes = gone}, {part});
  if (!gone.empty()) part = op.intermediate(Squeeze{.axes = gone}, {part}, "squeezed");
  op.give_moved(Unsqueeze{.axes = added}, {part});
}

void import_gather(OpReader& op) {
  int64_t batches = op.option_i32(1);
  if (batches == 0)
    return op.give_moved(Gather{.axis = op.option_i32(0)}, {op.moved(0), op.required(1)});
  if (batches < 0) batches += op.rank_of(1);
  const int64_t axis = op.axis_of(op.option_i32(0), op.rank_of(0));
  Value* found = builder::gather_in_batches(op, op.moved(0), op.as_i64(1), axis, batches);
  if (op.moves(0)) op.give(0, found);
  else op.give_real(0, found);
}

void import_gather_nd(OpReader& op) { op.give_moved(GatherND{}, {op.moved(0), op.as_i64(1)}); }

void import_tile(OpReader& op) {
  op.give_moved(Tile{.repeats = dims_of(op.ints(1))}, {op.moved(0)});
}

void import_broadcast_to(OpReader& op) { op.give_moved(Expand{}, {op.moved(0), op.as_i64(1)}); }

void import_reverse(OpReader& op) {
  Slice slice{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  for (const int64_t axis : op.ints(1)) {
    slice.starts->push_back(-1);
    slice.ends->push_back(-std::numeric_limits<int64_t>::max());
    slice.axes->push_back(axis);
    slice.steps->push_back(-1);
  }
  op.give_moved(std::move(slice), {op.moved(0)});
}

void import_shape(OpReader& op) {
  if (op.out(0).dtype == DType::i64) return void(op.emit(Shape{}, {op.required(0)}));
  op.emit(Cast{.to = DType::i32}, {op.intermediate(Shape{}, {op.required(0)}, "sizes")});
}

/// Sparse weights are dense since they were read.
void import_densify(OpReader& op) { op.give(0, op.required(0)); }

template <class T>
void import_arg(OpReader& op) {
  const std::vector<int64_t> axis = op.ints(1);
  op.check(axis.size() == 1, axis.size(), " axes, wanted 1");
  const T found{.axis = axis.front(), .keepdims = false};
  if (op.out(0).dtype == DType::i64) return void(op.emit(found, {op.required(0)}));
  op.emit(Cast{.to = DType::i32}, {op.intermediate(found, {op.required(0)}, "place")});
}

void import_top_k(OpReader& op) {
  const std::vector<int64_t> k = op.ints(1);
  op.check(k.size() == 1, k.size(), " numbers, wanted 1");
  if (!op.moves(0)) op.unsupported("elements that are quantized in another way than the data");
  const auto found = op.intermediates(TopK{.k = dims_of(k)}, {op.required(0)}, 2, "top");
  op.give(0, found[0]);
  op.give(1, op.intermediate(Cast{.to = DType::i32}, {found[1]}, "places"));
}

/// Blocks of channels as squares of pixels, channels last.
template <class T>
void import_blocks(OpReader& op) {
  const int rank = op.rank_of(0);
  op.check(rank == 4, "an image of rank ", rank, ", wanted 4");
  Value* x = builder::channels_first(op, op.moved(0), 4);
  Value* y = op.intermediate(T{.blocksize = op.option_i32(0)}, {x}, "blocks");
  if (op.moves(0)) builder::emit_channels_last(op, y, 4);
  else op.give_real(0, builder::channels_last(op, y, 4));
}

}  // namespace

void register_shape(Importers& importers) {
  importers.add("RESHAPE", import_reshape);
  importers.add("SQUEEZE", import_squeeze);
  importers.add("EXPAND_DIMS", import_expand_dims);
  importers.add("TRANSPOSE", import_transpose);
  importers.add("CONCATENATION", import_concatenation);
  importers.add("PACK", import_pack);
  importers.add("UNPACK", import_unpack);
  importers.add("SPLIT", import_split);
  importers.add("SPLIT_V", import_split_v);
  importers.add("PAD", import_pad);
  importers.add("PADV2", import_pad);
  importers.add("MIRROR_PAD", import_mirror_pad);
  importers.add("SLICE", import_slice);
  importers.add("STRIDED_SLICE", import_strided_slice);
  importers.add("GATHER", import_gather);
  importers.add("GATHER_ND", import_gather_nd);
  importers.add("TILE", import_tile);
  importers.add("BROADCAST_TO", import_broadcast_to);
  importers.add("REVERSE_V2", import_reverse);
  importers.add("SHAPE", import_shape);
  importers.add("DENSIFY", import_densify);
  importers.add("ARG_MAX", import_arg<ArgMax>);
  importers.add("ARG_MIN", import_arg<ArgMin>);
  importers.add("TOPK_V2", import_top_k);
  importers.add("DEPTH_TO_SPACE", import_blocks<DepthToSpace>);
  importers.add("SPACE_TO_DEPTH", import_blocks<SpaceToDepth>);
}

}  // namespace hone::tflite
