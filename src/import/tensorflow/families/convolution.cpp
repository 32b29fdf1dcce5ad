// Convolutions, written with channels first between two transposes where the file has them last.

#include "ops/convolution.hpp"

#include <algorithm>

#include "import/builder/same_padding.hpp"
#include "import/tensorflow/images.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

/// Weights [kernel..., in, out] as [out, in, kernel...].
Value* turned_weights(NodeReader& node, int i, int axes) {
  Transpose op;
  op.perm = {axes + 1, axes};
  for (int axis = 0; axis < axes; ++axis) op.perm.push_back(axis);
  return node.intermediate(std::move(op), {node.required(i)}, "weights");
}

/// The kernel's sizes and channels; leaves the node where they are not known.
struct Weights {
  Dims kernel;
  int64_t in, out;
};
Weights read_weights(NodeReader& node, int i, int axes) {
  const Dims& dims = node.dims(i);
  const auto rank = static_cast<size_t>(axes) + 2;
  node.check(dims.size() == rank, "weights of ", dims.size(), " axes, wanted ", rank);
  const auto in = dims[rank - 2].constant(), out = dims[rank - 1].constant();
  if (!in || !out) node.unsupported("weights of sizes that are not known");
  node.check(*in > 0 && *out > 0, "weights of no channels");
  return {Dims(dims.begin(), dims.end() - 2), *in, *out};
}

void convolve(NodeReader& node, int axes) {
  const Images images(node, 0, axes);
  const Weights weights = read_weights(node, 1, axes);
  const auto channels = images.channels().constant();
  if (!channels) node.unsupported("a number of channels that is not known");
  node.check(*channels % weights.in == 0, *channels, " channels for weights of ", weights.in);
  Window window = images.window(node, {}, weights.kernel);
  Conv conv{.window = std::move(window), .group = *channels / weights.in};
  images.emit(node, std::move(conv), {images.first(node), turned_weights(node, 1, axes)});
}
void import_conv_2d(NodeReader& node) { convolve(node, 2); }
void import_conv_3d(NodeReader& node) { convolve(node, 3); }

/// Weights [rows, columns, channels, results a channel].
void import_depthwise(NodeReader& node) {
  const Images images(node, 0, 2);
  const Weights weights = read_weights(node, 1, 2);
  const auto channels = images.channels().constant();
  node.check(!channels || *channels == weights.in, "an image of ", images.channels(),
             " channels for weights of ", weights.in);
  Value* turned = node.intermediate(Transpose{.perm = {2, 3, 0, 1}}, {node.required(1)}, "turned");
  const Dims shape{Dim(weights.in) * weights.out, 1, weights.kernel[0], weights.kernel[1]};
  Conv conv{.window = images.window(node, {}, weights.kernel), .group = weights.in};
  images.emit(node, std::move(conv), {images.first(node), node.reshaped(turned, shape, "weights")});
}

/// Inputs: the result's sizes, weights [kernel..., out, in], what is spread over the result.
void spread(NodeReader& node, int axes) {
  const Images images(node, 2, axes);
  const Weights weights = read_weights(node, 1, axes);  // in and out exchanged
  const auto sizes = node.known(0);
  if (!sizes) node.unsupported("sizes of the result that are computed from data");
  const bool spatial_only = sizes->size() == static_cast<size_t>(axes);
  node.check(spatial_only || sizes->size() == static_cast<size_t>(axes) + 2, sizes->size(),
             " sizes of a result of ", axes + 2, " axes");
  const std::vector<int64_t> strides = images.spatial(node, "strides");
  const std::vector<int64_t> dilations = images.spatial(node, "dilations");
  const bool same = node.word("padding", "") == "SAME";
  if (node.word("padding", "") == "EXPLICIT") node.unsupported("padding by numbers");
  ConvTranspose made;
  made.window.strides = strides;
  if (std::any_of(dilations.begin(), dilations.end(), [](int64_t by) { return by != 1; }))
    made.window.dilations = dilations;
  made.window.pads.resize(2 * static_cast<size_t>(axes));
  for (size_t i = 0; i < static_cast<size_t>(axes); ++i) {
    const Dim wanted = (*sizes)[spatial_only ? i : images.axis(i)];
    const Dim reach = (weights.kernel[i] - 1) * Dim(dilations[i]) + 1;
    const Dim left_over = (images.size(i) - 1) * Dim(strides[i]) + reach - wanted;
    if (!left_over.constant())
      node.unsupported("a result of ", wanted, " elements of ", images.size(i),
                       ": how they are padded is not known");
    const auto pads = builder::transposed_pads(*left_over.constant(), same);
    node.check(pads.extra < strides[i], "a result of ", wanted, " from ", images.size(i));
    made.window.pads[i] = pads.begin;
    made.window.pads[i + static_cast<size_t>(axes)] = pads.end;
    made.output_padding.push_back(pads.extra);
  }
  images.emit(node, std::move(made), {images.first(node), turned_weights(node, 1, axes)});
}
void import_conv_2d_backprop(NodeReader& node) { spread(node, 2); }
void import_conv_3d_backprop(NodeReader& node) { spread(node, 3); }

void import_bias_add(NodeReader& node) {
  Value* bias = node.required(1);
  if (emit_to_channels(node, Add{}, 0, 1)) return;
  const bool first = node.word("data_format", "NHWC").starts_with("NC");
  if (first && node.rank_of(0) > 2) {
    Dims shape(static_cast<size_t>(node.rank_of(0)) - 1, 1);
    node.check(node.rank_of(1) == 1, "a bias of rank ", node.rank_of(1), ", wanted 1");
    shape[0] = node.dims(1)[0];
    bias = node.reshaped(bias, std::move(shape), "of_channels");
  }
  node.emit(Add{}, {node.required(0), bias});
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add("Conv2D", import_conv_2d);
  importers.add("Conv3D", import_conv_3d);
  importers.add("DepthwiseConv2dNative", import_depthwise);
  importers.add("Conv2DBackpropInput", import_conv_2d_backprop);
  importers.add({"Conv3DBackpropInputV2"}, import_conv_3d_backprop);
  importers.add({"BiasAdd", "BiasAddV1"}, import_bias_add);
}

}  // namespace hone::tensorflow
