#include "ops/normalization.hpp"

#include <algorithm>
#include <cmath>

#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/pooling.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::caffe {
namespace {

int64_t channels_of(LayerReader& layer) {
  const int rank = layer.rank_of(0);
  layer.check(rank >= 1, "a blob of ", rank, " axes");
  const auto size = layer.input(0)->type.tensor().shape()[rank > 1 ? 1 : 0].constant();
  if (!size) layer.unsupported("a number of channels that is not known");
  layer.check(static_cast<uint64_t>(*size) <= layer.most_bytes() / sizeof(float), *size,
              " channels");
  return *size;
}

Tensor filled(int64_t count, double value) {
  Tensor made(DType::f32, {count});
  for (int64_t i = 0; i < count; ++i) made.set_number(i, value);
  return made;
}

/// A stored statistic over the stored sum of weights of the moving average.
Tensor statistic(LayerReader& layer, size_t i, int64_t channels, float weights) {
  const Tensor stored = layer.blob(i, {channels});
  Tensor made(DType::f32, {channels});
  const float factor = weights == 0 ? 0 : 1 / weights;
  for (int64_t c = 0; c < channels; ++c) made.put(c, stored.at<float>(c) * factor);
  return made;
}

/// (x - mean) * 1 / (deviation of x), statistics over `axes`. The deviation is the root of the
/// variance and epsilon together, or of the variance with epsilon added behind it.
void normalize(LayerReader& layer, const Dims& axes, float epsilon, bool inside, bool scales) {
  Value* x = layer.required(0);
  Value* mean = layer.intermediate(ReduceMean{.axes = axes}, {x}, "mean");
  if (!scales) return void(layer.emit(Sub{}, {x, mean}));
  Value* centered = layer.intermediate(Sub{}, {x, mean}, "centered");
  Value* squares = layer.intermediate(Mul{}, {centered, centered}, "squares");
  Value* variance = layer.intermediate(ReduceMean{.axes = axes}, {squares}, "variance");
  Value* small = layer.scalar(double{epsilon}, "epsilon");
  Value* deviation = nullptr;
  if (inside) {
    Value* sum = layer.intermediate(Add{}, {variance, small}, "sum");
    deviation = layer.intermediate(Sqrt{}, {sum}, "deviation");
  } else {
    Value* root = layer.intermediate(Sqrt{}, {variance}, "root");
    deviation = layer.intermediate(Add{}, {root, small}, "deviation");
  }
  layer.emit(Div{}, {centered, deviation});
}

void import_batch_norm(LayerReader& layer) {
  Params params = layer.params("batch_norm_param");
  const float epsilon = params.real("eps", 1e-5f);
  const bool stored = params.flag("use_global_stats", true);
  params.ignore("moving_average_fraction");
  const int64_t channels = channels_of(layer);
  if (!stored) {  // of the batch at hand
    Dims axes{0};
    for (int axis = 2; axis < layer.rank_of(0); ++axis) axes.push_back(axis);
    return normalize(layer, axes, epsilon, true, true);
  }
  layer.check(layer.rank_of(0) >= 2, "a blob of ", layer.rank_of(0), " axes, wanted channels");
  Value *mean = nullptr, *variance = nullptr;
  if (layer.stored()) {
    const auto weights = layer.blob(2, {1}).at<float>(0);
    mean = layer.constant(statistic(layer, 0, channels, weights), "mean");
    variance = layer.constant(statistic(layer, 1, channels, weights), "variance");
  } else {
    mean = layer.constant(filled(channels, 0), "mean");
    variance = layer.constant(filled(channels, 1), "variance");
  }
  layer.emit(BatchNormalization{.epsilon = epsilon},
             {layer.required(0), layer.constant(filled(channels, 1), "one"),
              layer.constant(filled(channels, 0), "zero"), mean, variance});
}

/// What a layer multiplies by or adds, with sizes of 1 after its own, so that it broadcasts from
/// `axis` on: a second bottom, or blob `i`, which covers `count` axes (-1: all that follow).
Value* broadcast_operand(LayerReader& layer, size_t i, int64_t axis, int64_t count,
                         std::string_view hint) {
  const auto rank = static_cast<int64_t>(layer.rank_of(0));
  if (layer.inputs() > 1 && i == 0) {
    const auto own = static_cast<int64_t>(layer.rank_of(1));
    const int64_t from = own == 0 ? 0 : layer.axis_of(axis, 0);
    layer.check(from + own <= rank, "a second bottom of ", own, " axes on axis ", from, " of ",
                rank);
    Dims ones;
    for (int64_t at = own; own > 0 && at < rank - from; ++at) ones.push_back(at);
    if (ones.empty()) return layer.input(1);
    return layer.intermediate(Unsqueeze{.axes = ones}, {layer.input(1)}, "aligned");
  }
  const int64_t from = count == 0 ? 0 : layer.axis_of(axis, 0);
  const int64_t covered = count == -1 ? rank - from : count;
  layer.check(covered >= 0 && from + covered <= rank, "num_axes is ", count, " from axis ", from,
              " of ", rank);
  std::vector<int64_t> dims;
  const Dims& sizes = layer.input(0)->type.tensor().shape();
  for (int64_t at = from; covered > 0 && at < rank; ++at) {
    const auto size = sizes[static_cast<size_t>(at)].constant();
    if (at < from + covered && !size)
      layer.unsupported("a weight for axis ", at, ", whose size is not known");
    dims.push_back(at < from + covered ? *size : 1);
  }
  return layer.weight(i, dims, hint);
}

void import_scale(LayerReader& layer) {
  Params params = layer.params("scale_param");
  const int64_t axis = params.integer("axis", 1), count = params.integer("num_axes", 1);
  const bool bias = params.flag("bias_term", false);
  Value* factor = broadcast_operand(layer, 0, axis, count, "scale");
  if (!bias) return void(layer.emit(Mul{}, {layer.required(0), factor}));
  Value* scaled = layer.intermediate(Mul{}, {layer.required(0), factor}, "scaled");
  Value* added = nullptr;
  if (layer.inputs() > 1) {  // the bias is stored alone, of the second bottom's sizes
    const std::vector<int64_t> sizes = layer.sizes(1);
    std::vector<int64_t> dims = sizes;
    const auto rest = static_cast<size_t>(layer.rank_of(0) - layer.axis_of(axis, 0));
    dims.resize(sizes.empty() ? 0 : std::max(rest, sizes.size()), 1);
    added = layer.weight(0, dims, "bias");
  } else {
    added = broadcast_operand(layer, 1, axis, count, "bias");
  }
  layer.emit(Add{}, {scaled, added});
}

void import_bias(LayerReader& layer) {
  Params params = layer.params("bias_param");
  const int64_t axis = params.integer("axis", 1), count = params.integer("num_axes", 1);
  layer.emit(Add{}, {layer.required(0), broadcast_operand(layer, 0, axis, count, "bias")});
}

/// x / (1 + alpha * mean of squares in the plane around it) ^ beta.
void normalize_within_channel(LayerReader& layer, int64_t size, float alpha, float beta) {
  const int rank = layer.rank_of(0);
  layer.check(rank > 2, "a blob of ", rank, " axes, wanted spatial ones");
  const auto axes = static_cast<size_t>(rank - 2);
  Value* x = layer.required(0);
  Value* squares = layer.intermediate(Mul{}, {x, x}, "squares");
  AveragePool around{.count_include_pad = true};
  around.window.kernel_shape.assign(axes, size);
  around.window.pads.assign(2 * axes, (size - 1) / 2);
  Value* mean = layer.intermediate(around, {squares}, "mean");
  Value* scaled = layer.intermediate(Mul{}, {mean, layer.scalar(double{alpha}, "alpha")}, "scaled");
  Value* base = layer.intermediate(Add{}, {scaled, layer.scalar(1, "one")}, "base");
  Value* factor = layer.intermediate(Pow{}, {base, layer.scalar(-double{beta}, "beta")}, "factor");
  layer.emit(Mul{}, {x, factor});
}

void import_lrn(LayerReader& layer) {
  Params params = layer.params("lrn_param");
  const int64_t size = params.integer("local_size", 5);
  const float alpha = params.real("alpha", 1), beta = params.real("beta", 0.75f);
  const float k = params.real("k", 1);
  layer.check(size > 0 && size % 2 == 1, "local_size is ", size, ", wanted an odd number");
  if (params.choice("norm_region", {"ACROSS_CHANNELS", "WITHIN_CHANNEL"}, "ACROSS_CHANNELS") == 1)
    return normalize_within_channel(layer, size, alpha, beta);
  layer.emit(LRN{.alpha = alpha, .beta = beta, .bias = k, .size = size}, {layer.required(0)});
}

void import_mvn(LayerReader& layer) {
  Params params = layer.params("mvn_param");
  const bool scales = params.flag("normalize_variance", true);
  const bool across = params.flag("across_channels", false);
  const float epsilon = params.real("eps", 1e-9f);
  Dims axes;
  for (int axis = across ? 1 : 2; axis < layer.rank_of(0); ++axis) axes.push_back(axis);
  layer.check(!axes.empty(), "a blob of ", layer.rank_of(0), " axes");
  normalize(layer, axes, epsilon, false, scales);
}

/// Each place, or each image, over its norm, times a stored scale.
void import_normalize(LayerReader& layer) {
  Params params = layer.params("norm_param");
  const bool across = params.flag("across_spatial", true);
  const bool shared = params.flag("channel_shared", true);
  const float epsilon = params.real("eps", 1e-10f);
  const int rank = layer.rank_of(0);
  layer.check(rank >= 2, "a blob of ", rank, " axes, wanted batch and channels");
  Dims axes;
  for (int axis = 1; axis < (across ? rank : 2); ++axis) axes.push_back(axis);
  Value* x = layer.required(0);
  Value* squares = layer.intermediate(Mul{}, {x, x}, "squares");
  Value* sum = layer.intermediate(ReduceSum{.axes = axes}, {squares}, "sum");
  Value* more = layer.intermediate(Add{}, {sum, layer.scalar(double{epsilon}, "epsilon")}, "more");
  Value* norm = layer.intermediate(Sqrt{}, {more}, "norm");
  Value* normal = layer.intermediate(Div{}, {x, norm}, "normal");
  std::vector<int64_t> dims;
  if (!shared) {
    dims.assign(static_cast<size_t>(rank - 1), 1);
    dims[0] = channels_of(layer);
  }
  layer.emit(Mul{}, {normal, layer.weight(0, dims, "scale")});
}

}  // namespace

void register_normalization(Importers& importers) {
  importers.add("BatchNorm", import_batch_norm);
  importers.add("Scale", import_scale);
  importers.add("Bias", import_bias);
  importers.add("LRN", import_lrn);
  importers.add("MVN", import_mvn);
  importers.add("Normalize", import_normalize);
}

}  // namespace hone::caffe
