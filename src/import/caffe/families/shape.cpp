// Layers that move elements or change sizes.

#include "ops/shape.hpp"

#include <algorithm>

#include "import/caffe/layer_reader.hpp"
#include "ops/layout.hpp"
#include "ops/slice.hpp"

namespace hone::caffe {
namespace {

/// All axes from `axis` to `end_axis` become one.
void import_flatten(LayerReader& layer) {
  Params params = layer.params("flatten_param");
  const int64_t first = layer.axis_of(params.integer("axis", 1), 0);
  const int64_t last = layer.axis_of(params.integer("end_axis", -1), 0);
  layer.check(first <= last, "flattens axes ", first, " to ", last);
  const int rank = layer.rank_of(0);
  if (first == 1 && last == rank - 1) return void(layer.emit(Flatten{}, {layer.required(0)}));
  const Dims& dims = layer.input(0)->type.tensor().shape();
  Dims shape;
  for (int64_t i = 0; i < rank; ++i) {
    if (i <= first || i > last) shape.push_back(dims[static_cast<size_t>(i)]);
    else shape.back() = shape.back() * dims[static_cast<size_t>(i)];
  }
  layer.emit(Reshape{.shape = std::move(shape), .allowzero = true}, {layer.required(0)});
}

/// Of the axes from `axis` on: 0 keeps the size there, -1 stands for what is left.
void import_reshape(LayerReader& layer) {
  Params params = layer.params("reshape_param");
  const auto shapes = params.shapes("shape");
  layer.check(shapes.size() == 1, "states ", shapes.size(), " shapes, wanted 1");
  const int rank = layer.rank_of(0);
  const int64_t axis = params.integer("axis", 0), count = params.integer("num_axes", -1);
  // One behind the last axis is allowed, and -1 is that place.
  const int64_t first = axis < 0 ? axis + rank + 1 : axis;
  layer.check(first >= 0 && first <= rank, "axis ", axis, " of a blob of ", rank, " axes");
  const int64_t end = count == -1 ? rank : first + count;
  layer.check(count >= -1 && end <= rank, "num_axes is ", count, " from axis ", first, " of ",
              rank);
  const Dims& dims = layer.input(0)->type.tensor().shape();
  Dims shape(dims.begin(), dims.begin() + first);
  for (size_t i = 0; i < shapes.front().size(); ++i) {
    const int64_t size = shapes.front()[i], from = first + static_cast<int64_t>(i);
    layer.check(size >= -1, "a size of ", size);
    layer.check(size != 0 || from < end, "keeps the size of axis ", from, ", which is not there");
    shape.push_back(size == 0 ? dims[static_cast<size_t>(from)] : Dim(size));
  }
  shape.insert(shape.end(), dims.begin() + end, dims.end());
  layer.emit(Reshape{.shape = std::move(shape)}, {layer.required(0)});
}

/// The axes that are named, then all others in their order.
void import_permute(LayerReader& layer) {
  std::vector<int64_t> order = layer.params("permute_param").integers("order");
  const auto rank = static_cast<int64_t>(layer.rank_of(0));
  for (size_t i = 0; i < order.size(); ++i) {
    const auto end = order.begin() + static_cast<ptrdiff_t>(i);
    layer.check(order[i] >= 0 && order[i] < rank && std::find(order.begin(), end, order[i]) == end,
                "the order ", join(order, ","), " of ", rank, " axes");
  }
  for (int64_t axis = 0; axis < rank; ++axis)
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  layer.emit(Transpose{.perm = std::move(order)}, {layer.required(0)});
}

/// `axis`, or what it was called before.
int64_t read_axis(LayerReader& layer, Params& params, std::string_view old_name) {
  const auto axis = params.optional_integer("axis"), old = params.optional_integer(old_name);
  layer.check(!axis || !old, "states both axis and ", old_name);
  return layer.axis_of(axis ? *axis : old.value_or(1), 0);
}

void import_concat(LayerReader& layer) {
  Params params = layer.params("concat_param");
  const int64_t axis = read_axis(layer, params, "concat_dim");
  for (int i = 0; i < layer.inputs(); ++i) layer.required(i);
  layer.emit(Concat{.axis = axis}, layer.all_inputs());
}

/// Parts between the points, or equal ones.
void import_slice(LayerReader& layer) {
  Params params = layer.params("slice_param");
  const int64_t axis = read_axis(layer, params, "slice_dim");
  const std::vector<int64_t> points = params.integers("slice_point");
  if (layer.outputs() == 1 && points.empty()) return layer.give(0, layer.required(0));
  const Dim& size = layer.input(0)->type.tensor().shape()[static_cast<size_t>(axis)];
  const auto parts = static_cast<int64_t>(layer.outputs());
  layer.check(parts > 0, "it has no top");
  if (points.empty()) {
    if (size.constant())
      layer.check(*size.constant() % parts == 0, size, " elements in ", parts, " equal parts");
    layer.emit_all(Split{.axis = axis, .num_outputs = parts}, {layer.required(0)});
    return;
  }
  layer.check(static_cast<int64_t>(points.size()) + 1 == parts, points.size(), " points for ",
              parts, " tops");
  Dims sizes;
  int64_t before = 0;
  for (const int64_t point : points) {
    layer.check(point > before, "the points ", join(points, ","), " do not grow");
    sizes.push_back(point - before);
    before = point;
  }
  if (size.constant())
    layer.check(*size.constant() > before, "point ", before, " of ", size, " elements");
  sizes.push_back(size - before);
  layer.emit_all(Split{.axis = axis, .split = std::move(sizes)}, {layer.required(0)});
}

void import_split(LayerReader& layer) {
  for (int i = 0; i < layer.outputs(); ++i) layer.give(i, layer.required(0));
}

void import_tile(LayerReader& layer) {
  Params params = layer.params("tile_param");
  const int64_t axis = layer.axis_of(params.integer("axis", 1), 0), tiles = params.integer("tiles");
  layer.check(tiles > 0, "tiles is ", tiles);
  Dims repeats(static_cast<size_t>(layer.rank_of(0)), 1);
  repeats[static_cast<size_t>(axis)] = tiles;
  layer.emit(Tile{.repeats = std::move(repeats)}, {layer.required(0)});
}

/// As much as the second bottom has, from `axis` on, beginning at offsets.
void import_crop(LayerReader& layer) {
  Params params = layer.params("crop_param");
  const int64_t axis = layer.axis_of(params.integer("axis", 2), 0);
  std::vector<int64_t> offsets = params.integers("offset");
  const auto rank = static_cast<int64_t>(layer.rank_of(0));
  layer.check(layer.rank_of(1) == rank, "blobs of ", rank, " and ", layer.rank_of(1), " axes");
  const auto cropped = static_cast<size_t>(rank - axis);
  if (offsets.empty()) offsets.push_back(0);
  if (offsets.size() == 1) offsets.resize(cropped, offsets.front());
  layer.check(offsets.size() == cropped, offsets.size(), " offsets for ", cropped, " axes");
  const Dims& from = layer.input(0)->type.tensor().shape();
  const Dims& like = layer.input(1)->type.tensor().shape();
  Slice slice{.starts = Dims(), .ends = Dims(), .axes = Dims()};
  for (size_t i = 0; i < cropped; ++i) {
    const size_t at = static_cast<size_t>(axis) + i;
    const Dim end = like[at] + offsets[i];
    const auto known = from[at].constant(), wanted = end.constant();
    layer.check(offsets[i] >= 0 && (!known || !wanted || *wanted <= *known), "crops ", like[at],
                " elements from ", offsets[i], " of ", from[at], " on axis ", at);
    slice.starts->push_back(offsets[i]);
    slice.ends->push_back(end);
    slice.axes->push_back(static_cast<int64_t>(at));
  }
  layer.emit(std::move(slice), {layer.required(0)});
}

/// Channels as a matrix of groups, transposed.
void import_shuffle_channel(LayerReader& layer) {
  const int64_t group = layer.params("shuffle_channel_param").integer("group", 1);
  const int rank = layer.rank_of(0);
  layer.check(rank >= 2 && group > 0, "a blob of ", rank, " axes in ", group, " groups");
  const Dims& dims = layer.input(0)->type.tensor().shape();
  const auto channels = dims[1].constant();
  if (!channels) layer.unsupported("a number of channels that is not known");
  layer.check(*channels % group == 0, *channels, " channels in ", group, " groups");
  Dims split{dims[0], group, *channels / group};
  split.insert(split.end(), dims.begin() + 2, dims.end());
  std::vector<int64_t> perm{0, 2, 1};
  for (int axis = 2; axis < rank; ++axis) perm.push_back(axis + 1);
  Value* parts =
      layer.intermediate(Reshape{.shape = std::move(split)}, {layer.required(0)}, "groups");
  Value* moved = layer.intermediate(Transpose{.perm = std::move(perm)}, {parts}, "shuffled");
  layer.emit(Reshape{.shape = dims}, {moved});
}

}  // namespace

void register_shape(Importers& importers) {
  importers.add("Flatten", import_flatten);
  importers.add("Reshape", import_reshape);
  importers.add("Permute", import_permute);
  importers.add("Concat", import_concat);
  importers.add("Slice", import_slice);
  importers.add("Split", import_split);
  importers.add("Tile", import_tile);
  importers.add("Crop", import_crop);
  importers.add("ShuffleChannel", import_shuffle_channel);
}

}  // namespace hone::caffe
