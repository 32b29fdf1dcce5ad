// Operators that change sizes or the order of axes.

#include "ops/shape.hpp"

#include <algorithm>

#include "import/mxnet/node_reader.hpp"
#include "ops/layout.hpp"
#include "ops/slice.hpp"

namespace hone::mxnet {
namespace {

void import_flatten(NodeReader& node) { node.emit(Flatten{}, {node.required(0)}); }

/// What a shape says: sizes; 0 keeps one, -1 is what is left, -2 all that follow, -3 two as one, -4
/// one as two, which are the next two entries.
class ShapeCodes {
 public:
  ShapeCodes(const NodeReader& node, std::vector<int64_t> codes, Dims from)
      : node_(node), codes_(std::move(codes)), from_(std::move(from)) {}

  Dims sizes() {
    while (next_ < codes_.size()) {
      const int64_t code = codes_[next_++];
      node_.check(code >= -4, "a shape of ", join(codes_, ","));
      if (code > 0 || code == -1) to_.push_back(code), ++at_;
      else if (code == 0) to_.push_back(take());
      else if (code == -2)
        while (at_ < from_.size()) to_.push_back(take());
      else if (code == -3) join_two();
      else cut_one();
    }
    return std::move(to_);
  }

 private:
  Dim take() {
    node_.check(at_ < from_.size(), "the shape ", join(codes_, ","), " asks for axis ",
                uint64_t{at_}, " of ", uint64_t{from_.size()});
    return from_[at_++];
  }
  void join_two() {
    const Dim first = take();
    to_.push_back(first * take());
  }
  void cut_one() {
    node_.check(next_ + 2 <= codes_.size(), "-4 without two sizes: ", join(codes_, ","));
    const int64_t first = codes_[next_], second = codes_[next_ + 1];
    next_ += 2;
    const Dim all = take();
    const bool fits = (first > 0 && (second > 0 || second == -1)) || (first == -1 && second > 0);
    node_.check(fits, "-4 with the sizes ", first, " and ", second);
    to_.push_back(first > 0 ? Dim(first) : floor_div(all, second));
    to_.push_back(second > 0 ? Dim(second) : floor_div(all, first));
  }

