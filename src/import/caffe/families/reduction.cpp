#include "ops/reduction.hpp"

#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::caffe {
namespace {

void import_softmax(LayerReader& layer) {
  const int64_t axis = layer.axis_of(layer.params("softmax_param").integer("axis", 1), 0);
  layer.emit(Softmax{.axis = axis}, {layer.required(0)});
}

template <class T>
void reduce(LayerReader& layer, const Dims& axes, float factor) {
  const T op{.axes = axes, .keepdims = false};
  if (factor == 1) return void(layer.emit(op, {layer.required(0)}));
  Value* reduced = layer.intermediate(op, {layer.required(0)}, "reduced");
  layer.emit(Mul{}, {reduced, layer.scalar(double{factor}, "coeff")});
}

/// Over `axis` and all axes after it, which go.
void import_reduction(LayerReader& layer) {
  Params params = layer.params("reduction_param");
  const size_t operation = params.choice("operation", {"SUM", "ASUM", "SUMSQ", "MEAN"}, "SUM", 1);
  const int64_t from = layer.axis_of(params.integer("axis", 0), 0);
  const float factor = params.real("coeff", 1);
  Dims axes;
  for (int64_t axis = from; axis < layer.rank_of(0); ++axis) axes.push_back(axis);
  if (operation == 0) reduce<ReduceSum>(layer, axes, factor);
  else if (operation == 1) reduce<ReduceL1>(layer, axes, factor);
  else if (operation == 2) reduce<ReduceSumSquare>(layer, axes, factor);
  else reduce<ReduceMean>(layer, axes, factor);
}

/// The places of the `top_k` largest along an axis, as floats, or these elements themselves.
/// Without an axis: of each image as a whole, as [batch, 1 or 2, top_k], places before elements.
void import_arg_max(LayerReader& layer) {
  Params params = layer.params("argmax_param");
  const bool values = params.flag("out_max_val", false);
  const int64_t count = params.integer("top_k", 1);
  const auto axis = params.optional_integer("axis");
  layer.check(count >= 1, "top_k is ", count);
  const int64_t along = axis ? layer.axis_of(*axis, 0) : 1;
  Value* x = layer.required(0);
  if (!axis) x = layer.intermediate(Flatten{}, {x}, "rows");
  const auto found = layer.intermediates(TopK{.k = Dims{count}, .axis = along}, {x}, 2, "top");
  if (axis && values) return layer.give(0, found[0]);
  if (axis) return void(layer.emit(Cast{.to = DType::f32}, {found[1]}));
  Value* places = layer.intermediate(Cast{.to = DType::f32}, {found[1]}, "places");
  if (!values) return void(layer.emit(Unsqueeze{.axes = Dims{1}}, {places}));
  Value* first = layer.intermediate(Unsqueeze{.axes = Dims{1}}, {places}, "first");
  Value* second = layer.intermediate(Unsqueeze{.axes = Dims{1}}, {found[0]}, "second");
  layer.emit(Concat{.axis = 1}, {first, second});
}

}  // namespace

void register_reduction(Importers& importers) {
  importers.add("Softmax", import_softmax);
  importers.add("Reduction", import_reduction);
  importers.add("ArgMax", import_arg_max);
}

}  // namespace hone::caffe
