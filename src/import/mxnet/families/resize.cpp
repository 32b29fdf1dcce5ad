#include "ops/resize.hpp"

#include "import/mxnet/node_reader.hpp"
#include "ops/convolution.hpp"
#include "ops/detection.hpp"

namespace hone::mxnet {
namespace {

void check_image(const NodeReader& node) {
  const int rank = node.rank_of(0);
  node.check(rank == 4, "an input of ", rank, " axes, wanted 4");
}

/// Nearest: each element `scale` times along both axes. Bilinear: a convolution backwards whose
/// weights are stored.
void import_up_sampling(NodeReader& node) {
  const int64_t scale = node.integer("scale");
  const bool linear = node.choice("sample_type", {"nearest", "bilinear"}, "nearest") == 1;
  const int64_t filters = node.integer("num_filter", 0);
  node.ignore({"multi_input_mode"});
  check_image(node);
  node.check(scale >= 1 && scale <= 1024, "scale is ", scale);
  if (linear) {
    node.check(filters > 0, "num_filter is ", filters);
    ConvTranspose op{.group = filters};
    op.window.strides.assign(2, scale);
    op.window.pads.assign(4, scale / 2);
    node.emit(std::move(op), {node.required(0), node.weight(1, "weight")});
    return;
  }
  if (node.inputs() > 1) node.unsupported("several inputs, each made as large as the first");
  const Dims& dims = node.dims(0);
  Resize op{.sizes = Dims{dims[2] * scale, dims[3] * scale}, .axes = {2, 3}};
  op.coordinate_transformation_mode = Resize::Coordinates::asymmetric;
  op.nearest_mode = Resize::Nearest::floor;
  node.emit(std::move(op), {node.required(0)});
}

/// Linear, to sizes that are stated, scaled, or another tensor's.
void import_bilinear(NodeReader& node) {
  const int64_t size[] = {node.integer("height", 0), node.integer("width", 0)};
  const std::optional<double> scale[] = {
      node.has("scale_height") ? std::optional(node.real("scale_height", 1)) : std::nullopt,
      node.has("scale_width") ? std::optional(node.real("scale_width", 1)) : std::nullopt};
  const size_t mode = node.choice("mode", {"size", "like"}, "size");
  const bool aligned = node.flag("align_corners", true);
  check_image(node);
  Dims sizes;
  for (size_t i = 0; i < 2; ++i) {
    if (mode == 1) {
      node.check(node.rank_of(1) == 4, "a second input of ", node.rank_of(1), " axes, wanted 4");
      sizes.push_back(node.dims(1)[i + 2]);
    } else if (scale[i]) {
      const auto ratio = resize_ratio(static_cast<float>(*scale[i]));
      if (!ratio) node.unsupported("a scale of ", *scale[i]);
      sizes.push_back(floor_div(node.dims(0)[i + 2] * ratio->p, ratio->q));
    } else {
      node.check(size[i] > 0, "a height or width of ", size[i]);
      sizes.push_back(size[i]);
    }
  }
  Resize op{.sizes = std::move(sizes), .axes = {2, 3}, .mode = Resize::Mode::linear};
  op.coordinate_transformation_mode =
      aligned ? Resize::Coordinates::align_corners : Resize::Coordinates::half_pixel;
  node.emit(std::move(op), {node.required(0)});
}

void import_roi_pooling(NodeReader& node) {
  const std::vector<int64_t> size = node.integers("pooled_size");
  const auto scale = static_cast<float>(node.real("spatial_scale", 1));
  node.check(size.size() == 2 && size[0] > 0 && size[1] > 0, "pooled_size is ", join(size, "x"));
  node.emit(MaxRoiPool{.pooled_shape = size, .spatial_scale = scale},
            {node.required(0), node.required(1)});
}

std::vector<int64_t> first_image_sizes(const Symbol&, const Node&, size_t i, const WeightSource&) {
  return i == 0 ? std::vector<int64_t>{0, 0, 0, 0} : std::vector<int64_t>();
}
std::vector<int64_t> region_sizes(const Symbol&, const Node&, size_t i, const WeightSource&) {
  return i == 0 ? std::vector<int64_t>{0, 0, 0, 0} : std::vector<int64_t>{0, 5};
}

}  // namespace

void register_resize(Importers& importers) {
  importers.add("UpSampling", {.run = import_up_sampling, .sizes = first_image_sizes});
  importers.add("_contrib_BilinearResize2D", {.run = import_bilinear, .sizes = first_image_sizes});
  importers.add("ROIPooling", {.run = import_roi_pooling, .sizes = region_sizes});
}

}  // namespace hone::mxnet