  const NodeReader& node_;
  std::vector<int64_t> codes_;
  Dims from_, to_;
  size_t next_ = 0, at_ = 0;
};

void import_reshape(NodeReader& node) {
  std::vector<int64_t> codes = node.integers("shape");
  const bool reverses = node.flag("reverse", false);
  if (codes.empty()) {  // of the first versions
    codes = node.integers("target_shape");
    if (node.flag("keep_highest", false) && !codes.empty()) codes[0] = 0;
    else std::replace(codes.begin(), codes.end(), int64_t{0}, int64_t{-1});
  } else {
    node.ignore({"target_shape", "keep_highest"});
  }
  node.check(!codes.empty(), "shape is missing");
  Dims from = node.dims(0);
  if (reverses) {  // the places are counted from the end
    if (std::count(codes.begin(), codes.end(), -4) > 0) node.unsupported("-4 in a reversed shape");
    std::reverse(codes.begin(), codes.end());
    std::reverse(from.begin(), from.end());
  }
  Dims shape = ShapeCodes(node, std::move(codes), std::move(from)).sizes();
  if (reverses) std::reverse(shape.begin(), shape.end());
  const auto open = std::count(shape.begin(), shape.end(), Dim(-1));
  node.check(open <= 1, "a shape with ", open, " sizes left open");
  node.emit(Reshape{.shape = std::move(shape)}, {node.required(0)});
}

void import_reshape_like(NodeReader& node) {
  for (const auto* field : {"lhs_begin", "lhs_end", "rhs_begin", "rhs_end"})
    if (node.optional_integer(field)) node.unsupported("a range of axes (", field, ")");
  const Dims shape = node.dims(1);
  node.emit(Reshape{.shape = shape}, {node.required(0)});
}

void import_transpose(NodeReader& node) {
  std::vector<int64_t> perm = node.integers("axes");
  for (int64_t& axis : perm) axis = node.axis_of(axis, 0);
  if (perm.empty())
    for (int64_t axis = node.rank_of(0); axis-- > 0;) perm.push_back(axis);
  node.emit(Transpose{.perm = std::move(perm)}, {node.required(0)});
}

void import_swap_axes(NodeReader& node) {
  const int64_t first = node.axis_of(node.integer("dim1", 0), 0);
  const int64_t second = node.axis_of(node.integer("dim2", 0), 0);
  std::vector<int64_t> perm;
  for (int axis = 0; axis < node.rank_of(0); ++axis) perm.push_back(axis);
  std::swap(perm[static_cast<size_t>(first)], perm[static_cast<size_t>(second)]);
  node.emit(Transpose{.perm = std::move(perm)}, {node.required(0)});
}

void import_expand_dims(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis"), 0, node.rank_of(0));
  node.emit(Unsqueeze{.axes = Dims{axis}}, {node.required(0)});
}

void import_squeeze(NodeReader& node) {
  Dims axes;
  for (const int64_t axis : node.integers("axis")) axes.push_back(node.axis_of(axis, 0));
  if (axes.empty()) return void(node.emit(Squeeze{}, {node.required(0)}));
  node.emit(Squeeze{.axes = std::move(axes)}, {node.required(0)});
}

void import_concat(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  const int64_t axis = node.axis_of(node.integer("dim", 1), 0);
  node.emit(Concat{.axis = axis}, node.all_inputs());
}

void import_stack(NodeReader& node) {
  const int64_t axis = node.axis_of(node.integer("axis", 0), 0, node.rank_of(0));
  std::vector<Value*> parts;
  for (int i = 0; i < node.inputs(); ++i)
    parts.push_back(
        node.intermediate(Unsqueeze{.axes = Dims{axis}}, {node.required(i)}, cat("part", i)));
  node.emit(Concat{.axis = axis}, parts);
}

void import_tile(NodeReader& node) {
  std::vector<int64_t> repeats = node.integers("reps");
  Value* x = node.required(0);
  auto rank = static_cast<size_t>(node.rank_of(0));
  node.check(repeats.size() <= 64, "reps has ", uint64_t{repeats.size()}, " entries");
  if (repeats.size() > rank) {
    Dims shape(repeats.size() - rank, 1);
    shape.insert(shape.end(), node.dims(0).begin(), node.dims(0).end());
    x = node.reshaped(x, std::move(shape), "of_more_axes");
    rank = repeats.size();
  }
  Dims all(rank - repeats.size(), 1);
  for (const int64_t count : repeats) all.push_back(count);
  node.emit(Tile{.repeats = std::move(all)}, {x});
}

/// Each element several times, one behind the other.
void import_repeat(NodeReader& node) {
  const int64_t count = node.integer("repeats");
  if (!node.has("axis")) node.unsupported("of all elements as one row (axis is None)");
  const int64_t axis = node.axis_of(node.integer("axis"), 0);
  node.check(count > 0, "repeats is ", count);
  Value* one = node.intermediate(Unsqueeze{.axes = Dims{axis + 1}}, {node.required(0)}, "one");
  Dims repeats(static_cast<size_t>(node.rank_of(0)) + 1, 1);
  repeats[static_cast<size_t>(axis) + 1] = count;
  Value* many = node.intermediate(Tile{.repeats = repeats}, {one}, "many");
  Dims shape = node.dims(0);
  shape[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)] * count;
  node.emit(Reshape{.shape = std::move(shape), .allowzero = true}, {many});
}

/// Sizes of 1 grow: to those stated, of the axes stated, to those of another tensor.
void import_broadcast_to(NodeReader& node) {
  const std::vector<int64_t> sizes = node.integers("shape");
  Dims shape = node.dims(0);
  node.check(sizes.size() == shape.size(), uint64_t{sizes.size()}, " sizes for ",
             uint64_t{shape.size()}, " axes");
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] != 0) shape[i] = sizes[i];
  node.emit(Expand{.shape = std::move(shape)}, {node.required(0)});
}
void import_broadcast_axis(NodeReader& node) {
  const std::vector<int64_t> axes = node.integers("axis"), sizes = node.integers("size");
  Dims shape = node.dims(0);
  node.check(sizes.size() == axes.size(), uint64_t{sizes.size()}, " sizes for ",
             uint64_t{axes.size()}, " axes");
  for (size_t i = 0; i < axes.size(); ++i)
    shape[static_cast<size_t>(node.axis_of(axes[i], 0))] = sizes[i];
  node.emit(Expand{.shape = std::move(shape)}, {node.required(0)});
}
void import_broadcast_like(NodeReader& node) {
  const std::vector<int64_t> own = node.integers("lhs_axes"), other = node.integers("rhs_axes");
  Dims shape = node.dims(0);
  const Dims& like = node.dims(1);
  node.check(own.size() == other.size(), "lhs_axes and rhs_axes of different lengths");
  node.check(!own.empty() || shape.size() == like.size(), "tensors of ", uint64_t{shape.size()},
             " and ", uint64_t{like.size()}, " axes");
  if (own.empty()) shape = like;
  for (size_t i = 0; i < own.size(); ++i)
    shape[static_cast<size_t>(node.axis_of(own[i], 0))] =
        like[static_cast<size_t>(node.axis_of(other[i], 1))];
  node.emit(Expand{.shape = std::move(shape)}, {node.required(0)});
}

template <class T>
void move_blocks(NodeReader& node) {
  node.emit(T{.blocksize = node.integer("block_size")}, {node.required(0)});
}

void import_shape_array(NodeReader& node) { node.emit(Shape{}, {node.required(0)}); }

}  // namespace

void register_shape(Importers& importers) {
  const Importer plain = {.run = import_flatten, .like = Importer::Like::sizes};
  importers.add({"Flatten", "flatten"}, plain);
  importers.add({"Reshape", "reshape"}, {.run = import_reshape});
  importers.add("reshape_like", {.run = import_reshape_like});
  importers.add("transpose", {.run = import_transpose, .like = Importer::Like::rank});
  importers.add({"SwapAxis", "swapaxes"}, {.run = import_swap_axes, .like = Importer::Like::rank});
  importers.add("expand_dims", {.run = import_expand_dims});
  importers.add("squeeze", {.run = import_squeeze});
  importers.add({"Concat", "concat", "_rnn_param_concat"},
                {.run = import_concat, .like = Importer::Like::rank});
  importers.add("stack", {.run = import_stack});
  importers.add("tile", {.run = import_tile});
  importers.add("repeat", {.run = import_repeat});
  importers.add("broadcast_to", {.run = import_broadcast_to, .like = Importer::Like::rank});
  importers.add({"broadcast_axis", "broadcast_axes"},
                {.run = import_broadcast_axis, .like = Importer::Like::rank});
  importers.add("broadcast_like", {.run = import_broadcast_like, .like = Importer::Like::rank});
  importers.add("depth_to_space", {.run = move_blocks<DepthToSpace>});
  importers.add("space_to_depth", {.run = move_blocks<SpaceToDepth>});
  importers.add("shape_array", {.run = import_shape_array});
}

}  // namespace hone::mxnet
