// Convolution, Deconvolution and the layers that are convolutions of one channel each.

#include "ops/convolution.hpp"

#include "import/caffe/layer_reader.hpp"
#include "import/caffe/window_params.hpp"

namespace hone::caffe {
namespace {

struct Filters {
  int64_t count, channels, group;
  bool bias;
};

/// `depthwise`: as many groups as channels, whatever the layer says.
Filters read_filters(LayerReader& layer, Params& params, bool depthwise) {
  Filters filters{params.integer("num_output", 0), 0, params.integer("group", 1),
                  params.flag("bias_term", true)};
  const int64_t axis = layer.axis_of(params.integer("axis", 1), 0);
  if (axis != 1) layer.unsupported("channels on axis ", axis, ", wanted axis 1");
  const int rank = layer.rank_of(0);
  layer.check(rank >= 3, "a blob of ", rank, " axes, wanted batch, channels and spatial axes");
  const auto channels = layer.input(0)->type.tensor().shape()[1].constant();
  if (channels) {
    filters.channels = *channels;
  } else {  // what the weights are stored for
    const auto stored = layer.blob_sizes(0);
    layer.check(stored.size() > 1, "weights are stored as ", shape_text(stored));
    filters.channels = stored[1] * filters.group;
  }
  if (filters.count == 0 && depthwise) filters.count = filters.channels;
  if (depthwise) filters.group = filters.channels;
  layer.check(filters.count > 0, "num_output is ", filters.count);
  layer.check(filters.group > 0 && filters.channels % filters.group == 0 &&
                  filters.count % filters.group == 0,
              filters.channels, " channels and ", filters.count, " filters in ", filters.group,
              " groups");
  return filters;
}

std::vector<Value*> operands(LayerReader& layer, const Filters& filters, int64_t first,
                             int64_t second, const std::vector<int64_t>& kernel) {
  std::vector<int64_t> dims{first, second};
  dims.insert(dims.end(), kernel.begin(), kernel.end());
  std::vector<Value*> inputs{layer.required(0), layer.weight(0, dims, "weight")};
  if (filters.bias) inputs.push_back(layer.weight(1, {filters.count}, "bias"));
  return inputs;
}

void convolve(LayerReader& layer, bool depthwise) {
  Params params = layer.params("convolution_param");
  const Filters filters = read_filters(layer, params, depthwise);
  Window window = read_window(layer, params);
  const auto inputs = operands(layer, filters, filters.count, filters.channels / filters.group,
                               window.kernel_shape);
  window.kernel_shape.clear();  // the weight's
  layer.emit(Conv{.window = std::move(window), .group = filters.group}, inputs);
}

void import_convolution(LayerReader& layer) { convolve(layer, false); }
void import_depthwise(LayerReader& layer) { convolve(layer, true); }

void import_deconvolution(LayerReader& layer) {
  Params params = layer.params("convolution_param");
  const Filters filters = read_filters(layer, params, false);
  Window window = read_window(layer, params);
  const auto inputs = operands(layer, filters, filters.channels, filters.count / filters.group,
                               window.kernel_shape);
  window.kernel_shape.clear();
  layer.emit(ConvTranspose{.window = std::move(window), .group = filters.group}, inputs);
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add("Convolution", import_convolution);
  importers.add("Deconvolution", import_deconvolution);
  importers.add("ConvolutionDepthwise", import_depthwise);
  importers.add("DepthwiseConvolution", import_depthwise);
}

}  // namespace hone::caffe
