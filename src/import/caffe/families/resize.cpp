#include "ops/resize.hpp"

#include "import/caffe/layer_reader.hpp"
#include "ops/pad.hpp"

namespace hone::caffe {
namespace {

void resize(LayerReader& layer, Value* x, Dims sizes, Resize::Mode mode,
            Resize::Coordinates coordinates) {
  Resize op{.sizes = std::move(sizes), .axes = {2, 3}, .mode = mode};
  op.coordinate_transformation_mode = coordinates;
  op.nearest_mode = Resize::Nearest::floor;
  layer.emit(std::move(op), {x});
}

void check_image(const LayerReader& layer) {
  const int rank = layer.rank_of(0);
  layer.check(rank == 4, "a blob of ", rank, " axes, wanted 4");
}

/// Linear, corners on corners: to a size, or made smaller, then larger, by factors. (Source:
/// hszhao/PSPNet, interp_layer.)
void import_interp(LayerReader& layer) {
  Params params = layer.params("interp_param");
  check_image(layer);
  const int64_t zoom = params.integer("zoom_factor", 1),
                shrink = params.integer("shrink_factor", 1);
  const int64_t height = params.integer("height", 0), width = params.integer("width", 0);
  const int64_t begin = params.integer("pad_beg", 0), end = params.integer("pad_end", 0);
  layer.check(zoom >= 1 && shrink >= 1, "zoom_factor ", zoom, ", shrink_factor ", shrink);
  layer.check(begin <= 0 && end <= 0, "pads of ", begin, " and ", end, ", wanted none above 0");
  Value* x = layer.required(0);
  if (begin < 0 || end < 0)
    x = layer.intermediate(Pad{.pads = Dims{begin, begin, end, end}, .axes = Dims{2, 3}}, {x},
                           "cropped");
  const Dims& dims = x->type.tensor().shape();
  Dims sizes{height, width};
  for (size_t i = 0; i < 2 && (height <= 0 || width <= 0); ++i) {
    const Dim smaller = floor_div(dims[i + 2] - 1, shrink) + 1;
    sizes[i] = smaller + (smaller - 1) * (zoom - 1);
  }
  resize(layer, x, std::move(sizes), Resize::Mode::linear, Resize::Coordinates::align_corners);
}

/// Each element `scale` times along both axes.
void import_upsample(LayerReader& layer) {
  Params params = layer.params("upsample_param");
  check_image(layer);
  if (layer.inputs() > 1) layer.unsupported("to the places that a pooling took its elements from");
  const int64_t scale = params.integer("scale", 2);
  layer.check(scale >= 1, "scale is ", scale);
  const Dims& dims = layer.input(0)->type.tensor().shape();
  resize(layer, layer.input(0), {dims[2] * scale, dims[3] * scale}, Resize::Mode::nearest,
         Resize::Coordinates::asymmetric);
}

}  // namespace

void register_resize(Importers& importers) {
  importers.add("Interp", import_interp);
  importers.add("Upsample", import_upsample);
}

}  // namespace hone::caffe
