// Operators that change sizes, or move elements as a whole.

#include "ops/shape.hpp"

#include <limits>

#include "import/builder/batch_space.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/slice.hpp"
#include "ops/unique.hpp"

namespace hone::tensorflow {
namespace {

Dims dims_of(const std::vector<int64_t>& list) { return {list.begin(), list.end()}; }

/// A size of 0 is a size here.
void import_reshape(NodeReader& node) {
  const auto sizes = node.known(1);
  if (!sizes)
    return void(node.emit(Reshape{.allowzero = true}, {node.required(0), node.as_i64(1)}));
  Reshape reshape{.shape = *sizes};
  for (const Dim& size : *sizes) reshape.allowzero |= !size.constant() || *size.constant() == 0;
  node.emit(std::move(reshape), {node.required(0)});
}

void import_squeeze(NodeReader& node) {
  const std::vector<int64_t> axes = node.integers("squeeze_dims");
  Squeeze squeeze;
  if (!axes.empty()) squeeze.axes = dims_of(axes);
  node.emit(std::move(squeeze), {node.required(0)});
}

void import_expand_dims(NodeReader& node) {
  node.emit(Unsqueeze{.axes = Dims{Dim(node.one_int(1))}}, {node.required(0)});
}

void import_transpose(NodeReader& node) {
  std::vector<int64_t> perm = node.ints(1);
  node.check(perm.size() == static_cast<size_t>(node.rank_of(0)), perm.size(),
             " axes in another order, wanted ", node.rank_of(0));
  if (perm.empty()) return node.give(0, node.required(0));
  node.emit(Transpose{.perm = std::move(perm)}, {node.required(0)});
}

void concatenate(NodeReader& node, int64_t axis, int first, int last) {
  std::vector<Value*> parts;
  for (int i = first; i < last; ++i) parts.push_back(node.required(i));
  node.check(!parts.empty(), "nothing to join");
  node.emit(Concat{.axis = axis}, parts);
}
void import_concat(NodeReader& node) { concatenate(node, node.one_int(0), 1, node.inputs()); }
void import_concat_v2(NodeReader& node) {
  const int last = node.inputs() - 1;
  concatenate(node, node.one_int(last), 0, last);
}

/// Along a new axis.
void import_pack(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", 0), node.rank_of(0) + 1);
  std::vector<Value*> parts;
  for (int i = 0; i < node.inputs(); ++i)
    parts.push_back(
        node.intermediate(Unsqueeze{.axes = Dims{Dim(axis)}}, {node.required(i)}, cat("part", i)));
  node.emit(Concat{.axis = axis}, parts);
}

void import_unpack(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", 0), node.rank_of(0));
  const int64_t parts = node.integer("num", 0);
  node.check(parts >= node.outputs() && parts < (1 << 20), parts, " parts");
  const auto made = node.intermediates(Split{.axis = axis, .num_outputs = parts},
                                       {node.required(0)}, static_cast<int>(parts), "part");
  for (int i = 0; i < node.outputs(); ++i)
    node.give(i, node.intermediate(Squeeze{.axes = Dims{Dim(axis)}}, {made[static_cast<size_t>(i)]},
                                   cat("unpacked", i)));
}

/// Inputs: the axis, the data.
void import_split(NodeReader& node) {
  const int64_t parts = node.integer("num_split", 0);
  node.check(parts >= node.outputs() && parts < (1 << 20), parts, " parts");
  node.emit_all(Split{.axis = node.one_int(0), .num_outputs = parts}, {node.required(1)},
                static_cast<int>(parts));
}

/// Inputs: the data, sizes (one may be -1: what is left), the axis.
void import_split_v(NodeReader& node) {
  std::vector<int64_t> sizes = node.ints(1);
  const int64_t axis = node.axis_of(node.one_int(2), node.rank_of(0));
  Dims split;
  Dim left = node.dims(0)[static_cast<size_t>(axis)];
  for (const int64_t size : sizes)
    if (size >= 0) left = left - size;
  for (const int64_t size : sizes) split.push_back(size < 0 ? left : Dim(size));
  const int parts = static_cast<int>(split.size());
  node.check(parts >= node.outputs(), parts, " parts");
  node.emit_all(Split{.axis = axis, .split = std::move(split)}, {node.required(0)}, parts);
}

void import_tile(NodeReader& node) {
  if (const auto repeats = node.known(1))
    return void(node.emit(Tile{.repeats = *repeats}, {node.required(0)}));
  node.emit(Tile{}, {node.required(0), node.as_i64(1)});
}

void import_broadcast_to(NodeReader& node) {
  if (const auto sizes = node.known(1))
    return void(node.emit(Expand{.shape = *sizes}, {node.required(0)}));
  node.emit(Expand{}, {node.required(0), node.as_i64(1)});
}

/// What two shapes broadcast to.
void import_broadcast_args(NodeReader& node) {
  const auto a = node.known(0), b = node.known(1);
  if (!a || !b) node.unsupported("shapes that are computed from data");
  const bool first = a->size() >= b->size();
  const Dims &longer = first ? *a : *b, &shorter = first ? *b : *a;
  Dims sizes = longer;
  const size_t ahead = longer.size() - shorter.size();
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i >= ahead) sizes[i] = broadcast({longer[i], shorter[i - ahead]});
    if (!sizes[i].constant()) node.unsupported("a shape of open sizes");
    numbers.push_back(*sizes[i].constant());
  }
  node.give(0, node.constant(Tensor::ints(numbers, node.type_of(0)), "sizes"));
}

