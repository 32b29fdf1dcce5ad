// Functions of one element.

#include "ops/activation.hpp"

#include <cmath>

#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone::caffe {
namespace {

template <class T>
void import_plain(LayerReader& layer) {
  layer.emit(T{}, {layer.required(0)});
}

void import_relu(LayerReader& layer) {
  const float slope = layer.params("relu_param").real("negative_slope", 0);
  if (slope == 0) import_plain<Relu>(layer);
  else layer.emit(LeakyRelu{{}, slope}, {layer.required(0)});
}

void import_prelu(LayerReader& layer) {
  const bool shared = layer.params("prelu_param").flag("channel_shared", false);
  const int rank = layer.rank_of(0);
  layer.check(rank >= 2, "a blob of ", rank, " axes, wanted batch and channels");
  std::vector<int64_t> dims;
  if (!shared) {
    const auto channels = layer.input(0)->type.tensor().shape()[1].constant();
    if (!channels) layer.unsupported("a slope for each channel of a number that is not known");
    dims.assign(static_cast<size_t>(rank - 1), 1);
    dims[0] = *channels;
  }
  layer.emit(PRelu{}, {layer.required(0), layer.weight(0, dims, "slope")});
}

void import_elu(LayerReader& layer) {
  layer.emit(Elu{{}, layer.params("elu_param").real("alpha", 1)}, {layer.required(0)});
}

void import_clip(LayerReader& layer, double least, double most) {
  layer.emit(Clip{}, {layer.required(0), layer.scalar(least, "least"), layer.scalar(most, "most")});
}

void import_relu6(LayerReader& layer) { import_clip(layer, 0, 6); }

void import_clip_layer(LayerReader& layer) {
  Params params = layer.params("clip_param");
  layer.check(params.has("min") && params.has("max"), "clip_param wants min and max");
  import_clip(layer, double{params.real("min", 0)}, double{params.real("max", 0)});
}

void import_swish(LayerReader& layer) {
  layer.emit(Swish{{}, layer.params("swish_param").real("beta", 1)}, {layer.required(0)});
}

void import_threshold(LayerReader& layer) {
  const float threshold = layer.params("threshold_param").real("threshold", 0);
  Value* above = layer.intermediate(
      Greater{}, {layer.required(0), layer.scalar(double{threshold}, "threshold")}, "above");
  layer.emit(Cast{.to = DType::f32}, {above});
}

/// shift + scale * x; x itself where that says nothing.
Value* affine(LayerReader& layer, float scale, float shift) {
  Value* x = layer.required(0);
  if (scale != 1)
    x = layer.intermediate(Mul{}, {x, layer.scalar(double{scale}, "scale")}, "scaled");
  if (shift != 0)
    x = layer.intermediate(Add{}, {x, layer.scalar(double{shift}, "shift")}, "shifted");
  return x;
}

/// (shift + scale * x) ^ power.
void import_power(LayerReader& layer) {
  Params params = layer.params("power_param");
  const float power = params.real("power", 1);
  Value* x = affine(layer, params.real("scale", 1), params.real("shift", 0));
  if (power == 1) layer.give(0, x);
  else if (power == 2) layer.emit(Mul{}, {x, x});
  else if (power == 0.5f) layer.emit(Sqrt{}, {x});
  else layer.emit(Pow{}, {x, layer.scalar(double{power}, "power")});
}

/// The natural logarithm of `base`; -1 stands for e.
float log_of_base(const LayerReader& layer, float base) {
  if (base == -1) return 1;
  layer.check(base > 0 && base != 1, "base is ", base);
  return std::log(base);
}

/// base ^ (shift + scale * x).
void import_exp(LayerReader& layer) {
  Params params = layer.params("exp_param");
  const float log = log_of_base(layer, params.real("base", -1));
  layer.emit(Exp{}, {affine(layer, params.real("scale", 1) * log, params.real("shift", 0) * log)});
}

/// log to `base` of (shift + scale * x).
void import_log(LayerReader& layer) {
  Params params = layer.params("log_param");
  const float log = log_of_base(layer, params.real("base", -1));
  Value* x = affine(layer, params.real("scale", 1), params.real("shift", 0));
  if (log == 1) return void(layer.emit(Log{}, {x}));
  Value* natural = layer.intermediate(Log{}, {x}, "natural");
  layer.emit(Mul{}, {natural, layer.scalar(1 / double{log}, "per_base")});
}

/// Layers that change nothing when a net runs.
void import_dropout(LayerReader& layer) { layer.give(0, layer.required(0)); }

}  // namespace

void register_activation(Importers& importers) {
  importers.add("ReLU", import_relu);
  importers.add("PReLU", import_prelu);
  importers.add("ELU", import_elu);
  importers.add("Sigmoid", import_plain<Sigmoid>);
  importers.add("TanH", import_plain<Tanh>);
  importers.add("AbsVal", import_plain<Abs>);
  importers.add("BNLL", import_plain<Softplus>);
  importers.add("ReLU6", import_relu6);
  importers.add("Clip", import_clip_layer);
  importers.add("Swish", import_swish);
  importers.add("Threshold", import_threshold);
  importers.add("Power", import_power);
  importers.add("Exp", import_exp);
  importers.add("Log", import_log);
  importers.add("Dropout", import_dropout);
}

}  // namespace hone::caffe
