#include "ops/pooling.hpp"

#include "import/caffe/layer_reader.hpp"
#include "import/caffe/window_params.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"

namespace hone::caffe {
namespace {

enum class Method {
  max,
  average
};

Method read_method(LayerReader& layer, Params& params) {
  const size_t method = params.choice("pool", {"MAX", "AVE", "STOCHASTIC"}, "MAX");
  if (method == 2) layer.unsupported("stochastic pooling: it draws at random");
  return method == 0 ? Method::max : Method::average;
}

/// Sizes are rounded up, unless a net of a later version or of a fork says otherwise.
bool rounds_up(Params& params) {
  const bool down = params.choice("round_mode", {"CEIL", "FLOOR"}, "CEIL") == 1;
  return params.flag("ceil_mode", !down) && !down;
}

/// Without padding Caffe adds a window that begins after the end, where windows stand apart.
void refuse_empty_windows(const LayerReader& layer, const Window& window) {
  const Dims& dims = layer.input(0)->type.tensor().shape();
  for (size_t i = 0; i < window.kernel_shape.size(); ++i) {
    const auto size = dims[i + 2].constant();
    const int64_t kernel = window.kernel_shape[i], stride = window.stride(i);
    if (!window.pads.empty() || kernel >= stride) continue;
    if (!size || (*size - kernel + stride - 1) / stride * stride >= *size)
      layer.unsupported("windows that stand apart and begin after the end: kernel ", kernel,
                        ", stride ", stride);
  }
}

void import_pooling(LayerReader& layer) {
  Params params = layer.params("pooling_param");
  const Method method = read_method(layer, params);
  const bool up = rounds_up(params);
  if (layer.outputs() > 1) layer.unsupported("the places of the largest elements as second top");
  if (params.flag("global_pooling", false)) {
    for (const auto* field : {"kernel_size", "kernel_h", "kernel_w", "stride", "stride_h",
                              "stride_w", "pad", "pad_h", "pad_w"})
      params.ignore(field);
    Dims axes;
    for (int axis = 2; axis < layer.rank_of(0); ++axis) axes.push_back(axis);
    if (method == Method::max) layer.emit(ReduceMax{.axes = axes}, {layer.required(0)});
    else layer.emit(ReduceMean{.axes = axes}, {layer.required(0)});
    return;
  }
  Window window = read_window(layer, params);
  if (up) refuse_empty_windows(layer, window);
  // A mean counts the padding asked for, but not what hangs over it.
  if (method == Method::max)
    layer.emit(MaxPool{.window = std::move(window), .ceil_mode = up}, {layer.required(0)});
  else
    layer.emit(AveragePool{.window = std::move(window), .ceil_mode = up, .count_include_pad = true},
               {layer.required(0)});
}

/// V0: zeros around the spatial axes, for the layer after it.
void import_padding(LayerReader& layer) {
  Params params = layer.params("padding_param");
  const int64_t pad = params.integer("pad", 0);
  const int spatial = layer.rank_of(0) - 2;
  layer.check(spatial > 0 && pad >= 0, "pads ", spatial, " spatial axes by ", pad);
  Dims pads, axes;
  for (int i = 0; i < 2 * spatial; ++i) pads.push_back(pad);
  for (int i = 0; i < spatial; ++i) axes.push_back(i + 2);
  layer.emit(Pad{.pads = pads, .axes = axes}, {layer.required(0)});
}

}  // namespace

void register_pooling(Importers& importers) {
  importers.add("Pooling", import_pooling);
  importers.add("Padding", import_padding);
}

}  // namespace hone::caffe
