// Poolings, resizing of images, and what else reads images as such.

#include "ops/pooling.hpp"

#include "import/builder/channels_last.hpp"
#include "import/tensorflow/images.hpp"
#include "ops/layout.hpp"
#include "ops/resize.hpp"

namespace hone::tensorflow {
namespace {

template <class T>
void pool(NodeReader& node, int axes) {
  const Images images(node, 0, axes);
  std::vector<int64_t> shape = images.spatial(node, "ksize");
  const Dims kernel(shape.begin(), shape.end());
  images.emit(node, T{.window = images.window(node, std::move(shape), kernel)},
              {images.first(node)});
}
void import_max_pool(NodeReader& node) { pool<MaxPool>(node, 2); }
void import_max_pool_3d(NodeReader& node) { pool<MaxPool>(node, 3); }

/// AveragePool's padding by numbers does not count, as TensorFlow's does not.
void import_avg_pool(NodeReader& node) { pool<AveragePool>(node, 2); }
void import_avg_pool_3d(NodeReader& node) { pool<AveragePool>(node, 3); }

/// Inputs: images, window, strides.
void import_max_pool_v2(NodeReader& node) {
  const Images images(node, 0, 2);
  Window window{
      .kernel_shape = images.spatial(node, node.ints(1), "ksize"),
      .strides = images.spatial(node, node.ints(2), "strides"),
      .auto_pad = node.word("padding", "") == "SAME" ? AutoPad::same_upper : AutoPad::valid};
  images.emit(node, MaxPool{.window = std::move(window)}, {images.first(node)});
}

/// The places, result 1, count as TensorFlow counts them, in rows of channels.
void import_max_pool_with_argmax(NodeReader& node) {
  if (node.wants(1)) node.unsupported("the places of the largest elements");
  import_max_pool(node);
}

/// To rows and columns of input 1.
void resize(NodeReader& node, Resize op) {
  node.check(node.rank_of(0) == 4, "an image of rank ", node.rank_of(0), ", wanted 4");
  const auto sizes = node.known(1);
  const bool corners = node.flag("align_corners", false);
  const bool half = node.flag("half_pixel_centers", false);
  using Coordinates = Resize::Coordinates;
  const bool nearest = op.mode == Resize::Mode::nearest;
  op.coordinate_transformation_mode = corners   ? Coordinates::align_corners
                                      : !half   ? Coordinates::asymmetric
                                      : nearest ? Coordinates::tf_half_pixel_for_nn
                                                : Coordinates::half_pixel;
  op.nearest_mode = corners ? Resize::Nearest::round_prefer_ceil : Resize::Nearest::floor;
  op.axes = {2, 3};
  Value* x = node.required(0);
  const DType type = node.type_of(0);
  if (!nearest && !is_float(type)) x = node.cast(x, DType::f32, "reals");
  x = builder::channels_first(node, x, 4);
  Value* y = nullptr;
  if (sizes) {
    node.check(sizes->size() == 2, sizes->size(), " sizes, wanted 2");
    op.sizes = *sizes;
    y = node.intermediate(std::move(op), {x}, "resized");
  } else {
    y = node.intermediate(std::move(op), {x, nullptr, nullptr, node.as_i64(1)}, "resized");
  }
  if (nearest || type == DType::f32 || !is_float(type)) builder::emit_channels_last(node, y, 4);
  else node.give(0, node.cast(builder::channels_last(node, y, 4), DType::f32, "reals"));
}

void import_bilinear(NodeReader& node) { resize(node, {.mode = Resize::Mode::linear}); }
void import_nearest(NodeReader& node) { resize(node, {.mode = Resize::Mode::nearest}); }

/// With half pixels Keys' cubic of -0.5 and the edges left out, else that of -0.75.
void import_bicubic(NodeReader& node) {
  const bool half = node.flag("half_pixel_centers", false);
  resize(node, {.mode = Resize::Mode::cubic,
                .cubic_coeff_a = half ? -0.5F : -0.75F,
                .exclude_outside = half});
}

/// Blocks of channels as squares of pixels.
template <class T>
void import_blocks(NodeReader& node) {
  const Images images(node, 0, 2);
  const int64_t size = node.integer("block_size", 1);
  node.check(size > 0 && size < (1 << 16), "blocks of ", size);
  images.emit(node, T{.blocksize = size}, {images.first(node)});
}

}  // namespace

void register_pooling(Importers& importers) {
  importers.add("MaxPool", import_max_pool);
  importers.add("MaxPoolV2", import_max_pool_v2);
  importers.add("MaxPool3D", import_max_pool_3d);
  importers.add("MaxPoolWithArgmax", {import_max_pool_with_argmax, {"output", "argmax"}});
  importers.add("AvgPool", import_avg_pool);
  importers.add("AvgPool3D", import_avg_pool_3d);
  importers.add("ResizeBilinear", import_bilinear);
  importers.add("ResizeNearestNeighbor", import_nearest);
  importers.add("ResizeBicubic", import_bicubic);
  importers.add("DepthToSpace", import_blocks<DepthToSpace>);
  importers.add("SpaceToDepth", import_blocks<SpaceToDepth>);
}

}  // namespace hone::tensorflow
