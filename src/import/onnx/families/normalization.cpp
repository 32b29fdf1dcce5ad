#include "ops/normalization.hpp"

#include "import/onnx/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/reduction.hpp"

namespace hone::onnx {
namespace {

// momentum * running + (1 - momentum) * batch.
void give_running(NodeReader& node, int output, Value* running, Value* batch, float momentum) {
  if (!node.wants(output)) return;
  const DType dtype = running->type.tensor().dtype;
  const auto share = [&](Value* value, double factor) {
    Value* scale = node.constant(Tensor::scalar(dtype, factor), "momentum");
    return node.intermediate(Mul{}, {value, scale}, "share");
  };
  Value* old_share = share(running, momentum);
  Value* new_share = share(batch, 1 - double{momentum});
  node.give(output, node.intermediate(Add{}, {old_share, new_share}, "running"));
}

// Normalizes by the batch's own statistics, in ops of their own.
void import_training_mode(NodeReader& node, const BatchNormalization& op, float momentum) {
  const auto rank = node.rank(0);
  if (!rank || *rank < 2 || node.inputs() != 5)
    return node.problem("it is in training mode and its input's rank is unknown",
                        "export the model for inference (model.eval())");
  Dims axes{0};
  for (int64_t axis = 2; axis < *rank; ++axis) axes.push_back(axis);
  Value* x = node.required(0);
  const auto mean_of = [&](Value* value, bool keepdims, std::string_view hint) {
    return node.intermediate(ReduceMean{.axes = axes, .keepdims = keepdims}, {value}, hint);
  };
  Value* deviation = node.intermediate(Sub{}, {x, mean_of(x, true, "mean")}, "deviation");
  Value* mean = mean_of(x, false, "mean");
  Value* square = node.intermediate(Mul{}, {deviation, deviation}, "square");
  Value* variance = mean_of(square, false, "variance");
  node.give(0, node.intermediate(op, {x, node.required(1), node.required(2), mean, variance},
                                 "normalized"));
  give_running(node, 1, node.required(3), mean, momentum);
  give_running(node, 2, node.required(4), variance, momentum);
  node.give(3, mean);  // before opset 14
  node.give(4, variance);
}

// scale * (x - mean) / sqrt(variance + epsilon) + bias, statistics for every element of a sample.
void import_without_space(NodeReader& node, const BatchNormalization& op) {
  for (int i = 0; i < 5; ++i) node.required(i);
  Value* epsilon = node.constant(
      Tensor::scalar(node.dtype_in(4).value_or(DType::f32), double{op.epsilon}), "epsilon");
  Value* moved = node.intermediate(Add{}, {node.input(4), epsilon}, "moved");
  Value* root = node.intermediate(Sqrt{}, {moved}, "root");
  Value* deviation = node.intermediate(Sub{}, {node.input(0), node.input(3)}, "deviation");
  Value* normal = node.intermediate(Div{}, {deviation, root}, "normal");
  Value* scaled = node.intermediate(Mul{}, {normal, node.input(1)}, "scaled");
  node.emit(Add{}, {scaled, node.input(2)});
}

// What tells that the statistics are the batch's own: is_test is not set before opset 7,
// training_mode since 14.
bool is_training(NodeReader& node) {
  if (node.opset() < 7) return !node.flag("is_test", false);
  return node.flag("training_mode", false);
}

void import_batch_normalization(NodeReader& node) {
  const BatchNormalization op{.epsilon = node.real("epsilon", 1e-5f)};
  const float momentum = node.real("momentum", 0.9f);
  const bool spatial = node.flag("spatial", true);
  const bool training = is_training(node);
  if (training && !spatial)
    return node.problem("it is in training mode and spatial is 0",
                        "export the model for inference (model.eval())");
  if (training) return import_training_mode(node, op, momentum);
  for (int output = 1; output < node.outputs(); ++output)
    if (node.wants(output))
      return node.problem("it returns statistics of training",
                          "export the model for inference (model.eval())");
  if (!spatial) return import_without_space(node, op);
  node.emit(op, node.all_inputs());
}

void import_layer_normalization(NodeReader& node) {
  const LayerNormalization op{.axis = node.integer("axis", -1),
                              .epsilon = node.real("epsilon", 1e-5f),
                              .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit_all(op, node.all_inputs());
}

void import_rms_normalization(NodeReader& node) {
  const RMSNormalization op{.axis = node.integer("axis", -1),
                            .epsilon = node.real("epsilon", 1e-5f),
                            .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit(op, node.all_inputs());
}

void import_instance_normalization(NodeReader& node) {
  node.emit(InstanceNormalization{.epsilon = node.real("epsilon", 1e-5f)}, node.all_inputs());
}

void import_group_normalization(NodeReader& node) {
  const GroupNormalization op{.num_groups = node.integer("num_groups"),
                              .epsilon = node.real("epsilon", 1e-5f),
                              .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit(op, node.all_inputs());
}

void import_lrn(NodeReader& node) {
  const LRN op{.alpha = node.real("alpha", 1e-4f),
               .beta = node.real("beta", 0.75f),
               .bias = node.real("bias", 1),
               .size = node.integer("size")};
  node.emit(op, node.all_inputs());
}

void import_lp_normalization(NodeReader& node) {
  const LpNormalization op{.axis = node.integer("axis", -1), .p = node.integer("p", 2)};
  node.emit(op, node.all_inputs());
}

void import_mean_variance_normalization(NodeReader& node) {
  node.emit(MeanVarianceNormalization{.axes = node.ints("axes", {0, 2, 3})}, node.all_inputs());
}

}  // namespace

void register_normalization(Importers& importers) {
  importers.add("BatchNormalization", import_batch_normalization);
  importers.add("LayerNormalization", import_layer_normalization, 17);
  importers.add("RMSNormalization", import_rms_normalization, 23);
  importers.add("InstanceNormalization", import_instance_normalization);
  importers.add("GroupNormalization", import_group_normalization, 18);
  importers.add("LRN", import_lrn);
  importers.add("LpNormalization", import_lp_normalization);
  importers.add("MeanVarianceNormalization", import_mean_variance_normalization, 9);
}

}  // namespace hone::onnx