void reverse(NodeReader& node, const std::vector<int64_t>& axes) {
  if (axes.empty()) return node.give(0, node.required(0));
  Slice slice{.starts = Dims(), .ends = Dims(), .axes = Dims(), .steps = Dims()};
  for (const int64_t axis : axes) {
    slice.starts->push_back(-1);
    slice.ends->push_back(-std::numeric_limits<int64_t>::max());
    slice.axes->push_back(axis);
    slice.steps->push_back(-1);
  }
  node.emit(std::move(slice), {node.required(0)});
}
void import_reverse_v2(NodeReader& node) { reverse(node, node.ints(1)); }
/// A boolean for each axis.
void import_reverse(NodeReader& node) {
  std::vector<int64_t> axes;
  const std::vector<int64_t> flags = node.ints(1);
  for (size_t i = 0; i < flags.size(); ++i)
    if (flags[i] != 0) axes.push_back(static_cast<int64_t>(i));
  reverse(node, axes);
}

void import_reverse_sequence(NodeReader& node) {
  const int64_t batch = node.integer("batch_dim", 0), time = node.integer("seq_dim", 0);
  if (batch + time != 1 || batch * time != 0)
    node.unsupported("sequences along axis ", time, " of batches along axis ", batch);
  node.emit(ReverseSequence{.batch_axis = batch, .time_axis = time},
            {node.required(0), node.as_i64(1)});
}

/// Elements that fall off one end come in at the other.
void import_roll(NodeReader& node) {
  const std::vector<int64_t> shifts = node.ints(1), axes = node.ints(2);
  node.check(shifts.size() == axes.size(), shifts.size(), " shifts of ", axes.size(), " axes");
  Value* value = node.required(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = node.axis_of(axes[i], node.rank_of(0));
    const auto size = node.dims(0)[static_cast<size_t>(axis)].constant();
    if (!size && std::abs(shifts[i]) >= (1 << 20)) node.unsupported("a shift of ", shifts[i]);
    // An open axis is taken to be longer than the shift: slices clamp where it is not.
    const int64_t shift = size && *size > 0 ? ((shifts[i] % *size) + *size) % *size : shifts[i];
    if (shift == 0) continue;
    constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
    const Slice tail{.starts = Dims{Dim(-shift)}, .ends = Dims{Dim(kFar)}, .axes = Dims{Dim(axis)}};
    const Slice head{.starts = Dims{Dim(0)}, .ends = Dims{Dim(-shift)}, .axes = Dims{Dim(axis)}};
    Value* first = node.intermediate(tail, {value}, cat("tail", uint64_t{i}));
    Value* second = node.intermediate(head, {value}, cat("head", uint64_t{i}));
    value = node.intermediate(Concat{.axis = axis}, {first, second}, cat("rolled", uint64_t{i}));
  }
  node.give(0, value);
}

void import_space_to_batch(NodeReader& node) {
  auto last =
      builder::space_to_batch(node, node.required(0), {node.ints(1), node.ints(2)}, nullptr);
  node.emit(std::move(last.op), {last.operand});
}
void import_batch_to_space(NodeReader& node) {
  auto last = builder::batch_to_space(node, node.required(0), {node.ints(1), node.ints(2)});
  node.emit(std::move(last.op), {last.operand});
}

/// Blocks of two axes, of one size.
void import_batch_to_space_square(NodeReader& node) {
  const int64_t size = node.integer("block_size", 1);
  auto last = builder::batch_to_space(node, node.required(0), {{size, size}, node.ints(1)});
  node.emit(std::move(last.op), {last.operand});
}
void import_space_to_batch_square(NodeReader& node) {
  const int64_t size = node.integer("block_size", 1);
  auto last =
      builder::space_to_batch(node, node.required(0), {{size, size}, node.ints(1)}, nullptr);
  node.emit(std::move(last.op), {last.operand});
}

}  // namespace

void register_shape(Importers& importers) {
  importers.add("Reshape", import_reshape);
  importers.add("Squeeze", import_squeeze);
  importers.add("ExpandDims", import_expand_dims);
  importers.add({"Transpose", "ConjugateTranspose"}, import_transpose);
  importers.add("Concat", import_concat);
  importers.add("ConcatV2", import_concat_v2);
  importers.add("Pack", import_pack);
  importers.add("Unpack", import_unpack);
  importers.add("Split", import_split);
  importers.add("SplitV", import_split_v);
  importers.add("Tile", import_tile);
  importers.add("BroadcastTo", import_broadcast_to);
  importers.add("BroadcastArgs", import_broadcast_args);
  importers.add("ReverseV2", import_reverse_v2);
  importers.add("Reverse", import_reverse);
  importers.add("ReverseSequence", import_reverse_sequence);
  importers.add("Roll", import_roll);
  importers.add("SpaceToBatchND", import_space_to_batch);
  importers.add("BatchToSpaceND", import_batch_to_space);
  importers.add("SpaceToBatch", import_space_to_batch_square);
  importers.add("BatchToSpace", import_batch_to_space_square);
}

}  // namespace hone::tensorflow
